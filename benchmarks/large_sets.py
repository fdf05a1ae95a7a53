"""Data sets of the real sizes for load tests: Pascal VOC's and COCO's layouts, whose pictures are links of a few.

A devkit has pictures of VOC's sizes, an annotation of its own for each, 4,000 ROIs and random scores; COCO's lists have
its numbers of objects for each picture.
"""

import json
import os
import shutil
from pathlib import Path

import numpy as np

from fastRCNN.pipeline.embeddings import write_embeddings
from helpers.annotations import write_rois
from helpers.images import write_image
from resources.miniature_sets.pictures import draw_picture
from resources.miniature_sets.voc import CLASSES, write_list

DRAWN, ROIS = 20, 4000
SIZES = ((500, 375), (500, 333), (375, 500), (500, 334))  # width, height: most of VOC's pictures
_OBJECT = (
    "<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>"
    "<ymax>{}</ymax></bndbox></object>"
)


def make_devkit(root: Path, pictures: int) -> None:
    """Write a devkit of 2007 with `pictures`, about half of them in each list, ROIs and scores for all."""
    folder, rng = root / "resources" / "pascalVocData" / "VOCdevkit" / "VOC2007", np.random.default_rng(0)
    drawn, proc = [], root / "proc" / "pascalVoc"
    for number in range(DRAWN):
        size = SIZES[number % len(SIZES)]
        image = draw_picture(len(CLASSES), seed=1, index=number, size=size).image
        drawn.append((root / "drawn" / f"{number}.jpg", root / "drawn" / f"{number}.roi.txt", size))
        write_image(drawn[-1][0], image)
        write_rois(drawn[-1][1], random_boxes(rng, ROIS, size))
        scores = rng.normal(0, 1, (ROIS, len(CLASSES) + 1)).astype(np.float32)
        write_embeddings(root / "drawn" / f"{number}.npz", scores)
    train = round(pictures * 5011 / 9963)
    names = [f"{number:06}" for number in range(1, pictures + 1)]
    for each in (folder / "JPEGImages", folder / "Annotations", proc / "rois" / "VOC2007",
                 *(proc / "cntkFiles" / f"{image_set}_nn_parsed" for image_set in ("train", "test"))):  # fmt: skip
        each.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        picture, rois, size = drawn[number % DRAWN]
        os.link(picture, folder / "JPEGImages" / f"{name}.jpg")
        os.link(rois, proc / "rois" / "VOC2007" / f"{name}.roi.txt")
        image_set, index = ("train", number) if number < train else ("test", number - train)
        os.link(
            root / "drawn" / f"{number % DRAWN}.npz", proc / "cntkFiles" / f"{image_set}_nn_parsed" / f"{index}.dat.npz"
        )
        boxes = random_boxes(rng, int(rng.integers(1, 6)), size) + 1
        objects = "".join(
            _OBJECT.format(CLASSES[int(rng.integers(20))], int(rng.random() < 0.13), *box) for box in boxes.tolist()
        )
        (folder / "Annotations" / f"{name}.xml").write_text(f"<annotation>{objects}</annotation>", encoding="utf-8")
    write_list(folder, "trainval", names[:train])
    write_list(folder, "test", names[train:])
    (proc / "models").mkdir()
    shutil.copy(root / "drawn" / "0.npz", proc / "models" / "frcn_nn.npz")  # step 5 only looks whether it is there


def random_boxes(rng: np.random.Generator, count: int, size: tuple[int, int]) -> np.ndarray:
    """Return (count, 4) int32 boxes inside a picture."""
    corners = rng.integers(0, (*size, *size), (count, 4))
    low, high = np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])
    return np.concatenate([np.minimum(low, np.array(size) - 9), np.minimum(high + 8, np.array(size) - 1)], axis=1)


def make_coco(root: Path, pictures: int) -> None:
    """Write COCO's two lists with its numbers of objects for each picture, and outlines of its lengths."""
    rng = np.random.default_rng(0)
    for number in range(DRAWN):
        write_image(root / "drawn" / f"{number}.jpg", np.full((480, 640, 3), 12 * number, np.uint8))
    (root / "annotations").mkdir()
    for name, count in (("train2017", pictures - round(pictures * 5000 / 123287)),
                        ("val2017", round(pictures * 5000 / 123287))):  # fmt: skip
        (root / name).mkdir()
        images, annotations = [], []
        for number in range(count):
            file = f"{number:012}.jpg"
            os.link(root / "drawn" / f"{number % DRAWN}.jpg", root / name / file)
            images.append({"id": number, "file_name": file, "width": 640, "height": 480, "license": 1})
            for x, y, w, h in (rng.random((int(rng.poisson(7.3)), 4)) * (400, 300, 200, 150) + 1).round(2).tolist():
                outline = [np.resize((x, y, x + w, y + h), 40).tolist()]
                annotations.append({
                    "id": len(annotations) + 1, "image_id": number, "category_id": int(rng.integers(1, 81)),
                    "area": w * h, "iscrowd": 0, "bbox": [x, y, w, h], "segmentation": outline,
                })  # fmt: skip
        categories = [{"id": number, "name": f"class {number}"} for number in range(1, 81)]
        content = {"images": images, "annotations": annotations, "categories": categories}
        with (root / "annotations" / f"instances_{name}.json").open("w") as file:
            json.dump(content, file)
