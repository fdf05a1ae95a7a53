"""The miniature VOCdevkit: what our reader makes of its oddities, and that the same call gives the same bytes."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from fastRCNN.datasets import pascal_voc
from resources.miniature_sets.pictures import draw_picture
from resources.miniature_sets.voc import CLASSES, annotation, difficult, draw_devkit

LISTS = {"train": "2007_trainval+2012_trainval", "test": "2007_test"}


@pytest.fixture(scope="module")
def devkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_devkit(tmp_path_factory.mktemp("voc"))


def test_every_class_is_shown(devkit: Path) -> None:
    train = pascal_voc.read(devkit, "train", CLASSES, LISTS)
    test = pascal_voc.read(devkit, "test", CLASSES, LISTS)
    assert (len(train), len(test)) == (21, 8)
    assert min(train.objects_per_class().values()) >= 1 and min(test.objects_per_class().values()) >= 1


def test_boxes_are_those_that_were_drawn(devkit: Path) -> None:
    """Though parts of persons, decimals, sides in another order and missing tags stand between them."""
    train = pascal_voc.read(devkit, "train", CLASSES, LISTS)
    for record in train:
        year, _, name = record.key.partition("/")
        number = (int(name) - 5) // 2 if year == "VOC2007" else (int(name[5:]) - 2) // 3
        drawn = draw_picture(20, seed=7 if year == "VOC2007" else 12, index=number)
        marks = difficult(drawn, number)
        boxes = np.concatenate([record.gt_boxes, record.ignored_boxes.boxes])
        labels = np.concatenate([record.gt_classes, record.ignored_boxes.classes])
        np.testing.assert_allclose(boxes, np.concatenate([drawn.boxes[~marks], drawn.boxes[marks]]), atol=0.31)
        assert labels.tolist() == [*(drawn.classes[~marks] + 1), *(drawn.classes[marks] + 1)]
    assert any(len(record.gt_boxes) == 0 and len(record.ignored_boxes) for record in train)  # only difficult ones


def test_oddities_are_there(devkit: Path) -> None:
    texts = {path: path.read_text() for path in devkit.rglob("*.xml")}
    assert any("<part>" in text for text in texts.values())
    assert any("." in text.partition("<xmin>")[2][:8] for text in texts.values())
    assert any("<truncated>" not in text for text in texts.values())
    assert any(text.index("<xmax>") < text.index("<xmin>") for text in texts.values())
    assert len(texts) == len(list(devkit.rglob("*.jpg"))) == 14 + 8 + 7 + 2  # one of each year is in no list
    flags = {line.split()[1] for path in devkit.rglob("*_trainval.txt") for line in path.read_text().splitlines()}
    assert flags == {"1", "0", "-1"}


def test_selective_search(devkit: Path) -> None:
    content = loadmat(devkit.parent / "selective_search_data" / "voc_2007_trainval.mat")
    assert content["boxes"].shape == (1, 14) and content["boxes"][0, 3].dtype == np.uint16
    names = [str(each[0]) for each in content["images"].ravel()]
    assert names == (devkit / "VOC2007" / "ImageSets" / "Main" / "trainval.txt").read_text().split()
    top, left, bottom, right = content["boxes"][0, 0].T
    assert (top >= 1).all() and (left <= right).all() and (top <= bottom).all()


def test_same_bytes(tmp_path: Path, devkit: Path) -> None:
    again = draw_devkit(tmp_path)
    for path in devkit.rglob("*"):
        if path.is_file():
            assert (again / path.relative_to(devkit)).read_bytes() == path.read_bytes(), path


def test_annotation_of_a_plain_picture() -> None:
    drawn = draw_picture(20, seed=7, index=0)
    text = annotation("VOC2007", "000005", drawn, np.zeros(len(drawn.boxes), bool), 0)
    x1, y1, *_ = (drawn.boxes[0] + 1).tolist()
    assert f"<xmin>{x1}</xmin>" in text and f"<ymin>{y1}</ymin>" in text  # counted from 1
    assert text.count("<object>") == len(drawn.boxes)
