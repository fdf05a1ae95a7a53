"""A miniature COCO: annotations/instances_<list>.json, and the pictures of each list in a folder of its name."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2

from helpers.images import write_image
from resources.miniature_sets.pictures import DrawnPicture, draw_picture

CATEGORIES = {  # ids with gaps, as COCO's 80 of 90
    1: "person", 2: "bicycle", 3: "car", 4: "motorcycle", 13: "stop sign", 15: "bench", 27: "backpack", 44: "bottle",
    62: "chair", 90: "toothbrush",
}  # fmt: skip
_CROWD_EVERY, _EMPTY_EVERY, _GREY = 5, 6, 3


def draw_coco(folder: Path, *, train: int = 10, val: int = 6) -> Path:
    """Draw train2017 with `train` pictures and val2017 with `val` below `folder`; return it."""
    for name, count, seed in (("train2017", train, 17), ("val2017", val, 18)):
        drawn = {139 + 146 * number: draw_picture(len(CATEGORIES), seed=seed, index=number) for number in range(count)}
        content = instances(drawn)
        path = folder / "annotations" / f"instances_{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
        for number, (picture_id, picture) in enumerate(drawn.items()):
            image = picture.image
            if number == _GREY:
                image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
            write_image(folder / name / file_name(picture_id), image)
    return folder


def file_name(picture_id: int) -> str:
    """Return what COCO calls the picture with this id."""
    return f"{picture_id:012}.jpg"


def instances(drawn: Mapping[int, DrawnPicture]) -> dict[str, Any]:
    """Return the content of an instances file of pictures by their ids."""
    images, annotations = [], []
    ids = list(CATEGORIES)
    for number, (picture_id, picture) in enumerate(drawn.items()):
        height, width = picture.image.shape[:2]
        images.append({"license": 1, "file_name": file_name(picture_id), "coco_url": "", "height": height,
                       "width": width, "date_captured": "2026-01-01 00:00:00", "id": picture_id})  # fmt: skip
        if number % _EMPTY_EVERY == _EMPTY_EVERY - 1:
            continue
        for place, (box, label) in enumerate(zip(picture.boxes.tolist(), picture.classes.tolist(), strict=True)):
            crowd = number % _CROWD_EVERY == _CROWD_EVERY - 1 and place == 0
            annotations.append(_annotation(box, ids[label], picture_id, len(annotations), (width, height), crowd))
    if len(annotations) > 2:  # as annotation 2206849 of train2017 has it
        annotations[2]["bbox"][3] = 0
    annotations.reverse()
    return {
        "info": {"description": "a miniature", "year": 2026}, "licenses": [{"id": 1, "name": "CC0", "url": ""}],
        "images": images, "annotations": annotations,
        "categories": [{"supercategory": "drawn", "id": number, "name": name} for number, name in CATEGORIES.items()],
    }  # fmt: skip


def _annotation(
    box: Sequence[int], category: int, picture_id: int, number: int, size: tuple[int, int], crowd: bool
) -> dict[str, Any]:
    """Return one annotation; its box has decimals and may end at the last edge of the picture."""
    x1, y1, x2, y2 = box
    left, top = max(x1 + 0.13, 0), max(y1 + 0.41, 0)
    right, bottom = min(x2 + 0.87, size[0]), min(y2 + 1.0, size[1])
    outline = [left, top, right, top, right, bottom, left, bottom]
    width, height = round(right - left, 2), round(bottom - top, 2)
    return {
        "segmentation": {"counts": [0, size[0] * size[1]], "size": [size[1], size[0]]} if crowd else [outline],
        "area": round(0.7 * width * height, 4), "iscrowd": int(crowd), "image_id": picture_id,
        "bbox": [round(left, 2), round(top, 2), width, height], "category_id": category, "id": 1000 + 7 * number,
    }  # fmt: skip
