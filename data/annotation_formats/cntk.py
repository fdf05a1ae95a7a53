"""The CNTK Examples' layout: class_map.txt, {train,test}_img_file.txt, {train,test}_roi_file.txt.

A line of a ROI file is `<number> |roiAndLabel x1 y1 x2 y2 class ...`: pixels, 0-based, inclusive.
"""

import re
from collections import defaultdict
from pathlib import Path

from data.annotation_formats.log import Damaged, Log
from data.annotation_formats.output import write_text
from data.annotation_formats.record import Box, DataSet, Picture
from data.annotation_formats.sniff import Sniffed
from data.annotation_formats.source import Source, read_text
from data.annotation_formats.traits import Traits, holding
from data.annotation_formats.values import number, plain
from helpers.errors import UserError

TITLE = "CNTK Examples' lists"
TRAITS = Traits(holding("subsets"), inside=True, one_line_labels=True)
BACKGROUND = "__background__"
_IMAGES, _ROIS = "_img_file.txt", "_roi_file.txt"


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    return file.path.name if file.name == "class_map.txt" or file.name.endswith((_IMAGES, _ROIS)) else ""


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read class_map.txt and each pair of lists."""
    class_maps = [path for path in source.all_files if path.name.lower() == "class_map.txt"]
    if not class_maps:
        raise UserError(
            f"{source.root}: class_map.txt is missing (lines of class and number); without it numbers have no names"
        )
    names = _class_names(class_maps[0], log)
    pictures = []
    lists = [path for path in source.all_files if path.name.lower().endswith(_IMAGES)]
    missing = [path.with_name(path.name[: -len(_IMAGES)] + _ROIS) for path in lists]
    missing = [path for path in missing if not source.holds(path)]
    if missing or not lists:
        what = ", ".join(map(str, missing)) or f"{source.root}: train_img_file.txt and train_roi_file.txt"
        raise UserError(f"{what}: missing; the boxes are in there ({class_maps[0].name} names {len(names)} classes)")
    for path in lists:
        rois = path.with_name(path.name[: -len(_IMAGES)] + _ROIS)
        boxes = _read_rois(rois, names, log)
        subset = (
            "test"
            if path.name.lower().startswith("test")
            else "val"
            if path.name.lower().startswith("val")
            else "train"
        )
        for line, text in enumerate(read_text(path).split("\n"), start=1):
            if text.strip():
                with log.part(path.name, f"{path}:{line}"):
                    fields = text.strip().split("\t") if "\t" in text else text.split()
                    if len(fields) < 2:
                        raise Damaged(f"expected a number, a path and 0, found {text.strip()!r}")
                    if f"{rois.name} {fields[0].strip()}" in log.faults:
                        continue
                    if fields[0].strip() not in boxes:
                        raise Damaged(f"the ROI file has no line {fields[0].strip()}")
                    pictures.append(Picture(fields[1], tuple(boxes[fields[0].strip()]), None, subset, beside=path))
    return DataSet(pictures, [name for name in names.values() if name != BACKGROUND])


def _class_names(path: Path, log: Log) -> dict[int, str]:
    names = {}
    for line, text in enumerate(read_text(path).split("\n"), start=1):
        if text.strip():
            with log.part(path.name, f"{path}:{line}"):
                match = re.fullmatch(r"(.+?)[\t ]+(\d+)", text.strip())
                if not match:
                    raise Damaged(f"expected a class, a tab and its number, found {text.strip()!r}")
                names[int(match[2])] = match[1].strip()
    return dict(sorted(names.items()))


def _read_rois(path: Path, names: dict[int, str], log: Log) -> dict[str, list[Box]]:
    boxes: dict[str, list[Box]] = defaultdict(list)
    for line, text in enumerate(read_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        head, bar, rest = text.partition("|roiAndLabel")
        with log.part(f"{path.name} {head.strip()}", f"{path}:{line}"):
            values = [number(field, "a coordinate") for field in rest.split()]
            if not bar or len(values) % 5:
                raise Damaged("expected `<number> |roiAndLabel` and 5 numbers for each box")
            of_picture = boxes[head.strip()]
            for at in range(0, len(values), 5):
                x1, y1, x2, y2, label = values[at : at + 5]
                if label not in names:
                    raise Damaged(f"class {label:g} is not in class_map.txt")
                if (x1, y1, x2, y2) == (0, 0, 0, 0) and label == 0:
                    continue  # filler up to the fixed number of boxes
                if x2 < x1 or y2 < y1:
                    log.remark("box with its corners swapped, put in order", head.strip())
                    x1, x2, y1, y2 = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
                of_picture.append(Box(names[int(label)], x1, y1, x2 + 1, y2 + 1, where=f"{path}:{line}"))
    return boxes


def place(picture: Picture) -> str:
    """Where the picture goes."""
    return "testImages" if picture.subset == "test" else "positive" if picture.boxes else "negative"


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write class_map.txt and the lists; val has lists of its own."""
    classes = data.all_classes()
    ids = {name: index for index, name in enumerate(classes, start=1)}
    write_text(
        folder / "class_map.txt", "".join(f"{name}\t{index}\n" for name, index in {BACKGROUND: 0, **ids}.items())
    )
    sets: dict[str, list[Picture]] = defaultdict(list)
    for picture in data.pictures:
        sets[picture.subset or "train"].append(picture)
    for subset, pictures in sets.items():
        images = (f"{index}\t{place(picture)}/{picture.name}\t0\n" for index, picture in enumerate(pictures))
        write_text(folder / f"{subset}{_IMAGES}", "".join(images))
        rois = (f"{index} |roiAndLabel{_roi_text(picture, ids)}\n" for index, picture in enumerate(pictures))
        write_text(folder / f"{subset}{_ROIS}", "".join(rois))


def _roi_text(picture: Picture, ids: dict[str, int]) -> str:
    texts = []
    for box in picture.boxes:
        values = (box.left, box.top, max(box.right - 1, box.left), max(box.bottom - 1, box.top))
        texts.append(" " + " ".join(str(float(plain(value))) for value in values) + f" {ids[box.label]}")
    return "".join(texts)
