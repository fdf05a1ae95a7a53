"""YOLO: names in many files, folders in many places, polygons among boxes; and a reader of its own."""

from pathlib import Path

import pytest
import yaml

from helpers.errors import UserError
from tests.data_tests.annotation_formats_tests.conftest import BOXES, SIZES, Converter, Folder


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.yaml", "names: ['no', b c]\nnc: 2\n"),
        ("data.yaml", "names:\n  0: no\n  1: b c\n"),
        ("dataset.yml", "# Комментарий\nnames: [no, 'b c']\nroboflow:\n  license: x\n"),
        ("obj.names", "no\nb c"),
        ("classes.txt", "no\r\nb c\r\n"),
    ],
)
def test_class_names(folder: Folder, name: str, text: str) -> None:
    folder.add(name, text).add("labels/train/a.txt", "0 0.5 0.5 0.2 0.4\n1 0.5 0.5 1 1").picture("images/train/a.jpg")
    assert folder.boxes() == [(0.4, 0.3, 0.6, 0.7, "no"), (0, 0, 1, 1, "b c")]


def test_fractions_are_of_the_picture(folder: Folder, run: Converter, tmp_path: Path) -> None:
    folder.add("data.yaml", "names: [a]").add("train/labels/p.txt", "0 0.5 0.5 0.2 0.4\n").picture("train/images/p.jpg")
    result = run(folder.root, "coco", tmp_path / "coco")
    assert result.data.pictures[0].boxes[0].edges == pytest.approx((40, 24, 60, 56))


def test_polygons_among_boxes(folder: Folder) -> None:
    folder.add("a.txt", "0 0.5 0.5 0.5 0.5\n0 0.1 0.2 0.3 0.2 0.3 0.6\n0 0.1 0.2 0.3 0.2 0.3 0.6 0.1 0.7\n")
    assert [box[:4] for box in folder.boxes()] == [(0.25, 0.25, 0.75, 0.75), (0.1, 0.2, 0.3, 0.6), (0.1, 0.2, 0.3, 0.7)]
    assert folder.remarks == {"polygon became the box around it": 2}


def test_pictures_without_label_file_show_nothing(folder: Folder) -> None:
    folder.add("data.yaml", "names: [a]").add("valid/labels/a.txt", "").picture("valid/images/a.jpg").picture(
        "valid/images/b.png"
    )
    pictures = folder.read()
    assert {name: (picture.boxes, picture.subset) for name, picture in pictures.items()} == {
        "valid/images/a.jpg": ((), "val"), "valid/images/b.png": ((), "val")
    }  # fmt: skip


def test_darknet_lists_and_foreign_paths(folder: Folder) -> None:
    folder.add("obj.data", "classes= 1\ntrain  = /content/x/train.txt\n").add("obj.names", "a")
    folder.add("train.txt", "/content/x/obj/00 (1).png\n").add("obj/00 (1).txt", "0 0.5 0.5 1 1")
    (picture,) = folder.read().values()
    assert (picture.name, picture.subset) == ("obj/00 (1).png", "train")


def test_a_picture_of_another_set_is_not_taken(folder: Folder) -> None:
    folder.add("data.yaml", "names: [a]").add("train/labels/1.txt", "0 0.5 0.5 1 1").picture("valid/images/1.jpg")
    pictures = folder.read()
    assert pictures["train/images/1.jpg"].file is None
    assert pictures["valid/images/1.jpg"].boxes == ()


def test_pixels_where_fractions_are_promised(folder: Folder) -> None:
    folder.add("data.yaml", "names: [a]").add("labels/a.txt", "0 50 40 20 40\n").picture("images/a.jpg")
    assert folder.boxes() == [(40, 20, 60, 60, "a")]
    assert any("pixels where YOLO has fractions" in line for line in folder.log.headlines)


def test_percents_where_fractions_are_promised(folder: Folder) -> None:
    """Of a picture of 400 x 300 pixels no box of pixels would stay below 100."""
    folder.add("data.yaml", "names: [a]").add("labels/a.txt", "0 30 50 40 50\n0 95 90 10 20 0.9\n")
    folder.picture("images/a.jpg", 400, 300)
    assert folder.boxes() == [(0.1, 0.25, 0.5, 0.75, "a"), (0.9, 0.8, 1.0, 1.0, "a")]  # parts of the picture
    assert any("percents where YOLO has fractions" in line for line in folder.log.headlines)
    folder.add("labels/a.txt", "0 30 50 40 50\n0 150 90 10 20\n")
    assert folder.boxes() == [(10, 25, 50, 75, "a"), (145, 80, 155, 100, "a")]


def test_damage_names_line_and_reason(folder: Folder) -> None:
    folder.add("data.yaml", "names: [a, b]").add("labels/a.txt", "0 0.5 0.5 1 1\n2 0.5 0.5 0.1 0.1\n")
    folder.add("labels/b.txt", "0 0.5 0.5\n").add("labels/c.txt", "x 0.5 0.5 0.1 0.1\n").add(
        "labels/d.txt", "0 .1 .1 .2 .2\n" * 3
    )
    folder.read()
    text = "\n".join(folder.faults)
    assert "a.txt:2: class number 2, but there are names for 2 classes (0 to 1)" in text
    assert "b.txt:1: expected a class number and 4 fractions, found 3 column(s)" in text
    assert "c.txt:1: the class number is no number: 'x'" in text
    assert len(folder.faults) == 3


def test_names_that_expand_without_end_are_refused(folder: Folder) -> None:
    bomb = "a: &a [x,x]\nb: &b [*a,*a]\nnames: [*b,*b]\n"
    folder.add("data.yaml", bomb).add("labels/a.txt", "0 0.5 0.5 1 1")
    with pytest.raises(UserError, match="a name is no text"):
        folder.read("yolo")


def test_written_files_read_by_a_few_lines(tutorial_set: Path, tmp_path: Path, run: Converter) -> None:
    """As ultralytics reads them: path of the picture with labels/ for images/, names by number."""
    run(tutorial_set, "yolo", tmp_path / "yolo")
    settings = yaml.safe_load((tmp_path / "yolo" / "data.yaml").read_text(encoding="utf-8"))
    found = {}
    for picture in (tmp_path / "yolo" / "images").rglob("*.png"):
        width, height = SIZES[picture.stem]
        label_file = Path(str(picture).replace("/images/", "/labels/")).with_suffix(".txt")
        found[picture.stem] = []
        for line in label_file.read_text().splitlines():
            number, x, y, w, h = (float(field) for field in line.split())
            corners = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width - 1, (y + h / 2) * height - 1]
            assert x - w / 2 + 1e-9 >= 0 and x + w / 2 <= 1 + 1e-9
            found[picture.stem].append((*(round(corner, 4) for corner in corners), settings["names"][int(number)]))
    assert found == {stem: BOXES.get(stem, []) for stem in SIZES}
    assert settings["train"] == "images/train" and settings["test"] == "images/test"
