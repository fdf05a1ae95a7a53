"""The forms of an answer, by hand on three ROIs."""

import math

import numpy as np
import pytest

from fastRCNN.evaluation.detections import Detections
from webapp.serve.formats import Answer, Wanted, chosen, formatted, probability
from webapp.serve.timed_detector import Course

NAMES = ("__background__", "cat", "dog")
EVERYTHING = Detections(
    boxes=np.array([[10, 20, 19, 59], [12, 20, 21, 59], [0, 0, 99, 49], [50, 10, 50, 10]]),
    labels=np.array([1, 1, 0, 2]),
    scores=np.array([0.53, 0.4, 1.5, -0.25]),
    keep=np.array([True, False, True, True]),
    class_names=NAMES,
)


def answer(found: Detections, name: str = "") -> Answer:
    return Answer(found, Course({"network": 0.25}, np.array([[1, 2, 3, 4]])), 100, 50, name, "svm")


def scores(**wanted) -> list[float]:
    return [round(float(score), 2) for score in chosen(EVERYTHING, Wanted(**wanted)).scores]


def test_what_is_left():
    assert scores() == [0.53, -0.25]
    assert scores(threshold=0.53) == [0.53], "the threshold itself is enough, in float32 too"
    assert scores(threshold=0.54) == []
    assert scores(classes=("dog",)) == [-0.25]
    assert scores(classes=()) == []
    assert scores(max=1) == [0.53]
    assert scores(max=5) == [0.53, -0.25]
    assert scores(nms=1.0) == [0.53, 0.4, -0.25], "nothing overlaps by more than 1"
    assert scores(nms=0.6) == [0.53, -0.25], "8 * 40 shared of 12 * 40: two thirds is more"
    assert scores(nms=0.7) == [0.53, 0.4, -0.25]


def test_the_tutorials_form_keeps_every_roi():
    assert scores(format="tutorial") == [0.53, 0.4, 1.5, -0.25]
    assert scores(format="tutorial", threshold=0.5) == [0.53, 1.5]
    assert scores(format="tutorial", max=2) == [0.53, 1.5], "the best ones, in their order"
    records = formatted(answer(EVERYTHING), "tutorial")
    assert records == EVERYTHING.string_records()
    assert records[1]["nms"] == "False"


def test_each_form():
    found = answer(chosen(EVERYTHING, Wanted()), "7")
    assert formatted(found, "v2")[0] == {
        "label": "cat",
        "score": 0.53,
        "left": 10,
        "top": 20,
        "right": 19,
        "bottom": 59,
    }
    assert formatted(found, "coco")[0] == {"image_id": 0, "category_id": 1, "bbox": [10, 20, 10, 40], "score": 0.53}
    assert formatted(found, "coco")[1]["bbox"] == [50, 10, 1, 1]
    vision = formatted(found, "customvision")["predictions"]
    assert vision[0]["tagName"] == "cat"
    assert vision[0]["boundingBox"] == {"left": 0.1, "top": 0.4, "width": 0.1, "height": 0.8}
    assert vision[0]["tagId"] == formatted(found, "customvision")["predictions"][0]["tagId"] != vision[1]["tagId"]
    assert formatted(found, "vott") == {
        "frames": {
            "7.jpg": {
                "regions": [
                    {"class": 1, "x1": 10, "y1": 20, "x2": 19, "y2": 59},
                    {"class": 2, "x1": 50, "y1": 10, "x2": 50, "y2": 10},
                ]
            }
        },
        "classes": {"background": 0, "cat": 1, "dog": 2},
    }
    details = formatted(found, "details")
    assert (details["width"], details["height"], details["seconds"]) == (100, 50, {"network": 0.25})
    assert details["rois"] == [[1, 2, 3, 4]]
    assert [each["class"] for each in details["detections"]] == [1, 2]


@pytest.mark.parametrize("form", ["tutorial", "v2", "coco", "customvision", "vott", "details"])
def test_nothing_found(form):
    nothing = answer(chosen(EVERYTHING, Wanted(format=form, threshold=99)))
    content = formatted(nothing, form)
    assert not (content if isinstance(content, list) else content.get("predictions") or content.get("detections"))


def test_probability():
    assert probability(0.7, "nn") == 0.7
    assert probability(0.0, "svm") == 0.5
    assert probability(2.0, "svm") == pytest.approx(1 / (1 + math.exp(-2)))
    assert probability(-2.0, "svm") == pytest.approx(1 - probability(2.0, "svm"))
    assert 0 <= probability(-1e5, "svm") < probability(1e5, "svm") <= 1
