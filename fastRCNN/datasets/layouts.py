"""The ways a data set can lie on the disk. A new one is a module with `recognises` and `read`, and a line here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fastRCNN.datasets import coco, pascal_voc, tutorial_folders
from fastRCNN.datasets.findings import Finding, left_out, raise_together
from fastRCNN.datasets.imdb import Dataset
from fastRCNN.datasets.picture_check import PictureCheck
from fastRCNN.datasets.record_table import RecordTable
from helpers.artifacts import IMAGE_SETS, Artifacts
from helpers.errors import UserError


@dataclass(frozen=True)
class Layout:
    """recognises: whether a data set folder is laid out so; read: what makes a `Dataset` of it; left_out: findings on
    files that are not used.

    `read` takes where the data set lies, "train" or "test", the classes without the background, if they are given, the
    names of lists of pictures by image set, where a layout has lists, and what tells the sizes of pictures.
    """

    recognises: Callable[[Path], bool]
    read: Callable[[Artifacts, str, Sequence[str], Mapping[str, str], PictureCheck], Dataset]
    left_out: Callable[[Artifacts], list[Finding]] = lambda artifacts: []


LAYOUTS = {  # the first that recognises a folder reads it; the tutorial's says what is expected
    "tutorial": Layout(
        tutorial_folders.recognises,
        lambda of, image_set, classes, _, pictures: tutorial_folders.read(of, image_set, classes, pictures),
        tutorial_folders.left_out,
    ),
    "voc": Layout(pascal_voc.recognises, lambda of, *asked: pascal_voc.read(of.data, *asked)),
    "coco": Layout(coco.recognises, lambda of, *asked: coco.read(of.data, *asked[:3])),
}


def open_dataset(
    artifacts: Artifacts,
    image_set: str,
    classes: Sequence[str] = (),
    *,
    layout: str = "auto",
    lists: Mapping[str, str] | None = None,
    pictures: PictureCheck | None = None,
) -> Dataset:
    """Return the pictures of `image_set` ("train" or "test") of the data set, whatever its layout.

    classes: their names without the background; empty: as the layout finds them. layout: one of `LAYOUTS`, or "auto":
    the first that recognises the folder. lists: which lists of pictures belong to an image set, as the layout names
    them; for a missing one the usual list. pictures: what tells their sizes; by default their headers do. Raises
    `UserError` that collects every fault of pictures and annotations.
    """
    chosen, pictures = layout_of(artifacts, layout), pictures or PictureCheck()
    dataset = chosen.read(artifacts, image_set, classes, lists or {}, pictures)
    return _without_damaged(dataset, pictures) if pictures.skip else dataset


def _without_damaged(dataset: Dataset, pictures: PictureCheck) -> Dataset:
    """Return `dataset` without the pictures that cannot be decoded, for layouts whose headers alone were read."""
    pictures.look_at(dataset.image_paths)
    sound: list[int] = []
    damaged: list[str] = []
    for index, path in enumerate(dataset.image_paths):
        try:
            pictures.inspect(path)
            sound.append(index)
        except UserError as error:
            damaged.append(str(error))
    if not damaged:
        return dataset
    records = (replace(dataset[index], index=place) for place, index in enumerate(sound))
    return RecordTable(dataset.image_set, dataset.classes, records, [*dataset.findings, left_out(damaged)])


def layout_of(artifacts: Artifacts, layout: str = "auto") -> Layout:
    """Return the layout of this name; for "auto" the first that recognises the data set, else the tutorial's."""
    return LAYOUTS[layout_name(artifacts, layout)]


def layout_name(artifacts: Artifacts, layout: str = "auto") -> str:
    """Return the name of the layout that `layout_of` returns."""
    if layout == "auto":
        layout = next((name for name, each in LAYOUTS.items() if each.recognises(artifacts.data)), "tutorial")
    return layout


def open_together(open_one: Callable[[str], Dataset]) -> dict[str, Dataset]:
    """Return what `open_one` returns for each image set, by name; the faults of all of them are told together."""
    datasets: dict[str, Dataset] = {}
    faults: list[UserError] = []
    for image_set in IMAGE_SETS:
        try:
            datasets[image_set] = open_one(image_set)
        except UserError as error:
            faults.append(error)
    raise_together(faults)
    return datasets
