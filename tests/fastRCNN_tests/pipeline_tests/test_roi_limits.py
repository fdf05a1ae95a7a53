"""Limits of ROIs that are fitted to the training annotations: their numbers, and given ones beside them."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.datasets import tutorial_folders
from fastRCNN.datasets.annotation_statistics import ANY_SIZE
from fastRCNN.datasets.imdb import ImageRecord
from fastRCNN.pipeline.roi_limits import fitted_limits, limits_in_words, with_fitted_limits
from fastRCNN.proposals.roi_parameters import RoiParameters
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from PARAMETERS import get_parameters


def record(*boxes, size=(1000, 500)):
    """Return a picture of `size` with objects in `boxes`."""
    found = np.array(boxes, np.float64).reshape(-1, 4)
    return ImageRecord(0, "positive/0", Path("0.jpg"), *size, found, np.ones(len(found), np.int64))


# Widths 100 and 200 as the filter sees them, relative to 1000 and to 800. Two objects: room for 1.2 + 2 / 2 = 2.2.
PICTURES = [record([0, 0, 100, 100]), record(size=(300, 300)), record([0, 0, 200, 200], size=(600, 800))]


def test_limits_by_hand():
    assert fitted_limits(iter(PICTURES)) == {
        "roi_minDimRel": 0.045,  # 0.1 / 2.2 = 0.04545
        "roi_maxDimRel": 0.55,  # 0.25 * 2.2
        "roi_minNrPixelsRel": 0.002,  # 0.01 / 4.84 = 0.00207
        "roi_maxNrPixelsRel": 0.31,  # 0.0625 * 4.84 = 0.3025
        "roi_maxAspectRatio": 2.2,
    }


def test_no_object_no_limits(caplog):
    assert fitted_limits([]) == fitted_limits([record()]) == ANY_SIZE
    assert len(caplog.messages) == 2 and "No object is annotated" in caplog.text


def test_given_numbers_stay():
    p = get_parameters(["--set", "roi_maxDimRel=0.9", "--set", "roi_minNrPixelsRel=0"])
    result = with_fitted_limits(p, PICTURES)
    assert (result.roi_minDimRel, result.roi_maxDimRel) == (0.045, 0.9)
    assert (result.roi_minNrPixelsRel, result.roi_maxNrPixelsRel) == (0.0, 0.31)
    assert p.roi_minDimRel == "fitted"  # the argument is as it was
    assert {**result, **{name: p[name] for name in ANY_SIZE}} == dict(p)
    words = limits_in_words(result, p)
    assert words.startswith(
        "Limits of ROIs: roi_minDimRel = 0.045 (fitted), roi_maxDimRel = 0.9, roi_minNrPixelsRel = 0, roi_max"
    )


def test_given_numbers_alone_ask_for_no_annotation():
    p = get_parameters(["--compat", "tutorial"])
    assert with_fitted_limits(p, iter([None])) == p


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("roi_minDimRel=0.6", r"roi_minDimRel = 0.6 is greater than roi_maxDimRel = 0.55 \(fitted"),
        ("roi_maxDimRel=0.04", r"roi_minDimRel = 0.045 \(fitted to the training annotations\) is greater than roi_max"),
        ("roi_maxNrPixelsRel=0.001", r"roi_minNrPixelsRel = 0.002 \(fitted"),
    ],
)
def test_a_given_number_that_leaves_no_room(given, message):
    with pytest.raises(UserError, match=message):
        with_fitted_limits(get_parameters(["--set", given]), PICTURES)


def test_groups_of_sizes_are_fitted_where_that_is_asked_for(tiny_root):
    """Two objects in each of four pictures of 120 x 90: discs of 27 pixels, squares of 25."""
    train = tutorial_folders.read(Artifacts(tiny_root, "tiny"), "train")
    p = get_parameters(["--root", str(tiny_root), "--dataset", "tiny"])
    assert with_fitted_limits(p, train)["roi_sizeGroups"] == "none"
    assert RoiParameters.choose(with_fitted_limits(p, train)).roi_sizeGroups == "none"
    p["roi_sizeGroups"] = "fitted"
    fitted = with_fitted_limits(p, train)
    assert fitted["roi_sizeGroups"] == [0.2083, 0.225]  # 25 / 120 and 27 / 120, twice each
    assert RoiParameters.choose(fitted).roi_sizeGroups == [0.2083, 0.225]
    assert RoiParameters.choose(p, {**fitted_limits(train), "roi_sizeGroups": [0.3]}).roi_sizeGroups == [0.3]
    assert limits_in_words(fitted, p).endswith(", roi_sizeGroups = [0.2083, 0.225] (fitted)")
    assert "roi_sizeGroups" not in limits_in_words(fitted_limits(train), {**p, "roi_sizeGroups": "none"})
