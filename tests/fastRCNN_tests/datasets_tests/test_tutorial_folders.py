"""The tutorial's folders: order, keys, classes, ignored labels, and every fault of the annotations in one message."""

import pytest

from fastRCNN.datasets import tutorial_folders
from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.datasets.picture_check import PictureCheck
from helpers.annotations import boxes_path, labels_path, write_annotation
from helpers.artifacts import Artifacts
from helpers.errors import UserError


@pytest.fixture
def tiny(tiny_root):
    return Artifacts(tiny_root, "tiny")


def test_order_classes_and_counts(tiny):
    train, test = open_dataset(tiny, "train"), open_dataset(tiny, "test")
    assert train.classes == ("__background__", "disc", "square")
    assert [f"{path.parent.name}/{path.name}" for path in train.image_paths] == [
        "positive/0.png", "positive/1.png", "positive/2.png", "positive/3.png", "negative/4.png",
    ]  # fmt: skip
    assert list(train.keys) == ["positive/0", "positive/1", "positive/2", "positive/3", "negative/4"]
    assert (len(train), len(test)) == (5, 2)
    assert train.objects_per_class() == {"disc": 4, "square": 4}
    record = train[1]
    assert (record.index, record.width, record.height) == (1, 120, 90)
    assert record.gt_boxes.shape == (2, 4)
    assert record.gt_classes.tolist() == [1, 2]
    assert train[4].gt_boxes.shape == (0, 4)
    assert [record.index for record in train] == list(range(5))


def test_given_classes_decide_the_numbers(tiny):
    assert open_dataset(tiny, "train", ["square", "disc"])[0].gt_classes.tolist() == [2, 1]


def test_special_labels_are_ignored_boxes(tiny):
    picture = tiny.data / "positive" / "0.png"
    write_annotation(picture, [[1, 1, 9, 9], [2, 2, 20, 20], [5, 5, 30, 30]], ["EXCLUDE", "disc", "UNDECIDED"])
    record = open_dataset(tiny, "train")[0]
    assert record.gt_boxes.tolist() == [[2, 2, 20, 20]]
    assert record.gt_classes.tolist() == [1]
    assert record.ignored_boxes.boxes.tolist() == [[1, 1, 9, 9], [5, 5, 30, 30]]
    assert record.ignored_boxes.classes.tolist() == [0, 0]
    assert not record.ignored_boxes.is_crowd.any()


def test_empty_annotation_means_no_object(tiny):
    write_annotation(tiny.data / "testImages" / "5.png", [], [])
    assert len(open_dataset(tiny, "test")[0].gt_boxes) == 0


def test_all_faults_are_reported_together(tiny):
    of = tiny.data / "positive"
    labels_path(of / "0.png").write_text("Disc\nsqare\n")
    boxes_path(of / "1.png").write_text("1\t2\n3\t4\t5\t6\n")
    boxes_path(of / "2.png").unlink()
    (of / "3.png").write_bytes(b"no picture")
    with pytest.raises(UserError) as error:
        open_dataset(tiny, "train", ["disc", "square"])
    text = str(error.value)
    for part in (
        "'Disc', 1 box(es), is not among the classes; did you mean 'disc'",
        "'sqare', 1 box(es), is not among the classes; did you mean 'square'",
        "1.bboxes.tsv:1",
        "2.bboxes.tsv: missing",
        "3.png: not a JPEG",
    ):
        assert part in text


@pytest.mark.parametrize("labels", [b"disc\nsqu\xe4re\n", b"\nsquare\n"])
def test_labels_that_cannot_be_read_hide_no_other_fault(tiny, labels):
    of = tiny.data / "positive"
    labels_path(of / "0.png").write_bytes(labels)
    labels_path(of / "1.png").unlink()
    (of / "3.png").write_bytes(b"no picture")
    labels_path(of / "2.png").write_text("__background__\n")
    boxes_path(of / "2.png").write_text("1\t1\t9\t9\n")
    with pytest.raises(UserError) as error:
        open_dataset(tiny, "train")
    text = str(error.value)
    for part in ("0.bboxes.labels.tsv", "1.bboxes.labels.tsv: missing", "3.png: not a JPEG",
                 "1 object(s) are labelled __background__", "2.bboxes.labels.tsv:1"):  # fmt: skip
        assert part in text
    assert "not among" not in text  # the classes cannot be known


def test_the_background_is_no_label_of_given_classes_either(tiny):
    labels_path(tiny.data / "positive" / "0.png").write_text("disc\n__background__\n")
    with pytest.raises(UserError, match=r"labelled __background__.*\n.*0\.bboxes\.labels\.tsv:2"):
        open_dataset(tiny, "train", ["disc", "square"])


