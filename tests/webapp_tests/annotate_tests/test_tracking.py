import cv2
import numpy as np
import pytest

from webapp.annotate.tracking import follow_boxes


def texture(seed: int, height: int, width: int, step: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height // step, width // step, 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def film(steps: int, dx: float, dy: float, growth: float = 1.0):
    """A textured square of 60 pixels at (80, 90) that moves and grows over a textured ground; frames and true boxes."""
    ground, square = texture(1, 300, 400, 12), texture(2, 60, 60, 5)
    frames, truth = [], []
    for step in range(steps):
        side = round(60 * growth**step)
        x, y = round(80 + dx * step), round(90 + dy * step)
        frame = ground.copy()
        frame[y : y + side, x : x + side] = cv2.resize(square, (side, side), interpolation=cv2.INTER_LINEAR)
        frames.append(frame)
        truth.append([x, y, x + side - 1, y + side - 1])
    return frames, truth


@pytest.mark.parametrize(("dx", "dy", "growth"), [(0, 0, 1), (5, 2, 1), (-3, 6, 1), (4, 1, 1.02)])
def test_a_moving_square_is_followed(dx, dy, growth) -> None:
    frames, truth = film(12, dx, dy, growth)
    [box], followed = follow_boxes(frames, [truth[0]])
    assert followed == [True]
    assert np.abs(np.subtract(box, truth[-1])).max() <= 3
    assert all(type(number) is int for number in box)


def test_one_frame_leaves_the_boxes() -> None:
    frames, truth = film(1, 0, 0)
    assert follow_boxes(frames, [truth[0]]) == ([truth[0]], [True])
    assert follow_boxes(frames, []) == ([], [])
    assert follow_boxes([], [[1, 2, 3, 4]]) == ([[1, 2, 3, 4]], [False])


def test_an_object_that_vanishes_is_lost_and_the_other_is_not() -> None:
    frames, truth = film(8, 2, 0)
    for number, frame in enumerate(frames):
        frame[200:260, 300:360] = texture(7 if number < 4 else 100 + number, 60, 60, 5)
    boxes, followed = follow_boxes(frames, [truth[0], [300, 200, 359, 259]])
    assert followed == [True, False]
    assert np.abs(np.subtract(boxes[0], truth[-1])).max() <= 3


def test_boxes_stay_inside_the_frame() -> None:
    frames, truth = film(10, 0, -9)
    [box], _ = follow_boxes([frame[:, :] for frame in frames], [truth[0]])
    assert 0 <= box[0] < box[2] < 400
    assert 0 <= box[1] < box[3] < 300


def test_large_frames_are_followed_in_their_own_pixels() -> None:
    frames, truth = film(4, 5, 2)
    large = [cv2.resize(frame, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC) for frame in frames]
    start = [4 * truth[0][0], 4 * truth[0][1], 4 * truth[0][2] + 3, 4 * truth[0][3] + 3]
    [box], followed = follow_boxes(large, [start])
    assert followed == [True]
    assert np.abs(np.subtract(box, [4 * number for number in truth[-1]])).max() <= 12
