"""VIA: regions of three versions, JSON and CSV, and which attribute is the class."""

import json
from typing import Any

import pytest

from tests.data_tests.annotation_formats_tests.conftest import Folder


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
    folder.add("via.json", via_entry(rect("cat", "Object Class", Area="x"), rect("dog", "Object Class", Area="y")))
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
