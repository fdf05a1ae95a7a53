"""Pascal VOC's layout read in place: lists, years, marks, coordinates, and what a fault says."""

from pathlib import Path

import pytest

from fastRCNN.datasets import pascal_voc, picture_check
from fastRCNN.datasets.picture_check import PictureCheck
from helpers.errors import UserError
from helpers.file_facts import FileFacts
from tests.conftest import draw_tiny_picture
from tests.fastRCNN_tests.datasets_tests.drawn_sets import draw_devkit, write_voc_list, write_voc_picture

BCCD = Path(__file__).resolve().parents[4] / "shared" / "real" / "bccd"


@pytest.fixture
def devkit(tmp_path: Path) -> Path:
    return draw_devkit(tmp_path / "VOCdevkit")


def test_which_folders_are_recognised(devkit: Path, tmp_path: Path) -> None:
    assert pascal_voc.recognises(devkit) and pascal_voc.recognises(devkit / "VOC2007")
    assert not pascal_voc.recognises(tmp_path) and not pascal_voc.recognises(tmp_path / "none")


def test_records_in_the_order_of_the_list(devkit: Path) -> None:
    train = pascal_voc.read(devkit, "train", lists={"train": "2007_trainval"})
    assert train.classes == ("__background__", "disc", "square")
    assert list(train.keys) == ["VOC2007/000003", "VOC2007/000001", "VOC2007/000002"]
    record = train[1]
    assert (record.index, record.width, record.height, record.path.name) == (1, 120, 90, "000001.jpg")
    assert record.gt_boxes.tolist() == draw_tiny_picture(0)[1]  # one less than in the file
    assert record.gt_classes.tolist() == [1, 2] and len(record.ignored_boxes) == 0


def test_difficult_objects_count_neither_way(devkit: Path) -> None:
    record = pascal_voc.read(devkit, "train", lists={"train": "2007_trainval"})[2]
    boxes = draw_tiny_picture(1)[1]
    assert record.gt_boxes.tolist() == boxes[:1] and record.gt_classes.tolist() == [1]
    assert record.ignored_boxes.boxes.tolist() == boxes[1:] and record.ignored_boxes.classes.tolist() == [2]
    assert not record.ignored_boxes.is_crowd.any()


def test_a_second_reading_opens_neither_pictures_nor_annotations(devkit: Path, tmp_path: Path, monkeypatch) -> None:
    """Both are remembered while their files stay as they are."""
    monkeypatch.setattr("helpers.file_facts._SETTLED", -1)
    opened: list[str] = []
    for module, name in ((pascal_voc, "read_xml"), (picture_check, "image_size")):
        whole = getattr(module, name)
        monkeypatch.setattr(module, name, lambda path, whole=whole: (opened.append(path.name), whole(path))[1])
    found, counts = [], []
    for change in (False, False, True):
        if change:
            edit(devkit, "000002", "<difficult>1</difficult>", "<difficult>0</difficult>")
        facts = FileFacts(tmp_path / "facts.json", tmp_path)
        train = pascal_voc.read(devkit, "train", lists={"train": "2007_trainval"}, checked=PictureCheck(facts))
        facts.save()
        counts.append(len(opened))
        found.append([(record.gt_boxes.tolist(), record.ignored_boxes.boxes.tolist()) for record in train])
    assert counts == [6, 6, 7] and opened[6] == "000002.xml"
    assert found[0] == found[1] != found[2]
    assert found[2][2] == (draw_tiny_picture(1)[1], [])


def test_several_years(devkit: Path) -> None:
    train = pascal_voc.read(devkit, "train", lists={"train": "2007_trainval+2012_trainval"})
    assert [record.index for record in train] == [0, 1, 2, 3]
    assert train.keys[3] == "VOC2012/2008_000001"
    with pytest.raises(UserError, match=r"list '2010_train': no such year; years there: 2007, 2012"):
        pascal_voc.read(devkit, "train", lists={"train": "2010_train"})
    with pytest.raises(UserError, match="Write it like 2007_trainval"):
        pascal_voc.read(devkit, "train")


def test_a_single_set_needs_no_year(devkit: Path) -> None:
    folder = devkit / "VOC2007"
    assert len(pascal_voc.read(folder, "train")) == 3
    assert pascal_voc.read(folder, "test", ["disc", "square"]).keys == ["VOC2007/000009"]
    assert len(pascal_voc.read(folder, "train", lists={"train": "disc_trainval"})) == 2  # "000001  1"
    assert pascal_voc.read(folder, "test").classes == ("__background__", "disc", "square")  # those of training
    with pytest.raises(UserError, match=r"no list val\.txt; there: test, trainval"):
        pascal_voc.read(folder, "train", lists={"train": "val"})


