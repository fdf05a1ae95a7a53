"""What is known again: by hand on a few rows, the same pictures again, random filters below the bundled network."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.network.alexnet import he_initialised
from fastRCNN.network.network import load_network
from resources.train_residual.probe import KINDS, known_again, pictures, probe

BUNDLED = Path(__file__).resolve().parents[2] / "resources" / "cntk" / "Residual.npz"


def test_known_again_by_hand() -> None:
    first = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert known_again(np.concatenate([first, first + 0.1])) == 1.0
    assert known_again(np.concatenate([first, first[[1, 2, 0]]])) == 0.0
    swapped = np.concatenate([first, first[[1, 0, 2]]])  # of three, one in each direction
    assert known_again(swapped) == pytest.approx(1 / 3)


def test_both_ways_count() -> None:
    """Directions in degrees: first 45, 10; second 25, 0. Each first one's nearest is its own, but 25's is 10."""
    near = np.stack([np.cos(np.radians([45, 10, 25, 0])), np.sin(np.radians([45, 10, 25, 0]))], axis=1)
    far = -near.sum(axis=0) / 2  # a third design opposite, twice, so that the mean is nothing
    rows = np.stack([near[0], near[1], far, near[2], near[3], far])
    assert known_again(rows) == pytest.approx((3 / 3 + 2 / 3) / 2)


@pytest.mark.parametrize("kind", list(KINDS))
def test_two_pictures_of_each_design(kind: str) -> None:
    shown, again = pictures(kind, 3), pictures(kind, 3)
    assert len(shown) == 6
    for (picture, box), (same, same_box) in zip(shown, again, strict=True):
        assert picture.shape == (224, 224, 3) and picture.dtype == np.uint8
        assert np.array_equal(picture, same) and np.array_equal(box, same_box)
        x1, y1, x2, y2 = box[0].astype(int)
        assert (x1, y1) == (24, 24) and 60 <= max(x2 - x1, y2 - y1) + 1 <= 176
        ground = picture[-1, -1]
        assert (picture[:24] == ground).all() and (picture[y2 + 1 :] == ground).all()
        assert (picture[24 : y2 + 1, 24 : x2 + 1] != ground).any()
    assert not np.array_equal(shown[0][0], shown[3][0])  # another pose, another ground


def test_the_bundled_network_knows_more_again_than_random_filters() -> None:
    ours, random = probe(load_network(BUNDLED), count=10), probe(he_initialised(0), count=10)
    assert set(ours) == set(KINDS)
    assert np.mean(list(ours.values())) > np.mean(list(random.values())) + 0.15
