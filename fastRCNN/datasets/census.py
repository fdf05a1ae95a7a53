"""A look at a whole data set before anything is computed: what would stop a step later, and what would spoil a result.

Every picture is decoded once, and remembered as long as its file stays as it is. Steps 1 and 2 take the census; it is
the same for every layout.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from fastRCNN.datasets.findings import Finding, merged, raise_faults
from fastRCNN.datasets.imdb import Dataset, ImageRecord
from fastRCNN.datasets.layouts import layout_of, open_together
from fastRCNN.datasets.picture_check import PictureCheck
from helpers.annotations import DROPPED_LABELS, alike_labels
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.file_facts import FileFacts

FEW_OBJECTS = 5  # of a class to learn from: fewer hardly make a detector
CONTRADICTION = (  # advice on a picture that is there twice, annotated differently
    "They contradict each other: an object of one is background, or something else, in the other. Keep the right one; "
    "a picture of positive/ must not be in negative/."
)
_MANY = 8  # copies of one picture that are named
_SMALL_SIDE = 3  # pixels: objects with a smaller side are mistakes, or nothing to see


def take_census(
    artifacts: Artifacts,
    open_one: Callable[[str, PictureCheck], Dataset],
    facts: FileFacts,
    *,
    layout: str = "auto",
    skip_damaged: bool = False,
    jobs: int = 1,
) -> tuple[dict[str, Dataset], list[Finding]]:
    """Return the image sets by name, and what the user should know of them, all of a kind together.

    open_one: returns the image set of a name, with sizes of pictures as the second argument tells them. facts: remember
    what was found out about pictures. layout: see `open_dataset`. skip_damaged: leave damaged pictures out, and say so.
    Raises `UserError` with every fault of all image sets: damaged pictures, annotations that cannot be read or do not
    fit.
    """
    pictures = PictureCheck(facts, whole=True, skip=skip_damaged, jobs=jobs)
    try:
        datasets = open_together(lambda image_set: open_one(image_set, pictures))
        notes = picture_notes([path for each in datasets.values() for path in each.image_paths], pictures)
    finally:
        facts.save()
    findings = layout_of(artifacts, layout).left_out(artifacts)
    for dataset in datasets.values():
        findings += dataset.findings
        findings += doubtful_boxes(dataset, artifacts.data)
    findings += label_findings(datasets)
    findings += repeated_pictures(datasets, facts)
    return datasets, merged([*findings, *notes])


def picture_notes(paths: Sequence[Path], pictures: PictureCheck) -> list[Finding]:
    """Return what is odd about pictures that can be read; `DataFaults` for those that cannot."""
    pictures.look_at(paths)
    by_note: dict[str, list[str]] = defaultdict(list)
    turned, damaged = [], []
    for path in paths:
        try:
            found = pictures.inspect(path)
        except UserError as error:
            damaged.append(str(error))
            continue
        for note in found.notes:
            by_note[note].append(str(path))
        if found.turned:
            turned.append(str(path))
    raise_faults([Finding("picture(s) cannot be used", tuple(damaged))])
    notes = [Finding(f"picture(s) are odd: {note}", tuple(where)) for note, where in sorted(by_note.items())]
    upright = "picture(s) are turned upright by their EXIF orientation"
    return [*notes, Finding(upright, tuple(turned), "Boxes are taken in the upright picture.")]


def doubtful_boxes(dataset: Dataset, folder: Path) -> list[Finding]:
    """Return boxes of one image set that are allowed, but hardly meant."""
    twice, contrary, small = [], [], []
    for record in dataset:
        labels_of: dict[tuple[float, ...], list[str]] = defaultdict(list)
        for box, label in zip(record.gt_boxes.tolist(), record.gt_classes.tolist(), strict=True):
            labels_of[tuple(box)].append(dataset.classes[label])
        for box, labels in labels_of.items():
            if len(labels) > 1:
                values, names = " ".join(f"{value:g}" for value in box), ", ".join(sorted(set(labels)))
                text = f"{_shown(record.path, folder)}: {values} ({names})"
                contrary += [text] if len(set(labels)) > 1 else []
                twice += [text] if len(set(labels)) < len(labels) else []
        small += [f"{_shown(record.path, folder)}: {text}" for text in _small(record, dataset.classes)]
    return [
        Finding("box(es) stand more than once in their picture, with the same label", tuple(twice),
                "Of two equal objects one can be found at most: average precision falls. Delete all but one."),
        Finding("box(es) have several labels", tuple(contrary), "Keep the right one."),
        Finding(f"object(s) have a side of less than {_SMALL_SIDE} pixels", tuple(small), "Was it a click by mistake?"),
    ]  # fmt: skip


def label_findings(datasets: Mapping[str, Dataset]) -> list[Finding]:
    """Return doubtful names of classes, and classes with few objects to learn from."""
    names = datasets["train"].classes[1:]
    same = alike_labels([*names, *DROPPED_LABELS])
    background = [repr(name) for name in names if name.strip("_ ").casefold() == "background"]
    few = [f"{name}: {count}" for name, count in datasets["train"].objects_per_class().items() if count < FEW_OBJECTS]
    return [
        Finding(
            "group(s) of labels look alike, and are different classes", tuple(same), "Is one of them a typing error?"
        ),
        Finding("class(es) are named like the background, which needs no boxes", tuple(background)),
        Finding(f"class(es) have fewer than {FEW_OBJECTS} objects to learn from", tuple(few)),
    ]


def repeated_pictures(datasets: Mapping[str, Dataset], facts: FileFacts) -> list[Finding]:
    """Return pictures that are there more than once, byte for byte."""
    places: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for image_set, dataset in datasets.items():
        for index, path in enumerate(dataset.image_paths):
            places[facts.digest(path)].append((image_set, index))
    mixed, contrary, others = [], [], []
    for group in places.values():
        text = _as_equation(list(dict.fromkeys(datasets[image_set].keys[index] for image_set, index in group)))
        if len({image_set for image_set, _ in group}) > 1:
            mixed.append(text)
        if len({datasets[image_set].annotation_digest(index) for image_set, index in group}) > 1:
            contrary.append(_with_objects([datasets[image_set][index] for image_set, index in group]))
        elif len({datasets[image_set].keys[index] for image_set, index in group}) > 1:
            others.append(text)
    return [
        Finding("picture(s) are both for training and for testing", tuple(mixed),
                "What was learnt by heart is found again: the average precision says nothing of new pictures."),
        Finding("picture(s) are there more than once, with different annotations", tuple(contrary), CONTRADICTION),
        Finding("picture(s) are there more than once", tuple(others)),
    ]  # fmt: skip


def _with_objects(records: Sequence[ImageRecord]) -> str:
    return _as_equation([f"{record.key} ({len(record.gt_boxes)} object(s))" for record in records])


def _as_equation(names: Sequence[str]) -> str:
    more = [f"{len(names) - _MANY} more"] if len(names) > _MANY else []
    return " = ".join([*names[:_MANY], *more])


def _small(record: ImageRecord, classes: Sequence[str]) -> Iterable[str]:
    sides = record.gt_boxes[:, 2:] - record.gt_boxes[:, :2] + 1
    for row in np.flatnonzero((sides < _SMALL_SIDE).any(axis=1)):
        box = " ".join(f"{value:g}" for value in record.gt_boxes[row])
        yield f"{box} ({classes[record.gt_classes[row]]})"


def _shown(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