def test_damaged_pictures_may_be_left_out(tiny):
    for name in ("1.png", "3.png"):
        (tiny.data / "positive" / name).write_bytes(b"no picture")
    train = open_dataset(tiny, "train", pictures=PictureCheck(skip=True))
    assert list(train.keys) == ["positive/0", "positive/2", "negative/4"]
    assert [record.index for record in train] == [0, 1, 2]
    (finding,) = (finding for finding in train.findings if finding.places)
    assert "left out" in finding.kind and len(finding.places) == 2
    boxes_path(tiny.data / "positive" / "0.png").unlink()
    with pytest.raises(UserError, match=r"0\.bboxes\.tsv: missing") as error:
        open_dataset(tiny, "train", pictures=PictureCheck(skip=True))
    assert "not a JPEG" not in str(error.value), "what is left out is no fault"


def test_missing_data_set_folder_and_pictures(tiny, tiny_root):
    with pytest.raises(UserError, match=r"no such data set.*tiny"):
        open_dataset(Artifacts(tiny_root, "tyni"), "train")
    for path in (tiny.data / "testImages").glob("*.png"):
        path.unlink()
    with pytest.raises(UserError, match="no picture"):
        open_dataset(tiny, "test")
    (tiny.data / "negative").rename(tiny.data / "elsewhere")
    with pytest.raises(UserError, match=r"missing: negative"):
        open_dataset(tiny, "train")


def test_no_annotated_object_at_all(tiny):
    for picture in (tiny.data / "positive").glob("*.png"):
        write_annotation(picture, [], [])
    with pytest.raises(UserError, match="no annotated object"):
        open_dataset(tiny, "train")


def test_a_data_set_in_a_folder_of_its_own_name_is_found_there(tiny):
    """As some programs unpack: data/tiny/tiny/positive."""
    inner = tiny.data / "tiny"
    inner.mkdir()
    for name in ("positive", "negative", "testImages"):
        (tiny.data / name).rename(inner / name)
    with pytest.raises(UserError) as error:
        open_dataset(tiny, "train")
    assert str(error.value).endswith(f"They are in {inner}: move them one folder up.")


def test_boxes_that_are_cut_by_a_pixel_are_named_with_their_line(tiny):
    picture = tiny.data / "positive" / "0.png"  # 120 x 90 pixels
    write_annotation(picture, [[1, 1, 9, 9], [2, 2, 120, 20], [5, 5, 119, 89]], ["disc"] * 3)
    findings = open_dataset(tiny, "train").findings
    cut = next(finding for finding in findings if "are cut" in finding.kind)
    assert cut.places == (f"{boxes_path(picture)}:2: 2 2 120 20 (disc), 120x90 pixels",)


def test_boxes_that_do_not_fit_are_named_with_their_line(tiny):
    picture = tiny.data / "positive" / "0.png"
    write_annotation(picture, [[1, 1, 9, 9], [2, 2, 150, 20]], ["disc"] * 2)
    with pytest.raises(UserError, match=r"0\.bboxes\.tsv:2: .*\(disc\), 0\.png has 120x90 pixels"):
        open_dataset(tiny, "train")


def test_what_lies_in_the_folders_and_is_not_used(tiny):
    of = tiny.data / "positive"
    (of / ".hidden.gif").write_bytes(b"1")
    (of / "a" / "b").mkdir(parents=True)
    (of / "a" / "b" / "x.JPG").write_bytes(b"1")
    (of / "a" / "y.heic").write_bytes(b"1")
    (of / "a" / "notes.txt").write_bytes(b"1")
    (of / "empty").mkdir()
    (of / "z.GIF").write_bytes(b"1")
    (of / "0.png.bboxes.tsv").write_bytes(b"1")
    (of / "9.bboxes.labels.tsv").write_bytes(b"1")
    (of / "notes.txt").write_bytes(b"1")
    negative = tiny.data / "negative"
    write_annotation(negative / "4.png", [[1, 1, 9, 9]], ["disc"])
    (negative / "5.png").write_bytes((negative / "4.png").read_bytes())
    write_annotation(negative / "5.png", [], [])
    folders, formats, orphans, negatives = (finding.places for finding in tutorial_folders.left_out(tiny))
    assert folders == (f"{of / 'a'}: 2 picture(s)",)
    assert formats == (str(of / "z.GIF"),)
    assert orphans == (str(of / "0.png.bboxes.tsv"), str(of / "9.bboxes.labels.tsv"))
    assert negatives == (str(boxes_path(negative / "4.png")),)
