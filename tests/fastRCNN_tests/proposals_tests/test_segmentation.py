"""Our Felzenszwalb-Huttenlocher segmentation against scikit-image's, label by label."""

import cv2
import numpy as np
import pytest

from fastRCNN.proposals.segmentation import felzenszwalb

skimage_segmentation = pytest.importorskip("skimage.segmentation")


def pictures():
    """Yield small pictures of several kinds: noise, smooth noise, blocks of one colour, grey."""
    rng = np.random.default_rng(3)
    for height, width in ((1, 1), (1, 9), (9, 1), (2, 2), (23, 40), (61, 35)):
        noise = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        yield noise
        yield cv2.GaussianBlur(noise, (0, 0), 3)
        yield np.repeat(np.repeat(noise // 64 * 64, 4, axis=0), 5, axis=1)
        yield np.ascontiguousarray(noise[:, :, [0, 0, 0]])


@pytest.mark.parametrize(("scale", "sigma", "min_size"), [(100, 1.2, 20), (10, 0.8, 1), (500, 0.5, 50)])
def test_same_labels_as_scikit_image(scale, sigma, min_size):
    for picture in pictures():
        ours = felzenszwalb(picture, scale=scale, sigma=sigma, min_size=min_size)
        theirs = skimage_segmentation.felzenszwalb(picture, scale=scale, sigma=sigma, min_size=min_size)
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == np.int32


def test_two_halves_by_hand():
    picture = np.zeros((8, 10, 3), np.uint8)
    picture[:, 6:] = 200
    labels = felzenszwalb(picture, scale=1, sigma=0.1, min_size=1)
    expected = np.zeros((8, 10), int)
    expected[:, 6:] = 1
    np.testing.assert_array_equal(labels, expected)


def test_small_segments_are_joined():
    picture = np.zeros((20, 20, 3), np.uint8)
    picture[8:12, 8:12] = 255  # 16 pixels
    assert felzenszwalb(picture, scale=1, sigma=0, min_size=16).max() == 1
    assert felzenszwalb(picture, scale=1, sigma=0, min_size=17).max() == 0
