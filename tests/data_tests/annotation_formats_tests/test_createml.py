"""Create ML: the centre of a box, in pixels or fractions."""

from tests.data_tests.annotation_formats_tests.conftest import Folder


def test_createml_centre(folder: Folder) -> None:
    coordinates = {"x": 25, "y": "40", "width": 30, "height": 40.5}
    folder.add(
        "a.json",
        [
            {"image": "a.jpg", "annotations": [{"label": "cat", "coordinates": coordinates}]},
            {"image": "b.jpg", "annotations": []},
        ],
    )
    assert folder.boxes() == [(10, 19.75, 40, 60.25, "cat")]
    assert set(folder.read()) == {"a.jpg", "b.jpg"}


def test_createml_fractions(folder: Folder) -> None:
    coordinates = {"x": 0.5, "y": 0.5, "width": 0.2, "height": 0.4}
    folder.add("a.json", [{"imagefilename": "a.jpg", "annotation": [{"label": "cat", "coordinates": coordinates}]}])
    assert folder.read()["a.jpg"].boxes[0].relative
