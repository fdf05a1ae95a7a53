"""The tutorial's examples: the tables in its text are what the code computes, and that is what is right by hand."""

import re
import sys

import cv2
import numpy as np
import pytest

from tests.conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "docs"))

import lessons


@pytest.mark.parametrize("name", lessons.samples())
def test_tables_in_the_text_are_those_of_the_code(name: str) -> None:
    text = (REPOSITORY / "docs" / "TUTORIAL.md").read_text(encoding="utf-8")
    assert re.findall(rf"<!-- sample: {name} -->\n```\n(.*?)\n```", text, re.DOTALL) == [lessons.samples()[name]]


def test_the_list_by_hand() -> None:
    """Right, right, wrong (a again), wrong (nothing), right: 2/3 at precision 1, 1/3 at 3/5."""
    found = lessons.matched(lessons.DETECTIONS, lessons.SCORES)
    assert found.right.tolist() == [True, True, False, False, True]
    assert f"AP, area: {2 / 3 + 0.6 / 3:.3f}   AP, 11 points: {(7 + 4 * 0.6) / 11:.3f}" in lessons.list_table(
        lessons.DETECTIONS, lessons.SCORES
    )
    rows = [line.split() for line in lessons.nms_table().splitlines()[2:]]
    assert [row[-1] for row in rows] == ["0.867", f"{2 / 3 + 0.75 / 3:.3f}", f"{1 / 3 + (2 / 3) / 3:.3f}"]


def test_drawings(tmp_path) -> None:
    lessons.draw(tmp_path)
    for name in ("iou.png", "average_precision.png"):
        assert np.ptp(cv2.imread(str(tmp_path / name))) > 100
    first = (tmp_path / "iou.png").read_bytes()
    lessons.draw(tmp_path)
    assert (tmp_path / "iou.png").read_bytes() == first


def test_channels_of_a_network(tmp_path, tiny_root, slim_weights) -> None:
    photo = tiny_root / "data" / "tiny" / "positive" / "0.png"
    lessons.draw_network(tmp_path / "a.png", photo, slim_weights, [23, 29, 49, 55])
    assert np.ptp(cv2.imread(str(tmp_path / "a.png"))) > 100
