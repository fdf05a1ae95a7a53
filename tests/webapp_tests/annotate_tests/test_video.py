from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.errors import UserError
from helpers.images import read_image
from tests.webapp_tests.annotate_tests.test_tracking import film
from webapp.annotate.video import Frame, Frames, read_frames, take_frames


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """25 frames of 400 x 300; the square moves 4 pixels to the right with each."""
    path = tmp_path / "my film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (400, 300))
    for frame in film(25, 4, 0)[0]:
        writer.write(frame)
    writer.release()
    return path


def test_every_tenth_frame_becomes_a_picture(video, tmp_path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    taken = dict(take_frames(video, folder, 10, set()))
    assert taken == {f"my film_frame_{n:06d}.jpg": Frame(str(video.resolve()), n) for n in (0, 10, 20)}
    assert sorted(path.name for path in folder.iterdir()) == sorted(taken)
    picture = read_image(folder / "my film_frame_000010.jpg")
    assert np.abs(picture.astype(int) - film(11, 4, 0)[0][-1]).mean() < 12


def test_frames_that_are_there_are_not_written_again(video, tmp_path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    taken = dict(take_frames(video, folder, 10, {"my film_frame_000010"}))
    assert len(taken) == 3
    assert sorted(path.name for path in folder.iterdir()) == ["my film_frame_000000.jpg", "my film_frame_000020.jpg"]


def test_frames_from_the_middle(video) -> None:
    assert len(list(read_frames(video, 5, 9))) == 5
    assert len(list(read_frames(video, 20, 99))) == 5


def test_what_is_no_video_is_said(tmp_path) -> None:
    text = tmp_path / "film.mp4"
    text.write_text("no film")
    for path in (text, tmp_path / "nothing.mp4"):
        with pytest.raises(UserError, match=path.name):
            list(take_frames(path, tmp_path, 1, set()))
    with pytest.raises(UserError, match="--every 0"):
        list(take_frames(text, tmp_path, 0, set()))


def test_frames_are_remembered(tmp_path) -> None:
    frames = Frames(tmp_path / "frames.json")
    frames.remember(
        {
            "a.jpg": Frame("/v.mp4", 0),
            "b.jpg": Frame("/v.mp4", 30),
            "c.jpg": Frame("/v.mp4", 60),
            "x.jpg": Frame("/w.mp4", 30),
        }
    )
    again = Frames(tmp_path / "frames.json")
    assert again.of("b.jpg") == Frame("/v.mp4", 30)
    assert [again.before(name) for name in ("a.jpg", "b.jpg", "c.jpg", "x.jpg", "other.jpg")] == [
        "",
        "a.jpg",
        "b.jpg",
        "",
        "",
    ]
    (tmp_path / "frames.json").write_text("[]")
    with pytest.raises(UserError, match="damaged"):
        Frames(tmp_path / "frames.json")
