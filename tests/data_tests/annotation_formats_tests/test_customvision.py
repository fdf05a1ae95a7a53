"""Azure Custom Vision: answers and upload lists."""

import pytest

from tests.data_tests.annotation_formats_tests.conftest import Folder


def test_customvision_answers(folder: Folder) -> None:
    region = {"tagName": "cat", "left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}
    answer = {
        "id": "7f",
        "width": 100,
        "height": 80,
        "originalImageUri": "https://x/y/photo.jpg?sig=1",
        "regions": [region],
    }
    answer["tags"] = [{"tagId": "1", "tagName": "cat"}]
    folder.add("a.json", [answer]).picture("photo.jpg")
    (picture,) = folder.read().values()
    assert picture.file == folder.root / "photo.jpg"
    assert picture.boxes[0].edges == pytest.approx((0.1, 0.2, 0.4, 0.6)) and picture.boxes[0].relative


def test_customvision_tags_by_number(folder: Folder) -> None:
    region = {"tagId": 5, "left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}
    folder.add("a.json", {"images": [{"name": "a.jpg", "regions": [region]}], "tags": [{"id": "5", "name": "cat"}]})
    assert folder.boxes() == [(0.1, 0.2, 0.4, 0.6, "cat")]
