"""Supervisely: both corners are inside the object."""

import base64
import struct
import zlib

from tests.data_tests.annotation_formats_tests.conftest import Folder


def test_supervisely(folder: Folder) -> None:
    head = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + struct.pack(">II", 7, 9) + b"rest"
    packed = base64.b64encode(zlib.compress(head)).decode()
    objects = [
        {"classTitle": "a", "geometryType": "rectangle", "points": {"exterior": [[10, 20], [39, 59]]}},
        {"classTitle": "b", "geometryType": "polygon", "points": {"exterior": [[1, 2], [5, 2], [3, 9]]}},
        {"classTitle": "c", "geometryType": "bitmap", "bitmap": {"origin": [3, 4], "data": packed}},
        {"classTitle": "d", "geometryType": "bitmap", "bitmap": {"origin": [3, 4], "data": "cut"}},
    ]  # fmt: skip
    folder.add("ds/ann/p.jpg.json", {"size": {"height": 80, "width": 100}, "objects": objects, "tags": []})
    folder.add("meta.json", {"classes": [{"title": "a"}]})
    assert folder.boxes() == [(10, 20, 40, 60, "a"), (1, 2, 6, 10, "b"), (3, 4, 10, 13, "c")]
    assert folder.remarks["bitmap left out"] == 1
    assert folder.read()["p.jpg"].size == (100, 80)
