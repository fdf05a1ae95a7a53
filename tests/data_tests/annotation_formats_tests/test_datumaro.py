"""Datumaro: boxes and other shapes, sizes with the height first."""

from tests.data_tests.annotation_formats_tests.conftest import Folder


def test_datumaro(folder: Folder) -> None:
    attributes = {"occluded": True, "track_id": 3, "colour": "red"}
    annotations = [
        {"type": "bbox", "bbox": [10, 20, 30, 40], "label_id": 1, "attributes": attributes},
        {"type": "bbox", "bbox": [40, 30, 20, 10], "label_id": "0", "attributes": {"rotation": 90.0}},
        {"type": "polygon", "points": [1, 2, 5, 2, 3, 9], "label_id": 0},
        {"type": "mask", "label_id": 0, "rle": {"size": [80, 100], "counts": [80 * 10 + 5, 4, 7196]}},
        {"type": "points", "points": [1, 2], "label_id": 0}, {"type": "label", "label_id": 0},
    ]  # fmt: skip
    value = {
        "categories": {"label": {"labels": [{"name": "a"}, {"name": "b"}]}},
        "items": [{"id": "x/p", "annotations": annotations, "image": {"path": "x/p.jpg", "size": [80, 100]}}],
    }
    folder.add("annotations/val.json", value)
    assert [box[:4] for box in folder.boxes()] == [(10, 20, 40, 60), (45, 25, 55, 45), (1, 2, 5, 9), (10, 5, 11, 9)]
    picture = folder.read()["x/p.jpg"]
    first = picture.boxes[0]
    assert (picture.size, picture.subset, first.label, first.track, set(first.marks)) == (
        (100, 80),
        "val",
        "b",
        "3",
        {"occluded"},
    )
    assert first.attributes == (("colour", "red"),)
