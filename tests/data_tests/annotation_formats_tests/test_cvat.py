"""CVAT: shapes of all kinds, and tracks of a video."""

import pytest

from tests.data_tests.annotation_formats_tests.conftest import Folder


def images(*shapes: str, meta: str = "") -> str:
    image = f'<image id="0" name="sub/a b.jpg" width="100" height="80">{"".join(shapes)}</image>'
    return f"<annotations>{meta}{image}</annotations>"


def test_boxes_with_attributes(folder: Folder) -> None:
    box = '<box ybr="40.5" xtl="1" ytl="2" xbr="30" label="car" occluded="1"><attribute name="colour">red</attribute>'
    box += "</box>"
    (picture,) = folder.add("annotations.xml", images(box)).read().values()
    assert (picture.name, picture.size) == ("sub/a b.jpg", (100, 80))
    (found,) = picture.boxes
    assert (found.edges, found.label, set(found.marks), found.attributes) == (
        (1, 2, 30, 40.5), "car", {"occluded"}, (("colour", "red"),)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "edges"),
    [
        ('<polygon label="a" points="10,20;30,20;30,44.5"/>', (10, 20, 30, 44.5)),
        ('<box label="a" xtl="40" ytl="30" xbr="60" ybr="40" rotation="90"/>', (45, 25, 55, 45)),
        ('<ellipse label="a" cx="50" cy="40" rx="20" ry="10"/>', (30, 30, 70, 50)),
        ('<ellipse label="a" cx="50" cy="40" rx="20" ry="10" rotation="90"/>', (40, 20, 60, 60)),
        ('<mask label="a" rle="1, 2" left="5" top="6" width="7" height="8"/>', (5, 6, 12, 14)),
        ('<box label="a" xtl="30" ytl="40" xbr="10" ybr="20"/>', (10, 20, 30, 40)),
    ],
)
def test_other_shapes_become_their_box(folder: Folder, shape: str, edges: tuple[float, ...]) -> None:
    assert folder.add("annotations.xml", images(shape)).boxes() == [(*edges, "a")]
    assert len(folder.remarks) == 1


def test_what_has_no_area_is_counted(folder: Folder) -> None:
    skeleton = '<skeleton label="s"><points label="1" points="1,2"/></skeleton>'
    shapes = [
        '<points label="a" points="1,2"/>',
        '<polyline label="a" points="1,2;3,4"/>',
        '<tag label="full"/>',
        skeleton,
    ]
    (picture,) = folder.add("annotations.xml", images(*shapes)).read().values()
    assert picture.incomplete and not picture.boxes
    assert folder.remarks == {
        "points left out: no area": 1, "polyline left out: no area": 1, "skeleton left out: no area": 1,
        "tag of a whole picture left out": 1,
    }  # fmt: skip


def test_tracks_are_interpolated_between_keyframes(folder: Folder) -> None:
    size = "<original_size><width>100</width><height>80</height></original_size>"
    meta = f"<meta><task><frame_filter>step=5</frame_filter>{size}</task></meta>"
    keys = [(0, 0, 0), (10, 0, 20), (20, 1, 40), (30, 0, 60), (40, 1, 70)]
    boxes = "".join(f'<box frame="{f}" outside="{o}" xtl="{x}" ytl="1" xbr="{x + 10}" ybr="9"/>' for f, o, x in keys)
    pictures = folder.add("a.xml", f'<annotations>{meta}<track id="3" label="car">{boxes}</track></annotations>').read()
    assert {name: [box.left for box in picture.boxes] for name, picture in pictures.items()} == {
        "frame_000000.jpg": [0], "frame_000005.jpg": [10], "frame_000010.jpg": [20], "frame_000020.jpg": [],
        "frame_000030.jpg": [60], "frame_000040.jpg": [],
    }  # fmt: skip
    assert all(picture.size == (100, 80) for picture in pictures.values())
    assert pictures["frame_000000.jpg"].boxes[0].track == "3"


def test_damage_names_the_line(folder: Folder) -> None:
    folder.add(
        "a.xml", images('\n<box label="a" xtl="1" ytl="2" xbr="x" ybr="4"/>', '\n<polygon label="a" points="1,2;3"/>')
    )
    folder.read()
    assert [text.rsplit("/", 1)[1] for text in folder.faults] == [
        "a.xml:2: xbr is no number: 'x'", "a.xml:3: points are no x,y;x,y list: '1,2;3'"
    ]  # fmt: skip
