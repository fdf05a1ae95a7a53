"""Label Studio: percent, several annotators, predictions, uploads, JSON_MIN."""

from typing import Any

import pytest

from tests.data_tests.annotation_formats_tests.conftest import Folder


def result(x: float, y: float, width: float, height: float, label: str = "cat", **more: object) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": 0, "rectanglelabels": [label]}
    value |= {key: more.pop(key) for key in list(more) if key in ("rotation", "rectanglelabels", "points")}
    return {"original_width": 200, "original_height": 100, "type": "rectanglelabels", "value": value, **more}


def task(*results: object, image: str = "/data/upload/1/0a1b2c3d-a b.jpg", **more: object) -> dict[str, Any]:
    return {
        "id": 1,
        "data": {"image": image},
        "annotations": [{"result": list(results), "was_cancelled": False}],
        **more,
    }


def test_percent_of_the_original(folder: Folder) -> None:
    assert folder.add("a.json", [task(result(10, 20, 30, 40))]).boxes() == [(20, 20, 80, 60, "cat")]
    assert list(folder.read()) == ["a b.jpg"]


def test_negative_sides_and_rotation(folder: Folder) -> None:
    folder.add("a.json", [task(result(50, 50, -10, -20), result(50, 50, 10, 40, rotation=90))])
    assert folder.boxes() == [(80, 30, 100, 50, "cat"), (60, 50, 100, 70, "cat")]


def test_the_ground_truth_counts_or_else_the_last(folder: Folder) -> None:
    def done(label: str, when: str, **more: object) -> dict[str, Any]:
        return {"result": [result(0, 0, 10, 10, label)], "updated_at": when, **more}

    older, newer = done("older", "2024-01-01"), done("newer", "2024-02-01")
    cancelled, truth = (
        done("cancelled", "2024-03-01", was_cancelled=True),
        done("truth", "2023-01-01", ground_truth=True),
    )
    one, two = task(image="one.jpg"), task(image="two.jpg")
    one["annotations"], two["annotations"] = [older, newer, cancelled], [newer, truth, older]
    assert [box[4] for box in folder.add("a.json", [one, two]).boxes()] == ["newer", "truth"]
    assert folder.remarks == {"several annotators: the ground truth or else the last work counts": 2}


def test_predictions_are_no_annotations(folder: Folder) -> None:
    predictions = [{"result": [result(0, 0, 10, 10)]}]
    annotated, guessed = task(image="a.jpg", predictions=predictions), task(image="b.jpg", predictions=predictions)
    guessed["annotations"] = []
    pictures = folder.add("a.json", [annotated, guessed]).read()
    assert {name: len(picture.boxes) for name, picture in pictures.items()} == {"a.jpg": 0}
    assert folder.remarks["prediction left out, no person's annotation"] == 2


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("/data/upload/3/0a1b2c3d-a_1.jpg", "a_1.jpg"),
        ("/data/upload/3/0a1b2c3d-a_1.jpg", "0a1b2c3d-a_1.jpg"),
        ("/data/local-files/?d=deep/folder/a%20%231.jpg", "folder/a #1.jpg"),
        ("s3://bucket/x/a.jpg", "a.jpg"),
        ("https://example.org/a.jpg?token=b.jpg", "a.jpg"),
        ("C:\\photos\\a.jpg", "photos/a.jpg"),
    ],
)
def test_addresses_lead_to_pictures(folder: Folder, address: str, file: str) -> None:
    folder.picture(f"pictures/{file}", 200, 100).add("a.json", [task(result(0, 0, 10, 10), image=address)])
    (picture,) = folder.read().values()
    assert picture.file == folder.root / "pictures" / file


def test_json_min(folder: Folder) -> None:
    value = result(10, 20, 30, 40)["value"] | {"original_width": 200, "original_height": 100}
    folder.add("a.json", [{"id": 1, "image": "a.jpg", "label": [value], "annotator": 1}])
    assert folder.boxes() == [(20, 20, 80, 60, "cat")]


def test_other_shapes(folder: Folder) -> None:
    ellipse = {
        "type": "ellipselabels",
        "value": {"x": 50, "y": 50, "radiusX": 10, "radiusY": 20, "rotation": 0, "ellipselabels": ["e"]},
    }
    polygon = {"type": "polygonlabels", "value": {"points": [[10, 10], [20, 10], [20, 30]], "polygonlabels": ["p"]}}
    point = {"type": "keypointlabels", "value": {"x": 5, "y": 5, "width": 1, "keypointlabels": ["k"]}}
    choice = {"type": "choices", "value": {"choices": ["good"]}}
    size = {"original_width": 200, "original_height": 100}
    folder.add("a.json", [task(*({**size, **each} for each in (ellipse, polygon, point, choice)))])
    assert folder.boxes() == [(80, 30, 120, 70, "e"), (20, 10, 40, 30, "p")]
    assert folder.remarks["keypointlabels left out"] == 1


def test_a_picture_rotated_in_the_tool_is_a_fault(folder: Folder) -> None:
    folder.add("a.json", [task(result(0, 0, 10, 10, image_rotation=90))]).read()
    assert "image_rotation" in folder.faults[0]
