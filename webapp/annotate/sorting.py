"""Sorting new pictures into positive/, negative/ and testImages/: moving one, and dividing all by chance.

Pictures that are nearly the same (frames of one video, a photo taken twice) stay together, so that no object is trained
on and tested on in two near-copies of one picture.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastRCNN.checking.near_copies import SIDE, near_copies
from helpers.annotations import boxes_path
from helpers.errors import UserError
from helpers.images import find_images
from webapp.annotate.storage import companions


def move_picture(image_path: Path, folder: Path) -> Path:
    """Move a picture and every file of its annotation into `folder`; return its new path.

    The annotation is there before the picture is, and goes last where it came from, so a picture never stands without
    its boxes. Raises `UserError` when the place is taken. The caller holds the store.
    """
    target = folder / image_path.name
    if folder == image_path.parent:
        return image_path
    folder.mkdir(parents=True, exist_ok=True)
    clash = next((other for other in find_images(folder) if other.stem == image_path.stem), None)
    if clash:
        raise UserError(f"{clash}: there already; both would use {boxes_path(clash).name}. Rename one of them")
    files = companions(image_path)
    for file in files:
        copy = folder / file.name
        if copy.exists() and copy.read_bytes() != file.read_bytes():
            raise UserError(f"{copy}: there already, without a picture. Move it away first")
        if not copy.exists():
            _duplicate(file, copy)
    image_path.replace(target)
    for file in files:
        file.unlink()
    return target


def plan_split(
    pictures: Sequence[tuple[str, int]], prints: Mapping[str, NDArray[np.uint8]], *, share: float, seed: int
) -> dict[str, str]:
    """Return the folder for each of `pictures`, given as (id, number of boxes).

    Pictures without boxes go to negative/. Of the others `share`, rounded, goes to testImages/, drawn with `seed`;
    at least one stays in positive/. `prints` holds the `difference_hash` of each id: near-copies go together.
    """
    plan = {picture: "negative" for picture, boxes in pictures if boxes == 0}
    candidates = sorted(picture for picture, boxes in pictures if boxes > 0)
    plan.update(dict.fromkeys(candidates, "positive"))
    groups = together(candidates, prints)
    left = min(round(len(candidates) * share), len(candidates) - 1)
    for index in np.random.default_rng(seed).permutation(len(groups)):
        if len(groups[index]) <= left:
            plan.update(dict.fromkeys(groups[index], "testImages"))
            left -= len(groups[index])
    return plan


def together(pictures: Sequence[str], prints: Mapping[str, NDArray[np.uint8]]) -> list[list[str]]:
    """Return `pictures` in groups of near-copies, directly or over others; `prints`: a `difference_hash` each."""
    group = list(range(len(pictures)))

    def head(index: int) -> int:
        while group[index] != index:
            group[index] = group[group[index]]
            index = group[index]
        return index

    hashes = np.array([prints[picture] for picture in pictures], np.uint8).reshape(len(pictures), SIDE * SIDE // 8)
    for first, second, _ in near_copies(hashes):
        group[head(second)] = head(first)
    members: dict[int, list[str]] = {}
    for index, picture in enumerate(pictures):
        members.setdefault(head(index), []).append(picture)
    return list(members.values())


def _duplicate(source: Path, target: Path) -> None:
    """Give `source` a second name, or copy it where the file system has one name for each file."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
