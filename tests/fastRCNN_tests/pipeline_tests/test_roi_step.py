"""Step 1's parts: which parameters go into it. (What it writes: `tests/scripts_tests`.)"""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.pipeline.roi_step import RoiRun
from fastRCNN.proposals.rois import rois_of_picture
from helpers.errors import UserError
from PARAMETERS import get_parameters

LIMITS = dict.fromkeys(("roi_minDimRel", "roi_minNrPixelsRel"), 0.1) | dict.fromkeys(
    ("roi_maxDimRel", "roi_maxNrPixelsRel"), 0.9
)


@pytest.fixture
def way():
    options = ["--dataset", "mine", "--jobs", "1", "--seed", "3", "--set", "cntk_tiles=4", "--set", "cntk_padWidth=640",
               "--set", "cntk_padHeight=640"]  # fmt: skip
    return RoiRun.choose(get_parameters(options), {**LIMITS, "roi_maxAspectRatio": 4.0})


def test_what_is_chosen(way):
    assert (way.seed, way.threads, way.pad_size, way.tiling.cuts) == (3, 1, 640, True)
    assert way.tiling == Tiling(4, 0.25)
    assert way.parameters.limits["roi_maxDimRel"] == 0.9


def test_what_is_found(way, tiny_root):
    path = tiny_root / "data" / "tiny" / "positive" / "0.png"
    ((stages, seconds),) = way.find([path])
    expected, _ = rois_of_picture(path, way.parameters, 3)
    np.testing.assert_array_equal(stages.final, expected.final)
    assert len(stages.final) and seconds > 0


def test_workers_run_no_network(way):
    with pytest.raises(UserError, match="--cluster: workers do not run the network of ss_method 'fast'"):
        way.find([Path("a.png")], Path("network.npz"), cluster=object())
