"""The miniature COCO: what our reader and pycocotools make of its oddities."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from fastRCNN.datasets import coco
from resources.miniature_sets.coco import CATEGORIES, draw_coco


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_coco(tmp_path_factory.mktemp("coco"))


def test_every_category_is_shown(folder: Path) -> None:
    train, test = coco.read(folder, "train"), coco.read(folder, "test")
    assert (len(train), len(test)) == (10, 6)
    assert train.classes[1:] == tuple(CATEGORIES.values())
    assert min(train.objects_per_class().values()) >= 1 and min(test.objects_per_class().values()) >= 1


def test_oddities_are_there(folder: Path) -> None:
    content = json.loads((folder / "annotations" / "instances_train2017.json").read_text())
    boxes = np.array([each["bbox"] for each in content["annotations"]])
    assert (boxes[:, 3] == 0).sum() == 1 and (boxes % 1).any()
    assert sum(each["iscrowd"] for each in content["annotations"]) == 2
    with_objects = {each["image_id"] for each in content["annotations"]}
    assert 0 < len(with_objects) < len(content["images"])
    assert sorted(each["id"] for each in content["categories"]) == [*CATEGORIES]
    channels = {cv2.imread(str(path), cv2.IMREAD_UNCHANGED).ndim for path in (folder / "train2017").iterdir()}
    assert channels == {2, 3}


def test_pycocotools_reads_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reader = pytest.importorskip("pycocotools.coco").COCO(folder / "annotations" / "instances_train2017.json")
    train = coco.read(folder, "train")
    assert sum(len(record.gt_boxes) for record in train) == len(reader.getAnnIds(iscrowd=False))
    assert sum(len(record.ignored_boxes) for record in train) == len(reader.getAnnIds(iscrowd=True))