def test_missing_marks_mean_no(tmp_path: Path) -> None:
    write_voc_picture(tmp_path, "a b", 0, marks=False)
    write_voc_list(tmp_path, "trainval", ["a b"])
    (record,) = pascal_voc.read(tmp_path, "train")
    assert record.key.endswith("/a b") and len(record.gt_boxes) == 2


def edit(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / "VOC2007" / "Annotations" / f"{name}.xml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<name>disc</name>", "<name></name>", r"000001\.xml:3: this object has no name"),
        ("<xmin>", "<xmin>x", r"000001\.xml:3: 'disc': xmin is 'x\d+', expected a number"),
        ("<xmax>", "<xmax>-", r"xmax, ymax lie left of or above"),
        ("<xmax>", "<xmax>9", r"box .* is not inside 000001\.jpg, 120x90 pixels\. Was it annotated at another size"),
        ("<xmin>", "<xmin>nan</xmin><xmin>", "expected finite numbers"),
        ("bndbox>", "box>", r"000001\.xml:5: no whole XML"),
        ("</annotation>", "", r"000001\.xml:\d+: no whole XML"),
        ("<name>disc</name>", "<name>Disc</name>", r"label 'Disc', 1 box\(es\), .* did you mean 'disc'"),
        ("<annotation>", '<!DOCTYPE x [<!ENTITY a "b">]><annotation>', "document type or entities"),
    ],
)
def test_faults_say_where(devkit: Path, old: str, new: str, message: str) -> None:
    edit(devkit, "000001", old, new)
    with pytest.raises(UserError, match=message):
        pascal_voc.read(devkit, "train", ["disc", "square"], lists={"train": "2007_trainval"})


def test_all_faults_come_together(devkit: Path) -> None:
    edit(devkit, "000001", "<name>disc</name>", "<name></name>")
    edit(devkit, "000003", "<name>disc</name>", "<name></name>")
    with pytest.raises(UserError, match=r"(?s)2 fault.*000003.*000001"):
        pascal_voc.read(devkit, "train", lists={"train": "2007_trainval"})


def test_a_box_over_the_edge_by_a_pixel_is_cut(tmp_path: Path) -> None:
    write_voc_picture(tmp_path, "a", 0)
    write_voc_list(tmp_path, "trainval", ["a"])
    path = tmp_path / "Annotations" / "a.xml"
    path.write_text(path.read_text().replace("<xmax>", "<xmax>121</xmax><xmax>", 1))  # the first counts
    assert pascal_voc.read(tmp_path, "train")[0].gt_boxes[0, 2] == 119


def test_classes_of_the_test_pictures_are_those_of_the_training_list(devkit: Path) -> None:
    lists = {"train": "2007_trainval", "test": "2007_test"}
    assert pascal_voc.read(devkit, "test", lists=lists).classes == ("__background__", "disc", "square")


def test_missing_and_damaged_pictures_come_together(devkit: Path) -> None:
    folder = devkit / "VOC2007" / "JPEGImages"
    write_voc_list(devkit / "VOC2007", "trainval", ["000003", "000001", "000002", "000009"])
    for name in ("000003", "000002"):
        (folder / f"{name}.jpg").unlink()
    for name in ("000001", "000009"):
        (folder / f"{name}.jpg").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"^4 fault") as error:
        pascal_voc.read(devkit, "train", lists={"train": "2007_trainval"})
    text = str(error.value)
    assert all(f"no picture {name}, which a list names" in text for name in ("000003", "000002"))
    assert all(f"{name}.jpg: not a JPEG" in text for name in ("000001", "000009"))


def test_missing_pictures_and_odd_lists(devkit: Path) -> None:
    folder = devkit / "VOC2007"
    (folder / "JPEGImages" / "000002.jpg").unlink()
    with pytest.raises(UserError, match="no picture 000002, which a list names"):
        pascal_voc.read(folder, "train")
    write_voc_list(folder, "trainval", ["000001", "000001"])
    with pytest.raises(UserError, match="'000001' stands in it more than once"):
        pascal_voc.read(folder, "train")
    write_voc_list(folder, "trainval", [""])
    with pytest.raises(UserError, match="the list is empty"):
        pascal_voc.read(folder, "train")


@pytest.mark.skipif(not BCCD.is_dir(), reason="needs the blood cells, which are not part of the repository")
def test_blood_cells_as_they_were_published() -> None:
    train = pascal_voc.read(BCCD, "train")
    test = pascal_voc.read(BCCD, "test", train.classes[1:])
    assert (len(train), len(test)) == (292, 72)
    assert train.objects_per_class() == {"Platelets": 292, "RBC": 3350, "WBC": 301}  # grep -c over the XML files
