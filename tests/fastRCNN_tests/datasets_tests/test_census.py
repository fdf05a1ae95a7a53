"""Every doubt about a data set is said, and every fault of it at once."""

import shutil

import numpy as np
import pytest
from PIL import Image

from fastRCNN.datasets.census import picture_notes, take_census
from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.datasets.picture_check import PictureCheck
from helpers.annotations import boxes_path, labels_path, write_annotation
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.file_facts import FileFacts
from helpers.images import read_image, write_image


@pytest.fixture
def tiny(tiny_root):
    return Artifacts(tiny_root, "tiny")


def take(artifacts, classes=()):
    return take_census(
        artifacts, lambda name, check: open_dataset(artifacts, name, classes, pictures=check), FileFacts()
    )


def census(artifacts):
    datasets, findings = take(artifacts)
    assert set(datasets) == {"train", "test"}
    return {finding.kind: finding.places for finding in findings}


def the(found, part):
    (places,) = (places for kind, places in found.items() if part in kind)
    return places


def test_a_sound_data_set_has_few_objects_and_no_other_doubt(tiny):
    assert census(tiny) == {"class(es) have fewer than 5 objects to learn from": ("disc: 4", "square: 4")}


def test_equal_boxes_and_contrary_labels(tiny):
    boxes = [[1, 1, 20, 20], [1, 1, 20, 20], [30, 30, 50, 50], [30, 30, 50, 50], [7, 7, 8, 30], [9, 7, 11, 30]]
    write_annotation(tiny.data / "positive" / "0.png", boxes, ["disc", "disc", "disc", *["square"] * 3])
    found = census(tiny)
    assert the(found, "stand more than once in their picture") == ("positive/0.png: 1 1 20 20 (disc)",)
    assert the(found, "several labels") == ("positive/0.png: 30 30 50 50 (disc, square)",)
    assert the(found, "side of less than 3") == ("positive/0.png: 7 7 8 30 (square)",)
    assert not any("fewer than 5" in kind for kind in found), "six of each"


def test_damaged_pictures_come_together_where_only_their_headers_were_read(tiny):
    paths = [tiny.data / "positive" / f"{number}.png" for number in range(4)]
    for path in (paths[0], paths[2]):
        path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError) as error:
        picture_notes(paths, PictureCheck(whole=True))
    assert "2 picture(s) cannot be used" in str(error.value)
    assert all(str(path) in str(error.value) for path in (paths[0], paths[2]))


def test_five_objects_are_not_few(tiny):
    write_annotation(tiny.data / "positive" / "0.png", [[1, 1, 20, 20], [30, 30, 50, 50]], ["disc", "disc"])
    assert the(census(tiny), "fewer than 5") == ("square: 3",)


def test_a_picture_in_training_and_test_and_one_that_is_there_twice(tiny):
    shutil.copy(tiny.data / "positive" / "1.png", tiny.data / "testImages" / "9.png")
    write_annotation(tiny.data / "testImages" / "9.png", [], [])
    shutil.copy(tiny.data / "negative" / "4.png", tiny.data / "negative" / "8.png")
    shutil.copy(tiny.data / "positive" / "0.png", tiny.data / "negative" / "9.png")
    found = census(tiny)
    assert the(found, "both for training and for testing") == ("positive/1 = testImages/9",)
    assert the(found, "with different annotations") == (
        "positive/0 (2 object(s)) = negative/9 (0 object(s))",
        "positive/1 (2 object(s)) = testImages/9 (0 object(s))",
    )
    assert found["picture(s) are there more than once"] == ("negative/4 = negative/8",)


def test_a_picture_that_is_there_many_times_names_some_of_them(tiny):
    for number in range(10, 19):
        shutil.copy(tiny.data / "negative" / "4.png", tiny.data / "negative" / f"{number}.png")
    (text,) = census(tiny)["picture(s) are there more than once"]
    assert text == " = ".join([*(f"negative/{number}" for number in range(10, 18)), "2 more"])


def test_labels_that_look_alike(tiny):
    write_annotation(
        tiny.data / "positive" / "0.png",
        [[1, 1, 9, 9], [2, 2, 20, 20], [5, 5, 30, 30], [7, 7, 30, 30], [8, 8, 30, 30]],
        ["br\u00f6tchen", "bro\u0308tchen", "Disc", "exclude", "background"],
    )
    found = census(tiny)
    alike = the(found, "look alike")
    assert "'Disc', 'disc'" in alike
    assert "'exclude', 'EXCLUDE'" in alike
    assert any(r"'br\xf6tchen'" in each and r"'bro\u0308tchen'" in each for each in alike)
    assert the(found, "named like the background") == ("'background'",)


