"""Near copies are found, other pictures are not."""

import cv2
import numpy as np

from fastRCNN.checking.near_copies import DISTANCE, difference_hash, near_copies


def picture(seed, height=240, width=320):
    noise = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def bits(first, second):
    return int(np.unpackbits(difference_hash(first) ^ difference_hash(second)).sum())


def test_the_hash_by_hand():
    """A ramp to the right is brighter at every step, one to the left at none, which is not what a flat picture has."""
    ramp = np.repeat(np.linspace(0, 255, 170).astype(np.uint8)[None, :, None], 160, axis=0).repeat(3, axis=2)
    assert (difference_hash(ramp) == 255).all()
    half = ramp.copy()
    half[80:] = ramp[80:, ::-1]
    assert np.unpackbits(difference_hash(half)).tolist() == [1] * 128 + [0] * 128


def test_copies_are_near_and_others_far():
    image = picture(0)
    saved = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR)
    small = cv2.resize(image, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    brighter = np.clip(image.astype(int) + 20, 0, 255).astype(np.uint8)
    assert max(bits(image, other) for other in (image, saved, small, brighter)) <= DISTANCE
    assert min(bits(image, picture(seed)) for seed in range(1, 30)) > 2 * DISTANCE


def test_pairs_are_found_across_blocks(monkeypatch):
    hashes = np.array([difference_hash(picture(seed)) for seed in (0, 1, 2, 0, 3, 1)])
    for block in (1, 2, 4, 100):
        monkeypatch.setattr("fastRCNN.checking.near_copies._AT_ONCE", block)
        assert near_copies(hashes) == [(0, 3, 0), (1, 5, 0)]


def test_flat_pictures_are_no_copies_of_each_other():
    flat = [np.full((50, 60, 3), value, np.uint8) for value in (0, 128, 130)]
    assert not np.array([difference_hash(image) for image in flat]).any()
    assert near_copies(np.array([difference_hash(image) for image in flat])) == []
    assert near_copies(np.zeros((0, 32), np.uint8)) == []
