"""labelme: shapes, and where its pictures lie."""

from typing import Any

import pytest

from tests.data_tests.annotation_formats_tests.conftest import Folder


def labelme(*shapes: dict[str, Any], **more: object) -> dict[str, Any]:
    return {
        "version": "5.4",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": "a.jpg",
        "imageHeight": 80,
        "imageWidth": 100,
        **more,
    }


def test_labelme_shapes(folder: Folder) -> None:
    shapes = [
        {"label": "r", "shape_type": "rectangle", "points": [[30, 40.5], [10, 20]], "flags": {"difficult": True}},
        {"label": "c", "shape_type": "circle", "points": [[50, 40], [53, 44]]},
        {"label": "p", "points": [[1, 2], [3, 2], [3, 9]]},
        {"label": "l", "shape_type": "linestrip", "points": [[1, 2], [3, 2]]},
        {"label": "o", "shape_type": "point", "points": [[1, 2]]},
    ]
    folder.add("a.json", labelme(*shapes))
    assert folder.boxes() == [(10, 20, 30, 40.5, "r"), (45, 35, 55, 45, "c"), (1, 2, 3, 9, "p")]
    assert folder.read()["a.jpg"].boxes[0].marks == {"difficult"}
    assert folder.remarks["linestrip left out: no area"] == folder.remarks["point left out: no area"] == 1


@pytest.mark.parametrize("path", ["..\\other\\7.jpg", "C:/x/7.jpg", "7.json", "", "renamed since.jpg"])
def test_labelme_finds_the_picture_beside(folder: Folder, path: str) -> None:
    folder.add("deep/7.json", labelme(imagePath=path)).picture("deep/7.jpg").picture("other/8.jpg")
    (picture,) = folder.read().values()
    assert picture.file == folder.root / "deep" / "7.jpg"


def test_labelme_one_damaged_file_does_not_spoil_the_rest(folder: Folder) -> None:
    folder.add("a.json", labelme()).add("b.json", '{"shapes": [\n{"label": ').add(
        "c.json", labelme({"label": "x", "points": [[1]]})
    )
    assert list(folder.read("labelme")) == ["a.jpg"] or len(folder.faults) == 2
    text = "\n".join(folder.faults)
    assert "b.json:2: no whole JSON" in text and "points: a point needs x and y" in text
