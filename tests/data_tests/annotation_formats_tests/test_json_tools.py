"""labelme, VIA, Create ML, Custom Vision, Datumaro, Supervisely: numbers by hand, shapes and oddities."""

import base64
import json
import struct
import zlib
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


def via_entry(*regions: Any, name: str = "a.jpg", as_dict: bool = False) -> dict[str, Any]:
    entries: Any = {str(n): region for n, region in enumerate(regions)} if as_dict else list(regions)
    return {f"{name}123": {"filename": name, "size": 123, "regions": entries, "file_attributes": {}}}


def rect(label: object, name: str = "class", **more: object) -> dict[str, Any]:
    shape = {"name": "rect", "x": 10, "y": "20", "width": 30, "height": 40}
    return {"shape_attributes": shape, "region_attributes": {name: label, **more}}


@pytest.mark.parametrize("as_dict", [False, True])
def test_via_regions(folder: Folder, as_dict: bool) -> None:
    shapes = [{"name": "circle", "cx": 50, "cy": 40, "r": 5}, {"name": "ellipse", "cx": 50, "cy": 40, "rx": 5, "ry": 9}]
    shapes += [
        {"name": "polygon", "all_points_x": [1, 5, 3], "all_points_y": [2, 2, 9]},
        {"name": "point", "cx": 1, "cy": 2},
    ]
    regions = [
        {"shape_attributes": shape, "region_attributes": {"class": {"dog": True, "cat": False}}} for shape in shapes
    ]
    folder.add("via.json", via_entry(rect("cat", colour="red"), *regions, as_dict=as_dict))
    assert folder.boxes() == [
        (10, 20, 40, 60, "cat"), (45, 35, 55, 45, "dog"), (45, 31, 55, 49, "dog"), (1, 2, 5, 9, "dog")
    ]  # fmt: skip
    assert folder.read()["a.jpg"].boxes[0].attributes == (("colour", "red"),)
    assert folder.remarks["point left out: no area"] == 1


def test_via_the_class_is_the_attribute_called_so(folder: Folder) -> None:
    folder.add("via.json", via_entry(rect("cat", "Object Class", note="x"), rect("dog", "Object Class", note="y")))
    assert [box[4] for box in folder.boxes()] == ["cat", "dog"]


def test_via_damage_names_the_line(folder: Folder) -> None:
    regions = [rect("cat"), {"shape_attributes": {"name": "rect", "x": "?"}, "region_attributes": {}}]
    folder.add("via.json", json.dumps({"_via_img_metadata": via_entry(*regions)}, indent=1)).read()
    lines = (folder.root / "via.json").read_text().split("\n")
    number = int(folder.faults[0].split(":")[1])
    assert folder.faults[0].endswith(": x is no number: '?'") and '"x": "?"' in "".join(lines[number - 1 : number + 4])


def test_via_without_a_class(folder: Folder) -> None:
    folder.add("via.json", via_entry({"shape_attributes": rect("")["shape_attributes"], "region_attributes": {}}))
    assert folder.boxes() == [(10, 20, 40, 60, "UNDECIDED")]


def test_via_csv_names_the_line(folder: Folder) -> None:
    head = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n"
    good = 'a.jpg,1,"{}",1,0,"{""name"":""rect"",""x"":1,""y"":2,""width"":3,""height"":4}","{""class"":""cat""}"\n'
    folder.add("via.csv", head + good + 'b.jpg,1,"{}",0,0,"{}","{}"\n' + 'c.jpg,1,"{}",1,0,"{""name"":","{}"\n')
    assert folder.boxes() == [(1, 2, 4, 6, "cat")]
    assert folder.faults[0].endswith("via.csv:4: region_shape_attributes is no JSON: '{\"name\":'")


def test_via_3(folder: Folder) -> None:
    project = {
        "project": {"pname": "x"}, "config": {},
        "attribute": {"1": {"aname": "class", "options": {"0": "cat", "1": "dog"}}},
        "file": {"1": {"fname": "a.jpg"}, "2": {"fname": "b.jpg"}},
        "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": [2]}},
        "metadata": {
            "k": {"vid": "1", "xy": [2, 10, 20, 30, 40], "av": {"1": "1"}}, "m": {"vid": "2", "xy": [1, 5, 6], "av": {}}
        },
    }  # fmt: skip
    assert folder.add("via.json", project).boxes() == [(10, 20, 40, 60, "dog")]
    assert folder.remarks == {"point left out: no area": 1}


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
