"""Pascal VOC: numbers by hand, flavours, and what people's files have instead of what the format promises."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from helpers.errors import UserError
from tests.data_tests.annotation_formats_tests.conftest import Converter, Folder


def voc(*boxes: str, name: str = "a.jpg", size: str = "<width>100</width><height>80</height>", head: str = "") -> str:
    objects = "".join(f"<object><name>cat</name>{box}</object>" for box in boxes)
    return f"{head}<annotation><filename>{name}</filename><size>{size}</size>{objects}</annotation>"


def box(x1: object, y1: object, x2: object, y2: object) -> str:
    return f"<bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>"


def test_whole_numbers_count_from_one_and_are_inclusive(folder: Folder) -> None:
    assert folder.add("a.xml", voc(box(1, 1, 100, 80))).boxes() == [(0, 0, 100, 80, "cat")]


@pytest.mark.parametrize("other", [box(0, 5, 9, 9), box(1.5, 2, 9, 9)])
def test_a_zero_or_a_decimal_anywhere_shows_edges(folder: Folder, other: str) -> None:
    folder.add("a.xml", voc(box(10, 20, 30, 40))).add("b.xml", voc(other, name="b.jpg"))
    assert (10, 20, 30, 40, "cat") in folder.boxes()
    assert "0-based edges" in folder.log.headlines[0]


def test_pascal_itself_counts_from_one_with_decimals_too(folder: Folder) -> None:
    said = "<source><database>The VOC2007 Database</database><annotation>PASCAL VOC2007</annotation></source>"
    folder.add("a.xml", voc(box(1.5, 2, 9, 9)).replace("<size>", said + "<size>"))
    assert folder.boxes() == [(0.5, 1, 9, 9, "cat")]


def test_children_by_name_and_not_by_place(folder: Folder) -> None:
    swapped = "<bndbox><ymax>40</ymax><xmax>30</xmax><xmin>10</xmin><ymin>20</ymin></bndbox>"
    part = f"<part><name>ear</name>{box(1, 2, 3, 4)}</part>"
    assert folder.add("a.xml", voc(part + swapped)).boxes() == [(9, 19, 30, 40, "cat")]
    assert folder.remarks["parts of an object left out"] == 1


def test_corners_in_order_and_no_area(folder: Folder) -> None:
    assert folder.add("a.xml", voc(box(30, 40, 10, 20), box(5, 5, 5, 9))).boxes() == [(9, 19, 30, 40, "cat")]
    assert folder.remarks == {"box with its corners swapped, put in order": 1, "box without area left out": 1}


@pytest.mark.parametrize("size", ["", "<width/><height/>", "<width>0</width><height>0</height>", "<width>x</width>"])
def test_size_may_be_missing(folder: Folder, size: str) -> None:
    assert folder.add("a.xml", voc(box(1, 1, 9, 9), size=size)).read()["a.jpg"].size is None


def test_marks_also_when_empty_or_text(folder: Folder) -> None:
    flags = "<truncated/><difficult>1</difficult><occluded>true</occluded>"
    (picture,) = folder.add("a.xml", voc(flags + box(1, 1, 9, 9))).read().values()
    assert picture.boxes[0].marks == {"difficult", "occluded"}


def test_the_file_stem_wins_when_its_picture_is_there(folder: Folder) -> None:
    folder.add("Annotations/000007.xml", voc(box(1, 1, 9, 9), name="old name.jpg"))
    folder.picture("JPEGImages/000007.jpg").picture("JPEGImages/old name.jpg")
    (picture,) = folder.read().values()
    assert picture.file == folder.root / "JPEGImages" / "000007.jpg"


def test_name_of_another_folder_without_ending_and_encoded(folder: Folder) -> None:
    folder.add("x1.xml", voc(box(1, 1, 9, 9), name="C:\\photos\\a%20b"))
    folder.picture("pictures/a b.jpg")
    assert folder.read()["C:\\photos\\a%20b"].file == folder.root / "pictures" / "a b.jpg"


def test_rotated_box(folder: Folder) -> None:
    turned = "<robndbox><cx>50</cx><cy>40</cy><w>20</w><h>10</h><angle>1.5707963267948966</angle></robndbox>"
    assert folder.add("a.xml", voc(turned, box(0, 1, 9, 9))).boxes()[0] == (45, 30, 55, 50, "cat")


def test_image_sets(folder: Folder) -> None:
    for stem, subset in (("a", "train"), ("b", "val"), ("c", "test")):
        folder.add(f"Annotations/{stem}.xml", voc(box(1, 1, 9, 9), name=f"{stem}.jpg"))
        folder.add(f"ImageSets/Main/{subset}.txt", f"{stem}\r\n")
    assert {name: picture.subset for name, picture in folder.read().items()} == {
        "a.jpg": "train", "b.jpg": "val", "c.jpg": "test"
    }  # fmt: skip


def test_damage_names_line_and_reason(folder: Folder) -> None:
    folder.add("a.xml", voc(box(1, 1, 9, 9))).add(
        "b.xml", "<annotation>\n<object>\n<name>cat</name>\n</object></annotation>"
    )
    folder.add("c.xml", "<annotation>\n<filename>c.jpg</filename>\n<object>").add("d.xml", voc(box(1, "1,5", "abc", 9)))
    assert list(folder.read()) == ["a.jpg"]
    text = "\n".join(folder.faults)
    assert "b.xml:2: <object> 'cat' has no <bndbox>" in text
    assert "c.xml:3: no whole XML: no element found" in text
    assert "d.xml:1: <ymin> is no number: '1,5' (decimal comma; write a decimal point)" in text


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>\n',
        '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>\n',
        '<!DOCTYPE annotation SYSTEM "http://example.org/x.dtd">\n',
    ],
)
def test_entities_are_refused(folder: Folder, head: str) -> None:
    folder.add("a.xml", voc(box(1, 1, 9, 9), name="&e;", head=head))
    folder.read("voc")
    assert "document type or entities" in folder.faults[0]
    with pytest.raises(UserError, match=r"a\.xml:1: .*document type or entities"):
        folder.read()


def test_written_file_read_by_elementtree(tutorial_set: Path, tmp_path: Path, run: Converter) -> None:
    """A reader of its own, as VOC's devkit has it: whole numbers, from 1, inclusive."""
    run(tutorial_set, "voc", tmp_path / "voc")
    root = ET.parse(tmp_path / "voc" / "Annotations" / "one.xml").getroot()
    corners = [
        [int(each.find(f"bndbox/{side}").text) for side in ("xmin", "ymin", "xmax", "ymax")]
        for each in root.iter("object")
    ]
    assert corners == [[1, 1, 64, 48], [11, 13, 31, 41]]
    assert [each.text for each in root.findall("object/name")] == ["orange", "egg box"]
    assert [root.find(f"size/{side}").text for side in ("width", "height", "depth")] == ["64", "48", "3"]
    assert (tmp_path / "voc" / "ImageSets" / "Main" / "test.txt").read_text() == "empty\ntest_1\n"


def test_labelme_s_xml_has_edges_polygons_and_masks(folder: Folder) -> None:
    points = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in ((10, 20), (30, 20), (30, 44)))
    mask = "<segm><box><xmin>5</xmin><ymin>6</ymin><xmax>7</xmax><ymax>8</ymax></box></segm>"
    objects = [
        f"<polygon><username>x</username>{points}</polygon>",
        mask,
        f"<deleted>1</deleted><polygon>{points}</polygon>",
    ]
    text = voc(*objects, size="").replace("<size></size>", "<imagesize><nrows>80</nrows><ncols>100</ncols></imagesize>")
    assert folder.add("a.xml", text).boxes() == [(10, 20, 30, 44, "cat"), (5, 6, 7, 8, "cat")]
    assert folder.read()["a.jpg"].size == (100, 80) and folder.remarks["object marked as deleted left out"] == 1