def test_what_lies_beside_the_pictures(tiny):
    positive, negative = tiny.data / "positive", tiny.data / "negative"
    (positive / "more").mkdir()
    for name in ("a.jpg", "b.jpg", "notes.txt"):
        (positive / "more" / name).touch()
    (positive / "empty").mkdir()
    for name in ("photo.HEIC", "0.bboxes.tsv.bak", "._0.png"):
        (positive / name).touch()
    boxes_path(positive / "7.jpg").touch()
    labels_path(positive / "0.png.jpg").touch()
    write_annotation(negative / "4.png", [[1, 1, 9, 9]], ["disc"])
    found = census(tiny)
    assert the(found, "not looked into") == (f"{positive / 'more'}: 2 picture(s)",)
    assert the(found, "other formats") == (str(positive / "photo.HEIC"),)
    assert the(found, "no picture beside") == (
        str(positive / "0.png.bboxes.labels.tsv"), str(positive / "7.bboxes.tsv")
    )  # fmt: skip
    assert the(found, "in negative/") == (str(negative / "4.bboxes.tsv"),)


def test_odd_pictures_are_named_together(tiny):
    for number in (0, 1):
        grey = np.full((90, 120), 4095, np.uint16)
        Image.fromarray(grey + np.uint16(0)).save(tiny.data / "positive" / f"{number}.png")
    image = Image.fromarray(read_image(tiny.data / "positive" / "2.png"))
    exif = Image.Exif()
    exif[0x0112] = 3
    image.save(tiny.data / "positive" / "2.png", exif=exif)
    found = census(tiny)
    assert the(found, "nearly black") == tuple(str(tiny.data / "positive" / f"{number}.png") for number in (0, 1))
    assert the(found, "EXIF orientation") == (str(tiny.data / "positive" / "2.png"),)


def test_boxes_one_pixel_beyond_are_cut_with_one_line(tiny):
    for folder, number in (("positive", 0), ("testImages", 5)):
        write_annotation(tiny.data / folder / f"{number}.png", [[1, 1, 120, 90], [-1, 1, 9, 9]], ["disc", "square"])
    datasets, findings = take(tiny)
    (cut,) = (finding for finding in findings if "one pixel beyond" in finding.kind)
    lines = ["1 1 120 90 (disc), 120x90 pixels", "-1 1 9 9 (square), 120x90 pixels"]
    assert [place.split(": ", 1)[1] for place in cut.places] == lines * 2
    assert datasets["train"][0].gt_boxes.tolist() == [[1, 1, 119, 89], [0, 1, 9, 9]]


def test_all_faults_of_all_image_sets_come_in_one_message(tiny):
    data = (tiny.data / "positive" / "0.png").read_bytes()
    (tiny.data / "positive" / "0.png").write_bytes(data[: len(data) // 2])
    (tiny.data / "testImages" / "5.png").write_bytes(b"")
    boxes_path(tiny.data / "positive" / "1.png").unlink()
    labels_path(tiny.data / "testImages" / "6.png").write_text("disc\nsqare\n")
    write_image(tiny.data / "positive" / "2.png", np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(UserError) as error:
        take(tiny, ("disc", "square"))
    text = str(error.value)
    for part in ("2 picture(s) cannot be used", "0.png: the PNG picture is cut off", "5.png: the file is empty",
                 "1.bboxes.tsv: missing", "'sqare', 1 box(es), is not among the classes; did you mean 'square'",
                 "2 box(es) do not fit their picture", "2.bboxes.tsv:1: box", "2.png has 20x20 pixels"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda boxes: boxes / [120, 90, 120, 90], "fractions of width and height, x1 y1 x2 y2"),
        (lambda boxes: boxes[:, [0, 2, 1, 3]], "x1 x2 y1 y2 (VoTT 2)"),
        (lambda boxes: np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]), "x y width height (COCO)"),
    ],
)
def test_boxes_of_other_tools_are_refused_by_the_right_name(tiny, change, name):
    for path in (*(tiny.data / "positive").glob("*.bboxes.tsv"), *(tiny.data / "testImages").glob("*.bboxes.tsv")):
        boxes = change(np.loadtxt(path, ndmin=2))
        path.write_text("".join("\t".join(f"{value:g}" for value in row) + "\n" for row in boxes))
    with pytest.raises(UserError) as error:
        take(tiny)
    text = str(error.value)
    assert f"12 box(es), all there are, look like {name}:" in text
    assert "0.bboxes.tsv:1: " in text
    assert "convert them" in text


def test_background_is_no_label(tiny):
    write_annotation(tiny.data / "positive" / "0.png", [[1, 1, 9, 9]], ["__background__"])
    with pytest.raises(UserError, match="the name of class 0"):
        take(tiny)


def test_damaged_pictures_can_be_left_out_and_are_said(tiny):
    data = (tiny.data / "positive" / "1.png").read_bytes()
    (tiny.data / "positive" / "1.png").write_bytes(data[: len(data) // 2])
    boxes_path(tiny.data / "positive" / "1.png").write_text("no box\n")  # nobody looks

    def open_one(image_set, check):
        return open_dataset(tiny, image_set, pictures=check)

    datasets, findings = take_census(tiny, open_one, FileFacts(), skip_damaged=True)
    assert list(datasets["train"].keys) == ["positive/0", "positive/2", "positive/3", "negative/4"]
    assert [record.index for record in datasets["train"]] == [0, 1, 2, 3]
    (left_out,) = (finding for finding in findings if finding.kind == "damaged picture(s) are left out")
    assert left_out.places[0].startswith(str(tiny.data / "positive" / "1.png"))
