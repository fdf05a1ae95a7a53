"""Drawn data sets in the layouts of Pascal VOC and COCO, with the oddities of the real ones."""

import json
from pathlib import Path

from helpers.images import write_image
from tests.conftest import draw_tiny_picture

OBJECT = """  <object>
    <name>{label}</name>{marks}
    <bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox>
  </object>
"""


def write_voc_picture(
    folder: Path, name: str, seed: int, *, difficult: tuple[int, ...] = (), marks: bool = True
) -> None:
    """Draw picture `name` of a VOC set in `folder`, with its XML; `marks`: whether that has the tag `difficult`."""
    image, boxes, labels = draw_tiny_picture(seed)
    write_image(folder / "JPEGImages" / f"{name}.jpg", image)
    objects = "".join(
        OBJECT.format(
            label=label, marks=f"<difficult>{int(number in difficult)}</difficult>" if marks else "",
            x1=x1 + 1, y1=y1 + 1, x2=x2 + 1, y2=y2 + 1,
        )
        for number, ((x1, y1, x2, y2), label) in enumerate(zip(boxes, labels, strict=True))
    )  # fmt: skip
    text = f"<annotation>\n  <filename>{name}.jpg</filename>\n{objects}</annotation>\n"
    (folder / "Annotations").mkdir(exist_ok=True, parents=True)
    (folder / "Annotations" / f"{name}.xml").write_text(text)


def write_voc_list(folder: Path, name: str, lines: list[str]) -> None:
    """Write ImageSets/Main/<name>.txt."""
    path = folder / "ImageSets" / "Main" / f"{name}.txt"
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("\n".join(lines) + "\n")


def draw_devkit(root: Path) -> Path:
    """Two years: 2007 with three training pictures and a test picture, 2012 with one; return the devkit's folder."""
    for year, names in (("2007", ("000001", "000002", "000003", "000009")), ("2012", ("2008_000001",))):
        for seed, name in enumerate(names):
            write_voc_picture(root / f"VOC{year}", name, seed, difficult=(1,) if name == "000002" else ())
    write_voc_list(root / "VOC2007", "trainval", ["000003", "000001", "000002"])
    write_voc_list(root / "VOC2007", "disc_trainval", ["000001  1", "000002 -1"])
    write_voc_list(root / "VOC2007", "test", ["000009"])
    write_voc_list(root / "VOC2012", "trainval", ["2008_000001"])
    return root


def coco_content(pictures: int = 3) -> tuple[dict, list]:
    """The content of an instances file, and the pictures (name, array): ids with gaps, a crowd, no order."""
    content: dict = {"info": {"year": 2017}, "images": [], "annotations": [], "categories": []}
    content["categories"] = [{"id": 90, "name": "square"}, {"id": 7, "name": "disc", "supercategory": "round"}]
    arrays = []
    for seed in range(pictures):
        image, boxes, labels = draw_tiny_picture(seed)
        arrays.append((f"{seed:012}.jpg", image))
        size = {"width": image.shape[1], "height": image.shape[0]}
        content["images"].append({"id": 100 + 7 * seed, "file_name": arrays[-1][0], "license": 1, **size})
        for (x1, y1, x2, y2), label in zip(boxes, labels, strict=True):
            content["annotations"].append(
                {
                    "id": len(content["annotations"]) + 1, "image_id": 100 + 7 * seed,
                    "iscrowd": int(label == "square" and seed == 1),
                    "category_id": {"disc": 7, "square": 90}[label], "area": 1.5,
                    "bbox": [x1 + 0.25, y1, x2 - x1 + 1, y2 - y1 + 1], "segmentation": [[x1, y1, x2, y2, x1, y2]],
                }
            )  # fmt: skip
    content["annotations"].reverse()
    return content, arrays


def draw_coco(root: Path, name: str = "train2017", pictures: int = 3) -> Path:
    """A COCO set with one list, its pictures in images/<list>/; return its folder."""
    content, arrays = coco_content(pictures)
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    (root / "annotations" / f"instances_{name}.json").write_text(json.dumps(content))
    for file, image in arrays:
        write_image(root / "images" / name / file, image)
    return root
