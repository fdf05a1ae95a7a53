"""Whatever the layout, a data set is a `Dataset`."""

from dataclasses import fields

import numpy as np
import pytest

from fastRCNN.datasets import layouts
from fastRCNN.datasets.imdb import ImageRecord
from fastRCNN.datasets.layouts import Layout, open_dataset, open_together
from fastRCNN.datasets.picture_check import PictureCheck
from fastRCNN.datasets.record_table import RecordTable
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from tests.fastRCNN_tests.datasets_tests.drawn_sets import draw_coco, draw_devkit


def test_the_tutorials_folders_are_recognised(tiny_root):
    dataset = open_dataset(Artifacts(tiny_root, "tiny"), "train")
    assert dataset.keys[0] == "positive/0"
    assert [field.name for field in fields(dataset[0])] == [field.name for field in fields(ImageRecord)]


def test_another_layout_is_a_module_and_a_line(tiny_root, monkeypatch):
    other = RecordTable("train", ("__background__", "x"), [])
    odd = Layout(lambda folder: folder.name == "odd", lambda *asked: other)
    monkeypatch.setattr(layouts, "LAYOUTS", {"odd": odd, **layouts.LAYOUTS})
    assert open_dataset(Artifacts(tiny_root, "odd"), "train") is other
    assert open_dataset(Artifacts(tiny_root, "tiny"), "train").keys[0] == "positive/0"


def test_voc_and_coco_are_recognised(tmp_path):
    (tmp_path / "data").mkdir()
    (draw_devkit(tmp_path / "devkit") / "VOC2007").rename(tmp_path / "data" / "voc")
    assert open_dataset(Artifacts(tmp_path, "voc"), "test", ["disc", "square"]).keys
    draw_coco(tmp_path / "data" / "coco")
    assert open_dataset(Artifacts(tmp_path, "coco"), "train").keys[0].startswith("train2017/")


def test_voc_is_read_with_what_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr("helpers.file_facts._SETTLED", -1)
    (tmp_path / "data").mkdir()
    (draw_devkit(tmp_path / "devkit") / "VOC2007").rename(tmp_path / "data" / "voc")
    artifacts, check = Artifacts(tmp_path, "voc"), PictureCheck()
    first = open_dataset(artifacts, "train", pictures=check)
    monkeypatch.setattr("fastRCNN.datasets.picture_check.image_size", lambda path: pytest.fail(f"{path} was read"))
    again = open_dataset(artifacts, "train", pictures=check)
    assert [again.annotation_digest(index) for index in range(3)] == [first.annotation_digest(i) for i in range(3)]


def test_a_folder_of_no_layout_says_what_is_expected(tiny_root):
    with pytest.raises(UserError, match="no such data set"):
        open_dataset(Artifacts(tiny_root, "tyni"), "train")


def test_the_faults_of_both_image_sets_are_told_together():
    opened = {"train": "of training", "test": "of the test"}
    assert open_together(opened.__getitem__) == opened

    def refuse(image_set):
        raise UserError(f"fault {opened[image_set]}")

    with pytest.raises(UserError) as error:
        open_together(refuse)
    assert "fault of training" in str(error.value) and "fault of the test" in str(error.value)


def test_damaged_pictures_are_left_out_of_any_layout(tiny_root, monkeypatch):
    folder = tiny_root / "data" / "tiny" / "positive"
    paths = [folder / f"{number}.png" for number in range(3)]
    paths[1].write_bytes(paths[1].read_bytes()[:-30])
    rows = [
        ImageRecord(i, f"a/{i}", path, 120, 90, np.zeros((0, 4)), np.zeros(0, np.int64)) for i, path in enumerate(paths)
    ]
    odd = Layout(lambda folder: True, lambda *asked: RecordTable("train", ("__background__", "x"), rows))
    monkeypatch.setattr(layouts, "LAYOUTS", {"odd": odd})
    sound = open_dataset(Artifacts(tiny_root, "tiny"), "train", pictures=PictureCheck(skip=True))
    assert [(record.index, record.key) for record in sound] == [(0, "a/0"), (1, "a/2")]
    assert [finding.kind for finding in sound.findings] == ["damaged picture(s) are left out"]
    assert len(open_dataset(Artifacts(tiny_root, "tiny"), "train")) == 3
