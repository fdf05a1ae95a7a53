"""COCO's layout read in place: ids with gaps, crowds, several layouts of the folders, and what a fault says."""

import json
from pathlib import Path

import pytest

from fastRCNN.datasets import coco
from helpers.errors import UserError
from helpers.images import write_image
from tests.conftest import draw_tiny_picture
from tests.fastRCNN_tests.datasets_tests.drawn_sets import coco_content, draw_coco


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return draw_coco(tmp_path / "coco")


def change(folder: Path, edit) -> None:
    path = folder / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_records(folder: Path) -> None:
    assert coco.recognises(folder) and not coco.recognises(folder / "images")
    train = coco.read(folder, "train")
    assert train.classes == ("__background__", "disc", "square")  # by id: 7, 90
    assert list(train.keys) == [f"train2017/{number:012}" for number in range(3)]
    record = train[2]
    x1, y1, x2, y2 = draw_tiny_picture(2)[1][0]
    chosen = record.gt_classes.tolist().index(1)
    assert record.gt_boxes[chosen].tolist() == [x1 + 0.25, y1, x2 + 0.25, y2]  # x + width - 1
    assert (record.width, record.height) == (120, 90) and record.path.is_file()


def test_licences_are_no_categories(folder: Path) -> None:
    """They have an id and a name too; CVAT writes one without a name."""
    licences = [{"id": 0, "name": "", "url": ""}, {"id": 7, "name": "CC BY 4.0"}, {"id": 1, "name": "CC0"}]
    change(folder, lambda content: content.update(licenses=licences))  # behind the categories
    assert coco.read(folder, "train").classes == ("__background__", "disc", "square")


def test_crowds_are_ignored_boxes_of_their_class(folder: Path) -> None:
    record = coco.read(folder, "train")[1]
    assert record.gt_classes.tolist() == [1]
    assert record.ignored_boxes.classes.tolist() == [2] and record.ignored_boxes.is_crowd.tolist() == [True]


def test_pycocotools_reads_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reader = pytest.importorskip("pycocotools.coco").COCO(folder / "annotations" / "instances_train2017.json")
    for record in coco.read(folder, "train"):
        (picture,) = [each for each in reader.dataset["images"] if each["file_name"] == record.path.name]
        boxes = sorted(each["bbox"] for each in reader.loadAnns(reader.getAnnIds(picture["id"], iscrowd=False)))
        mine = record.gt_boxes
        assert sorted([x1, y1, x2 - x1 + 1, y2 - y1 + 1] for x1, y1, x2, y2 in mine.tolist()) == boxes


def test_several_lists_and_classes_given(folder: Path) -> None:
    draw_coco(folder, "extra", pictures=2)
    both = coco.read(folder, "train", ["square", "disc"], lists={"train": "train2017+extra"})
    assert [record.index for record in both] == [0, 1, 2, 3, 4]
    assert sorted(both[0].gt_classes.tolist()) == [1, 2] and both.keys[3].startswith("extra/")
    with pytest.raises(UserError, match=r"no annotations of list 'val2017' for test; there: extra, train2017"):
        coco.read(folder, "test", lists={"test": "val2017"})
    with pytest.raises(UserError, match=r"label 'square', 2 box\(es\), is not among the classes"):
        coco.read(folder, "train", ["disc"], lists={"train": "extra"})


def test_an_export_with_annotations_beside_the_pictures(tmp_path: Path) -> None:
    content, arrays = coco_content(2)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "_annotations.coco.json").write_text(json.dumps(content))
    for name, image in arrays:
        write_image(tmp_path / "train" / name, image)
    assert [len(record.gt_boxes) for record in coco.read(tmp_path, "train")] == [2, 1]


