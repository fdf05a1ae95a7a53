"""COCO: ids, crowds, masks, dummies; and pycocotools as the reader of what is written."""

import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from data.annotation_formats.geometry import around_run_lengths
from helpers.errors import UserError
from tests.data_tests.annotation_formats_tests.conftest import Converter, Folder


def coco(*annotations: dict[str, object], **more: object) -> dict[str, object]:
    images = [{"id": 7, "file_name": "a.jpg", "width": 100, "height": 80}]
    categories = [{"id": 3, "name": "cat"}]
    defaults = {"image_id": 7, "category_id": 3}
    return {
        "images": images,
        "categories": categories,
        "annotations": [defaults | each for each in annotations],
        **more,
    }


def test_ids_as_numbers_or_text(folder: Folder) -> None:
    folder.add("a.json", coco({"image_id": "7", "category_id": 3.0, "bbox": ["10", 20.5, 30, "40"]}))
    assert folder.boxes() == [(10, 20.5, 40, 60.5, "cat")]


def test_box_from_outline_or_mask(folder: Folder) -> None:
    rle = {"size": [80, 100], "counts": [80 * 10 + 5, 4, 76, 4, 80 * 88 - 13 + 4]}
    outlines: list[object] = [[10, 20, 30, 20, 30, 44.5], [[1, 2, 3, 4, 5, 3], [9, 9, 8, 12, 9, 12]], rle]
    folder.add("a.json", coco(*({"segmentation": outline} for outline in outlines)))
    assert [box[:4] for box in folder.boxes()] == [(10, 20, 30, 44.5), (1, 2, 9, 12), (10, 5, 12, 9)]


def test_run_lengths_as_pycocotools_has_them() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = np.zeros((37, 53), np.uint8, order="F")
        x, y = rng.integers(0, 30, 2)
        mask[y : y + rng.integers(1, 9), x : x + rng.integers(1, 20)] = 1
        mask[rng.integers(0, 37), rng.integers(0, 53)] = 1
        packed = coco_mask.encode(mask)
        left, top, width, height = coco_mask.toBbox(packed)
        packed["counts"] = packed["counts"].decode()
        edges = around_run_lengths(packed)
        assert edges == (left, top, left + width, top + height)


def test_masks_of_cvat_are_no_crowds(folder: Folder) -> None:
    rle = {"size": [80, 100], "counts": [0, 10, 7990]}
    mask = {"bbox": [1, 2, 3, 4], "iscrowd": 1, "segmentation": rle, "attributes": {"occluded": False}}
    folder.add("a.json", coco({"bbox": [5, 5, 9, 9], "iscrowd": 0}, mask))
    assert not any(box.marks for box in folder.read()["a.jpg"].boxes)
    assert "iscrowd marks masks here" in folder.log.headlines[0]


def test_real_crowds_keep_their_mark(folder: Folder) -> None:
    crowd = {"bbox": [1, 2, 3, 4], "iscrowd": 1, "segmentation": {"size": [80, 100], "counts": [0, 10, 7990]}}
    folder.add("a.json", coco({"bbox": [5, 5, 9, 9], "iscrowd": 0}, crowd))
    assert [set(box.marks) for box in folder.read()["a.jpg"].boxes] == [set(), {"crowd"}]


def test_dummy_categories_are_dropped(folder: Folder, run: Converter, tmp_path: Path) -> None:
    categories = [
        {"id": 0, "name": "pets", "supercategory": "none"}, {"id": 3, "name": "cat", "supercategory": "pets"},
        {"id": 4, "name": "dog", "supercategory": "pets"}, {"id": 9, "name": "_background_"},
    ]  # fmt: skip
    folder.add("a.json", coco({"bbox": [1, 2, 3, 4]}, categories=categories)).picture("a.jpg")
    run(folder.root, "yolo", tmp_path / "yolo")
    assert "names:\n  0: cat\n  1: dog\n" in (tmp_path / "yolo" / "data.yaml").read_text()


def test_two_files_with_one_picture(folder: Folder) -> None:
    folder.add("train.json", coco({"bbox": [1, 2, 3, 4]})).add(
        "all.json", coco({"bbox": [1, 2, 3, 4]}, {"bbox": [5, 5, 5, 5]})
    )
    assert folder.boxes() == [(1, 2, 4, 6, "cat"), (5, 5, 10, 10, "cat")]
    assert folder.remarks == {"annotated twice, boxes put together": 1}


def test_damage_names_the_line(folder: Folder) -> None:
    good, bad = (
        {"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4]},
        {"image_id": 7, "category_id": 3, "bbox": [1, 2, "x", 4]},
    )
    lost = {"image_id": 8, "category_id": 3, "bbox": [1, 2, 3, 4]}
    folder.add("a.json", json.dumps(coco(good, bad, lost), indent=1))
    lines = (folder.root / "a.json").read_text().split("\n")
    folder.read()
    line = next(number for number, text in enumerate(lines, 1) if '"x"' in text)
    assert [text.split(": ", 1)[1] for text in folder.faults] == [
        "bbox is no number: 'x'", "image_id 8 is no image of this file"
    ]  # fmt: skip
    named = int(folder.faults[0].split(":")[1])
    assert named < line <= named + 8  # the annotation begins there


def test_cut_off_file(folder: Folder) -> None:
    folder.add("a.json", '{"images": [\n{"id": 1},\n')
    with pytest.raises(UserError, match=r"a\.json:3: no whole JSON.*cut off"):
        folder.read("coco")


def test_pycocotools_reads_what_is_written(tutorial_set: Path, tmp_path: Path, run: Converter) -> None:
    run(tutorial_set, "coco", tmp_path / "coco")
    truth = COCO(str(tmp_path / "coco" / "annotations" / "instances_train.json"))
    (image,) = (image for image in truth.loadImgs(truth.getImgIds()) if image["file_name"] == "one.png")
    assert (image["width"], image["height"]) == (64, 48)
    annotations = truth.loadAnns(truth.getAnnIds(imgIds=[image["id"]]))
    assert [each["bbox"] for each in annotations] == [[0, 0, 64, 48], [10, 12, 21, 29]]
    names = [truth.loadCats([each["category_id"]])[0]["name"] for each in annotations]
    assert names == ["orange", "egg box"]
    assert [each["area"] for each in annotations] == [64 * 48, 21 * 29]
    assert truth.loadRes(annotations and [{**each, "score": 1.0} for each in annotations])  # usable in evaluation


def test_segments_of_a_panoptic_file_are_objects(folder: Folder) -> None:
    segments = [
        {"id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "iscrowd": 0},
        {"id": 2, "category_id": 3, "bbox": [5, 5, 9, 9]},
    ]
    value = coco()
    value["annotations"] = [{"image_id": 7, "file_name": "a.png", "segments_info": segments}]
    assert folder.add("panoptic.json", value).boxes() == [(1, 2, 4, 6, "cat"), (5, 5, 14, 14, "cat")]


def test_crowds_are_written_and_read_again(folder: Folder, run: Converter, tmp_path: Path) -> None:
    folder.add("a.json", coco({"bbox": [1, 2, 3, 4], "iscrowd": 1}, {"bbox": [5, 5, 9, 9]})).picture("a.jpg")
    run(folder.root, "coco", tmp_path / "coco")
    truth = COCO(str(tmp_path / "coco" / "annotations" / "instances_train.json"))
    assert [each["iscrowd"] for each in truth.loadAnns(truth.getAnnIds())] == [1, 0]
