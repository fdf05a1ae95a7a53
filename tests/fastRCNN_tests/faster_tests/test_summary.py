"""What a minibatch adds up to, alone and in parts."""

import numpy as np
import pytest
import torch

from fastRCNN.faster.steps import LOSSES, PictureLosses
from fastRCNN.faster.summary import means_of, sums_of

RESULTS = [
    PictureLosses({LOSSES[0]: torch.tensor(1.0), LOSSES[2]: torch.tensor(4.0)}, 3, 8, 1, 2),
    PictureLosses({LOSSES[0]: torch.tensor(2.0)}, 1, 2, 0, 0),
    PictureLosses({}, 0, 0, 1, 1),
]


def test_means_by_hand():
    means = means_of(sums_of(RESULTS))
    assert means == pytest.approx({LOSSES[0]: 1, LOSSES[1]: 0, LOSSES[2]: 4 / 3, LOSSES[3]: 0, "error": 0.4,
                                   "recall": 2 / 3})  # fmt: skip


def test_parts_add_up_to_the_whole():
    np.testing.assert_array_equal(sums_of(RESULTS[:1]) + sums_of(RESULTS[1:]), sums_of(RESULTS))


def test_nothing():
    assert set(means_of(sums_of([])).values()) == {0.0}
