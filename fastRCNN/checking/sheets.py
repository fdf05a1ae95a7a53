"""Contact sheets: all objects of a class beside each other, the doubtful ones first and marked."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastRCNN.checking.examination import Objects
from fastRCNN.reporting.tiles import Tile
from fastRCNN.reporting.visualization import scale_boxes, scale_to, square_around
from helpers.boxes import as_boxes
from helpers.drawing import class_color, draw_boxes
from helpers.images import read_image, write_image

COLUMNS, ROWS = 12, 20  # of a sheet
_SIDE, _GAP = 96, 4
_TILE_SIDE = 240
_PAPER, _MARK = (247, 246, 245), (30, 38, 179)  # BGR
_AT_ONCE = 4  # pictures that are kept decoded


def write_sheets(folder: Path, objects: Objects, classes: Sequence[str]) -> dict[str, list[Path]]:
    """Write the sheets of each class into `folder` as <number>_<page>.jpg and return them by class."""
    read = lru_cache(maxsize=_AT_ONCE)(read_image)
    doubtful = [each.number for each in objects.unlike if each.looks_wrong]
    sheets: dict[str, list[Path]] = {}
    for number, name in enumerate(classes[1:], start=1):
        mine = np.flatnonzero(objects.labels == number)
        first = [at for at in doubtful if objects.labels[at] == number]
        order = [*first, *(at for at in mine.tolist() if at not in set(first))]
        of_page = COLUMNS * ROWS
        for page, start in enumerate(range(0, len(order), of_page), start=1):
            path = folder / f"{number:03}_{page}.jpg"
            crops = [(_crop(objects, at, read, _SIDE), at in first) for at in order[start : start + of_page]]
            write_image(path, _sheet(crops))
            sheets.setdefault(name, []).append(path)
    return sheets


def doubtful_tiles(objects: Objects, classes: Sequence[str], *, most: int = 60) -> list[Tile]:
    """Return the objects that fit their class worst, with what they look like."""
    read = lru_cache(maxsize=_AT_ONCE)(read_image)
    tiles = []
    for each in objects.unlike[:most]:
        resembles = f"looks more like {classes[each.resembles]}" if each.looks_wrong else "unlike the rest"
        text = f"{resembles} ({each.own:.2f} own, {each.other:.2f} {classes[each.resembles]}) · "
        key = objects.records[each.number].key
        tiles.append(Tile(_crop(objects, each.number, read, _TILE_SIDE), classes[each.label], text + key))
    return tiles


def _crop(objects: Objects, at: int, read, side: int) -> NDArray[np.uint8]:
    """Return a square picture of object `at` with what is beside it."""
    box = objects.boxes[at]
    part, (left, top) = square_around(read(objects.records[at].path), box, zoom=1.5)
    part, scale = scale_to(part, side)
    moved = scale_boxes(as_boxes([box]) - [left, top, left, top], scale)
    return draw_boxes(part, moved, colors=class_color(int(objects.labels[at])), thickness=1.5)


def _sheet(crops: Sequence[tuple[NDArray[np.uint8], bool]]) -> NDArray[np.uint8]:
    """Return crops in rows; those that are marked have a red frame."""
    rows = -(-len(crops) // COLUMNS)
    columns = min(len(crops), COLUMNS)
    step = _SIDE + 2 * _GAP
    sheet = np.full((rows * step, columns * step, 3), _PAPER, np.uint8)
    for number, (crop, marked) in enumerate(crops):
        top, left = number // COLUMNS * step, number % COLUMNS * step
        if marked:
            sheet[top : top + step, left : left + step] = _MARK
        height, width = min(crop.shape[0], _SIDE), min(crop.shape[1], _SIDE)
        sheet[top + _GAP : top + _GAP + height, left + _GAP : left + _GAP + width] = crop[:height, :width]
    return sheet
