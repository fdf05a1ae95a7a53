"""From what was read to what a format can hold: units, borders, marks, image sets; what gets lost is counted."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from data.annotation_formats.bbox_files import as_pixels
from data.annotation_formats.log import Log
from data.annotation_formats.record import (
    CROWD,
    DIFFICULT,
    MARKS,
    NO_LABEL,
    TEST,
    TRAIN,
    TRUNCATED,
    VALIDATION,
    Box,
    DataSet,
    Picture,
)
from data.annotation_formats.traits import FRACTIONS, Traits
from helpers.errors import UserError

EXCLUDE = "EXCLUDE"
CHOICES = ("exclude", "keep", "drop")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Choices:
    """What to do with marked boxes where the target has no such mark."""

    difficult: str = "keep"  # and crowds
    truncated: str = "keep"


def fit(data: DataSet, traits: Traits, target: str, log: Log, choices: Choices | None = None) -> DataSet:
    """`data` as the format `target` with these `traits` can hold it."""
    choices = choices or Choices()
    pictures = [
        _fit_picture(picture, traits, target, log, choices)
        for picture in _fit_subsets(data.pictures, traits, target, log)
    ]
    kept = []
    for picture in pictures:
        if picture.boxes:
            kept.append(picture)
        elif picture.incomplete and traits.only_train_and_test:  # it would teach that a picture of objects shows none
            log.remark("picture left out: it shows objects, but none that became a box", picture.name)
        elif not traits.empty_pictures:
            log.remark(f"picture without objects left out: {target} has no place for it", picture.name)
        else:
            kept.append(picture)
    classes = [_one_line(name) for name in data.classes] if traits.one_line_labels else list(data.classes)
    return DataSet(kept, list(dict.fromkeys(classes)))


def split(data: DataSet, share: float, seed: int) -> DataSet:
    """`data` with a `share` of the pictures in the test set, the others in training; with and without objects alike."""
    rng = np.random.default_rng(seed)
    chosen: set[int] = set()
    order = sorted(range(len(data.pictures)), key=lambda index: data.pictures[index].name)
    for has_boxes in (True, False):
        group = [index for index in order if bool(data.pictures[index].boxes) == has_boxes]
        count = round(share * len(group))
        count = min(max(count, 1), len(group) - 1) if has_boxes and len(group) > 1 else count
        chosen |= set(rng.permutation(np.array(group, dtype=np.int64))[:count].tolist())
    pictures = [replace(p, subset=TEST if index in chosen else TRAIN) for index, p in enumerate(data.pictures)]
    return DataSet(pictures, data.classes)


def _fit_subsets(pictures: Sequence[Picture], traits: Traits, target: str, log: Log) -> list[Picture]:
    used = {picture.subset for picture in pictures} - {""}
    if len(used) > 1 and "subsets" not in traits.holds:
        log.headline(f"{target} has no image sets: {', '.join(sorted(used))} are put together")
    if not traits.only_train_and_test or VALIDATION not in used:
        return list(pictures)
    becomes = TRAIN if TEST in used else TEST
    count = sum(picture.subset == VALIDATION for picture in pictures)
    where = "training, for there is a test set" if TEST in used else "testing, for there is no test set"
    log.headline(f"the {count} picture(s) for validation go to {where}")
    return [replace(p, subset=becomes) if p.subset == VALIDATION else p for p in pictures]


def _fit_picture(picture: Picture, traits: Traits, target: str, log: Log, choices: Choices) -> Picture:
    steps: list[Callable[[Box], Box | None]] = [
        lambda box: _fit_marks(box, picture, traits, target, log, choices),
        lambda box: _fit_label(box, picture, traits, log),
        lambda box: _fit_units(box, picture, traits),
        lambda box: _fit_borders(box, picture, traits, log),
    ]
    boxes = []
    for box in picture.boxes:
        fitted: Box | None = box
        for step in steps:
            fitted = step(fitted) if fitted else None
        boxes += [fitted] if fitted else []
    return replace(picture, boxes=tuple(boxes), incomplete=picture.incomplete or len(boxes) < len(picture.boxes))


_HINTS = {
    TRUNCATED: ". The picture's edge, or another object, cuts its object off; most are good examples (--truncated "
    "exclude or drop: they do not count)",
    **dict.fromkeys((DIFFICULT, CROWD), " (--difficult exclude or drop: they do not count)"),
}


def _fit_marks(box: Box, picture: Picture, traits: Traits, target: str, log: Log, choices: Choices) -> Box | None:
    if not (box.marks or box.attributes or box.track):
        return box
    lost = [mark for mark in MARKS if mark in box.marks and mark not in traits.holds]
    wishes = {DIFFICULT: choices.difficult, CROWD: choices.difficult, TRUNCATED: choices.truncated}
    for mark in lost:
        wish = wishes.get(mark, "keep")
        done = {"keep": "became an ordinary box", "exclude": f"became {EXCLUDE}", "drop": "left out, as asked"}[wish]
        hint = _HINTS.get(mark, "") if wish == "keep" else ""
        log.remark(f"{mark} box {done}: {target} has no such mark{hint}", picture.name)
        if wish == "drop":
            return None
        if wish == "exclude":
            box = replace(box, label=EXCLUDE)
    if box.attributes and "attributes" not in traits.holds:
        log.remark(f"attributes not kept: {target} has no place for them", picture.name, len(box.attributes))
    if box.track and "tracks" not in traits.holds:
        log.remark(f"track or group number not kept: {target} has no place for it", picture.name)
    return replace(
        box,
        marks=box.marks & traits.holds,
        attributes=box.attributes if "attributes" in traits.holds else (),
        track=box.track if "tracks" in traits.holds else "",
    )


def _fit_label(box: Box, picture: Picture, traits: Traits, log: Log) -> Box:
    label = _CONTROL.sub("", box.label)
    label = _one_line(label) if traits.one_line_labels else label
    if label != box.label:
        log.remark("blanks around a label removed", picture.name)
    return box if label == box.label else replace(box, label=label or NO_LABEL)


def _one_line(label: str) -> str:
    return " ".join(label.split())


def _fit_units(box: Box, picture: Picture, traits: Traits) -> Box:
    """Pixels from fractions, for which the size must be known; fractions stay where the format has fractions."""
    if not box.relative or (traits.units == FRACTIONS and not picture.size):
        return box
    if picture.size is None:
        raise ValueError(f"{picture.name}: fractions, and no size")
    width, height = picture.size
    left, top, right, bottom = box.edges
    return replace(
        box, left=left * width, top=top * height, right=right * width, bottom=bottom * height, relative=False
    )


def _fit_borders(box: Box, picture: Picture, traits: Traits, log: Log) -> Box | None:
    size = (1.0, 1.0) if box.relative else picture.size
    if traits.inside and size:
        width, height = size
        left, right = (min(max(x, 0.0), width) for x in (box.left, box.right))
        top, bottom = (min(max(y, 0.0), height) for y in (box.top, box.bottom))
        if left >= right or top >= bottom:
            log.remark("box left out: outside the picture", picture.name)
            return None
        beyond = max(left - box.left, top - box.top, box.right - right, box.bottom - bottom)
        if beyond > (0.5 / 1000 if box.relative else 0.5):  # less is rounding
            log.remark("box reached beyond the picture, cut at its border", picture.name)
        if (left, top, right, bottom) != box.edges:
            box = replace(box, left=left, top=top, right=right, bottom=bottom)
    elif traits.inside and min(box.left, box.top) < 0:
        log.remark("box reached beyond the picture, cut at its border", picture.name)
        box = replace(box, left=max(box.left, 0.0), top=max(box.top, 0.0))
        if box.left >= box.right or box.top >= box.bottom:
            return None
    if traits.whole_pixels:
        x1, y1, x2, y2 = as_pixels(box)
        if x2 <= x1 or y2 <= y1:
            log.remark("box left out: less than two whole pixels wide or high", picture.name)
            return None
    return box


def check_sizes(data: DataSet, traits: Traits, target: str) -> None:
    """Raise `UserError` that names the pictures whose size must be known and is not."""
    missing = []
    for picture in data.pictures:
        wrong_units = any(box.relative != (traits.units == FRACTIONS) for box in picture.boxes)
        if picture.size is None and (wrong_units or traits.size_required):
            missing.append(picture.name)
    if missing:
        have, want = ("pixels", "fractions") if traits.units == FRACTIONS else ("fractions", "pixels")
        reason = f"{target} needs it" if traits.size_required else f"boxes are {have} of a picture, {target} has {want}"
        raise UserError(
            f"size unknown of {len(missing)} picture(s): {', '.join(missing[:5] + ['...'] * (len(missing) > 5))}\n"
            f"{reason}. Give the folder of the pictures with --pictures DIR, or a table image,width,height as "
            "image_sizes.csv beside the annotations"
        )
