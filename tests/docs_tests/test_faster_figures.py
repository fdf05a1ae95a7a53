"""The figures of Faster R-CNN are drawn from what the steps left, all of them that the texts show."""

import re
import sys

import cv2
import numpy as np
import pytest

from fastRCNN.network.network import save_network
from helpers.artifacts import Artifacts
from helpers.images import read_image, write_image
from tests.conftest import REPOSITORY, TINY_CLASSES, draw_tiny_data_set
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network

sys.path.insert(0, str(REPOSITORY / "docs"))

import faster_figures

STEPS = ("1_anchors", "2_anchorTargets", "3_objectness", "4_before", "5_after", "6_targets")


@pytest.fixture
def of(tmp_path) -> Artifacts:
    """What B1, B2 and step 3 leave of data/tiny, in plain colours; a network with random weights."""
    of = Artifacts(draw_tiny_data_set(tmp_path), "tiny")
    for number, step in enumerate(STEPS):
        picture = np.full((90, 120, 3), 40 * number, np.uint8)
        write_image(of.results / "regions" / f"train_00.{step}.jpg", picture)
    network = faster_network(("__background__", *TINY_CLASSES))
    save_network(of.model_file("faster"), network.spec.to_header(), network.arrays)
    for file in (of.results / "roi_recall_compared.png", of.model_file("faster").with_name("training_faster.png")):
        write_image(file, np.full((50, 60, 3), 7, np.uint8))
    return of


def test_all_figures_of_the_texts_are_drawn(of, tmp_path) -> None:
    faster_figures.draw(of, tmp_path / "pictures", 300)
    drawn = {path.name for path in (tmp_path / "pictures").iterdir()}
    texts = "".join(
        (REPOSITORY / "docs" / name).read_text(encoding="utf-8") for name in ("TUTORIAL.md", "HOW_IT_WORKS.md")
    )
    shown = set(re.findall(r"\(pictures/((?:faster_|roi_pooling)[^)]*)\)", texts))
    assert shown == drawn
    pair = read_image(tmp_path / "pictures" / "faster_proposals.jpg")
    assert pair.shape == (90, 248, 3)
    assert np.abs(pair[45, [60, 124, 188]].mean(axis=1) - [120, 255, 160]).max() < 4  # before | white | after


def test_pooling_shows_the_largest_object(of, tmp_path) -> None:
    picture = of.data / "positive" / "0.png"
    faster_figures.draw_pooling(of, picture, tmp_path / "pooling.png", 300)
    drawn = cv2.imread(str(tmp_path / "pooling.png"))
    assert drawn.shape == (400, 1100, 3)
    left = drawn[60:, :360].reshape(-1, 3).astype(int)
    red = (np.abs(left - [30, 40, 220]).sum(axis=1) < 60).sum()  # the disc, 27 pixels wide; the square has 25
    blue = (np.abs(left - [230, 200, 40]).sum(axis=1) < 60).sum()
    assert red > 5 * blue
