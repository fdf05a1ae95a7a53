"""Sorting new pictures into positive/, negative/ and testImages/: moving one, and dividing all by chance.

Pictures that are nearly the same (frames of one video, a photo taken twice) stay together, so that no object is trained
on and tested on in two near-copies of one picture.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from helpers.annotations import boxes_path
from helpers.errors import UserError
from helpers.images import find_images
from webapp.annotate.storage import companions

NEAR_BITS = 8  # of 128: prints that differ in fewer are near-copies
_HASH_SIDE = 8


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
    at least one stays in positive/. `prints` holds the `picture_print` of each id: near-copies go together.
    """
    plan = {picture: "negative" for picture, boxes in pictures if boxes == 0}
    candidates = sorted(picture for picture, boxes in pictures if boxes > 0)
    plan.update(dict.fromkeys(candidates, "positive"))
    groups = near_copies([(picture, prints[picture]) for picture in candidates])
    left = min(round(len(candidates) * share), len(candidates) - 1)
    for index in np.random.default_rng(seed).permutation(len(groups)):
        if len(groups[index]) <= left:
            plan.update(dict.fromkeys(groups[index], "testImages"))
            left -= len(groups[index])
    return plan


def near_copies(prints: Sequence[tuple[str, NDArray[np.uint8]]]) -> list[list[str]]:
    """Return groups of names whose prints differ in less than `NEAR_BITS` bits, directly or over others between."""
    group = list(range(len(prints)))

    def head(index: int) -> int:
        while group[index] != index:
            group[index] = group[group[index]]
            index = group[index]
        return index

    stack = np.array([each for _, each in prints], np.uint8).reshape(len(prints), 16)
    for index in range(1, len(prints)):
        different = np.unpackbits(stack[:index] ^ stack[index], axis=1).sum(axis=1)
        for other in np.flatnonzero(different < NEAR_BITS).tolist():
            group[head(index)] = head(other)
    members: dict[int, list[str]] = {}
    for index, (name, _) in enumerate(prints):
        members.setdefault(head(index), []).append(name)
    return list(members.values())


def picture_print(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 128 bits, (16,) uint8, that nearly the same pictures share: where it gets brighter to the right and below.

    The difference hash (N. Krawetz, 2013) along both axes, of the (H, W, 3) picture shrunk to 9 x 9 grey values.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_HASH_SIDE + 1, _HASH_SIDE + 1), interpolation=cv2.INTER_AREA).astype(np.int16)
    right = small[:-1, 1:] > small[:-1, :-1]
    below = small[1:, :-1] > small[:-1, :-1]
    return np.packbits(np.concatenate([right.ravel(), below.ravel()]))


def _duplicate(source: Path, target: Path) -> None:
    """Give `source` a second name, or copy it where the file system has one name for each file."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
