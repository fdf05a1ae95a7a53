"""VoTT: both versions' JSON, and the column order of its CNTK exports, decided over the whole set."""

import pytest

from tests.data_tests.annotation_formats_tests.conftest import Folder


def add_pair(folder: Folder, name: str, rows: str, labels: str) -> None:
    folder.add(f"positive/{name}.bboxes.tsv", rows).add(f"positive/{name}.bboxes.labels.tsv", labels)


def test_version_1_is_scaled_from_the_canvas(folder: Folder) -> None:
    region = {"x1": 10, "y1": 20, "x2": 30, "y2": 40, "width": 50, "height": 40, "tags": ["cat"], "type": "Rectangle"}
    folder.add(
        "a.json",
        {"frames": {"a.jpg": [region], "b.jpg": []}, "inputTags": "cat", "visitedFrames": ["a.jpg", "/x/c.jpg"]},
    )
    pictures = folder.picture("a.jpg", 100, 80).read()
    assert pictures["a.jpg"].boxes[0].edges == (0.2, 0.5, 0.6, 1.0)
    assert pictures["a.jpg"].size == (100, 80) and not pictures["b.jpg"].boxes
    assert folder.remarks == {"picture visited but not tagged, left out": 1}


def test_version_2_assets_beside_the_project(folder: Folder) -> None:
    asset = {
        "id": "f0",
        "name": "a.jpg",
        "path": "file:/Users/x/a.jpg",
        "size": {"width": 100, "height": 80},
        "state": 2,
    }
    region = {
        "tags": ["cat", "pet"],
        "boundingBox": {"left": 10, "top": 20.5, "width": 30, "height": 40},
        "type": "RECTANGLE",
    }
    folder.add(
        "p.vott", {"assets": {"f0": asset, "f1": {**asset, "id": "f1", "name": "b.jpg"}}, "tags": [{"name": "cat"}]}
    )
    folder.add("f0-asset.json", {"asset": asset, "regions": [region], "version": "2.1.0"})
    for only in ("", "p.vott"):
        assert folder.boxes(only=only) == [(10, 20.5, 40, 60.5, "cat"), (10, 20.5, 40, 60.5, "pet")]
    assert folder.remarks["picture listed without an asset file, left out"] == 1


def test_version_2_export_in_one_file(folder: Folder) -> None:
    asset = {"name": "a%20b.jpg", "size": {"width": 100, "height": 80}, "state": 2}
    region = {"tags": ["cat"], "points": [{"x": 1, "y": 2}, {"x": 5, "y": 2}, {"x": 3, "y": 9}], "type": "POLYGON"}
    folder.add("x-export.json", {"assets": {"f0": {"asset": asset, "regions": [region]}}}).picture("a%20b.jpg").picture(
        "a b.jpg"
    )
    (picture,) = folder.read().values()
    assert picture.boxes[0].edges == (1, 2, 5, 9)
    assert picture.file == folder.root / "a%20b.jpg"  # a name with a literal %20 is not decoded


def test_one_box_decides_the_column_order_for_all(folder: Folder) -> None:
    add_pair(folder, "a.jpg", "10\t20\t30\t40", "cat")  # fits both orders
    add_pair(folder, "b.jpg", "50\t60\t5\t9\n1\t2\t3\t4", "cat\ncat")  # x1 x2 y1 y2 only
    assert folder.boxes() == [(10, 30, 20, 40, "cat"), (50, 5, 60, 9, "cat"), (1, 3, 2, 4, "cat")]
    assert "x1 x2 y1 y2 (VoTT 2): 3 of 3 boxes fit so, 2 as x1 y1 x2 y2" in folder.log.headlines[0]


def test_the_picture_s_size_decides_where_numbers_do_not(folder: Folder) -> None:
    add_pair(folder, "a.jpg", "10\t20\t30\t70", "cat")  # its third number is no x in a picture 25 pixels wide
    assert folder.boxes() == [(10, 20, 31, 71, "cat")]
    assert folder.picture("positive/a.jpg", 25, 80).boxes() == [(10, 30, 20, 70, "cat")]


@pytest.mark.parametrize(
    ("rows", "edges"), [("10\t20\t30\t40", (10, 20, 31, 41)), ("10.5\t20\t30\t40", (10.5, 30, 20, 40))]
)
def test_where_both_fit_decimals_are_version_2(folder: Folder, rows: str, edges: tuple[float, ...]) -> None:
    add_pair(folder, "a.jpg", rows, "cat")
    assert folder.boxes() == [(*edges, "cat")]


def test_the_order_can_be_said(folder: Folder) -> None:
    add_pair(folder, "a.jpg", "10\t20\t30\t40", "cat")
    assert folder.boxes("vott:cntk2") == [(10, 30, 20, 40, "cat")]
    assert folder.boxes("vott:cntk1") == [(10, 20, 31, 41, "cat")]