def test_sizes_are_read_where_the_file_has_none(folder: Path) -> None:
    change(folder, lambda content: content["images"][0].update(width=0))
    record = coco.read(folder, "train")[0]
    assert (record.width, record.height) == (120, 90)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c["annotations"][0].update(bbox=[1, 2, 3]), "expected a bbox of four numbers"),
        (lambda c: c["annotations"][0].update(bbox=[1, 2, -3, 4]), "expected x y width height"),
        (lambda c: c["annotations"][0].update(bbox=[1, 2, 300, 4]), "is not inside .* of 120x90 pixels"),
        (lambda c: c["annotations"][0].update(category_id=8), r"1 annotation\(s\) of categories that are not listed"),
        (lambda c: c["annotations"][0].update(image_id=1), r"annotations of 1 picture\(s\) that are not listed"),
        (lambda c: c["annotations"][0].update(image_id="x"), "invalid literal"),
        (lambda c: c["categories"][0].pop("id"), "a category: expected id and name, found {'name': 'square'}"),
        (lambda c: c["categories"][0].update(id=None), "a category: expected id and name"),
        (lambda c: c.pop("categories"), "expected COCO's images, annotations and categories"),
        (lambda c: c["images"][0].update(file_name="none.jpg"), "no picture 'none.jpg' in"),
        (lambda c: c["images"][1].update(file_name="../a/0.png"), "file_name '../a/0.png' leads out of the folder"),
        (lambda c: c["images"][1].update(file_name="/a/0.png"), "file_name '/a/0.png' leads out of the folder"),
        (lambda c: c["images"][1].update(file_name="..\\0.png"), "leads out of the folder of the pictures"),
    ],
)
def test_faults_say_what_and_where(folder: Path, edit, message: str) -> None:
    change(folder, edit)
    with pytest.raises(UserError, match=message) as error:
        coco.read(folder, "train")
    assert "instances_train2017.json" in str(error.value)


def test_a_box_over_the_edge_by_a_pixel_is_cut(folder: Path) -> None:
    def move(content) -> None:
        of_first = [each for each in content["annotations"] if each["image_id"] == 100]
        of_first[0].update(bbox=[-1, -1, 20, 20])
        of_first[1].update(bbox=[101, 71, 20, 20])  # ends at 120, 90

    change(folder, move)
    assert sorted(coco.read(folder, "train")[0].gt_boxes.tolist()) == [[0, 0, 18, 18], [101, 71, 119, 89]]


@pytest.mark.parametrize("bbox", [[-1.01, 0, 20, 20], [0, -1.01, 20, 20], [101.01, 0, 20, 20], [0, 71.01, 20, 20]])
def test_more_than_a_pixel_over_the_edge_is_a_fault(folder: Path, bbox: list[float]) -> None:
    change(folder, lambda content: content["annotations"][0].update(bbox=bbox))
    with pytest.raises(UserError, match=r"bbox .* is not inside .* of 120x90 pixels"):
        coco.read(folder, "train")


def test_pictures_of_unknown_size_that_cannot_be_read_come_together(folder: Path) -> None:
    change(folder, lambda content: [each.update(width=0) for each in content["images"]])
    names = [f"{number:012}.jpg" for number in (1, 2)]
    for name in names:
        (folder / "images" / "train2017" / name).write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"^2 fault") as error:
        coco.read(folder, "train")
    assert all(f"{name}: not a JPEG" in str(error.value) for name in names)


def test_what_is_no_text_or_no_object_is_named(folder: Path) -> None:
    path = folder / "annotations" / "instances_train2017.json"
    path.write_bytes(b'{"images": "\xff"}')
    with pytest.raises(UserError, match=r"instances_train2017\.json: cannot be read: 'utf-8' codec"):
        coco.read(folder, "train")
    for text in ("[]", "3", '{"images": [], "annotations": []}'):
        path.write_text(text)
        with pytest.raises(UserError, match="expected COCO's images, annotations and categories in it"):
            coco.read(folder, "train")
    path.unlink()
    path.mkdir()
    with pytest.raises(UserError, match=r"instances_train2017\.json: cannot be read: "):
        coco.read(folder, "train")


def test_damaged_json(folder: Path) -> None:
    path = folder / "annotations" / "instances_train2017.json"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(UserError, match=r"instances_train2017\.json:1: no JSON from column"):
        coco.read(folder, "train")
