"""COCO's twelve numbers of cases that can be counted by hand."""

import sys
from typing import Any

import pytest

from fastRCNN.evaluation.coco_numbers import NAMES, coco_numbers
from helpers.errors import UserError

pytest.importorskip("pycocotools")


def truth(*boxes: tuple[int, list[float]], crowd: tuple[int, ...] = ()) -> dict[str, Any]:
    """Objects (picture, x y width height) of category 7 in pictures 1 and 2; category 9 has none."""
    annotations = [
        {"id": number, "image_id": picture, "category_id": 7, "bbox": box, "area": box[2] * box[3],
         "iscrowd": int(number in crowd)}
        for number, (picture, box) in enumerate(boxes)
    ]  # fmt: skip
    images = [{"id": number, "width": 200, "height": 200} for number in (1, 2)]
    return {"images": images, "annotations": annotations,
            "categories": [{"id": 7, "name": "cat"}, {"id": 9, "name": "dog"}]}  # fmt: skip


def found(picture: int, box: list[float], score: float, category: int = 7) -> dict[str, Any]:
    return {"image_id": picture, "category_id": category, "bbox": box, "score": score}


SMALL, LARGE = [10.0, 10.0, 20.0, 20.0], [50.0, 50.0, 100.0, 100.0]


def test_all_found() -> None:
    result = coco_numbers(truth((1, SMALL), (2, LARGE)), [found(1, SMALL, 0.9), found(2, LARGE, 0.8)])
    assert list(result.numbers) == list(NAMES) and len(NAMES) == 12
    assert result.numbers["AP"] == pytest.approx(1) and result.numbers["AR@1"] == pytest.approx(1)
    assert result.numbers["AP_small"] == pytest.approx(1) and result.numbers["AP_large"] == pytest.approx(1)
    assert result.numbers["AP_medium"] is None and result.numbers["AR_medium"] is None
    assert result.classes == {"cat": pytest.approx({"AP": 1, "AP50": 1}), "dog": {"AP": None, "AP50": None}}
    assert result.as_data()["classes"]["dog"]["AP"] is None


def test_overlap_counts_in_steps() -> None:
    """A box of 0.72 overlap is right for the thresholds .50 to .70: five of ten."""
    result = coco_numbers(truth((1, [0.0, 0.0, 100.0, 100.0])), [found(1, [0.0, 0.0, 100.0, 72.0], 0.9)])
    assert result.numbers["AP"] == pytest.approx(0.5) and result.numbers["AP75"] == 0
    assert result.classes["cat"] == pytest.approx({"AP": 0.5, "AP50": 1})


def test_half_found_and_a_false_alarm_first() -> None:
    """One of two found, behind a false alarm: precision 1/2 up to recall 1/2, that is at 51 of 101 recalls."""
    results = [found(1, [150.0, 150.0, 20.0, 20.0], 0.9), found(1, LARGE, 0.8)]
    result = coco_numbers(truth((1, LARGE), (2, LARGE)), results)
    assert result.numbers["AP50"] == pytest.approx(0.5 * 51 / 101)
    assert result.numbers["AR@1"] == 0 and result.numbers["AR@10"] == pytest.approx(0.5)


def test_crowds_ids_of_zero_and_nothing_found() -> None:
    """The object with id 0, which pycocotools takes for none, is found; what lies in the crowd does not count."""
    results = [found(1, LARGE, 0.5), found(1, [2.0, 2.0, 20.0, 20.0], 0.9)]
    assert coco_numbers(truth((1, LARGE), (1, [0, 0, 40, 40]), crowd=(1,)), results).numbers["AP"] == pytest.approx(1)
    empty = coco_numbers(truth((1, LARGE)), [])
    assert empty.numbers["AP"] == 0 and empty.numbers["AR@100"] == 0 and empty.numbers["AP_small"] is None


def test_areas_and_crowds_that_an_export_leaves_out() -> None:
    whole, short = truth((1, SMALL), (2, LARGE)), truth((1, SMALL), (2, LARGE))
    for each in short["annotations"]:
        del each["area"], each["iscrowd"]
    results = [found(1, SMALL, 0.9), found(2, LARGE, 0.8)]
    assert coco_numbers(short, results) == coco_numbers(whole, results)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    with pytest.raises(UserError, match="pip install pycocotools"):
        coco_numbers(truth(), [])
