"""The ways a data set can lie on the disk. A new one is a module with `recognises` and `read`, and a line here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastRCNN.datasets import coco, pascal_voc, tutorial_folders
from fastRCNN.datasets.imdb import Dataset
from helpers.artifacts import Artifacts


@dataclass(frozen=True)
class Layout:
    """recognises: whether a data set folder is laid out so; read: what makes a `Dataset` of it.

    `read` takes where the data set lies, "train" or "test", and the classes without the background, if they are given.
    """

    recognises: Callable[[Path], bool]
    read: Callable[[Artifacts, str, Sequence[str]], Dataset]


LAYOUTS = {  # the first that recognises a folder reads it; the tutorial's says what is expected
    "tutorial": Layout(tutorial_folders.recognises, tutorial_folders.read),
    "voc": Layout(pascal_voc.recognises, lambda of, *asked: pascal_voc.read(of.data, *asked)),
    "coco": Layout(coco.recognises, lambda of, *asked: coco.read(of.data, *asked)),
}


def open_dataset(artifacts: Artifacts, image_set: str, classes: Sequence[str] = ()) -> Dataset:
    """Return the pictures of `image_set` ("train" or "test") of the data set, whatever its layout.

    `classes`: their names without the background; empty: as the layout finds them. Raises `UserError` that collects
    every fault of pictures and annotations.
    """
    layout = next((each for each in LAYOUTS.values() if each.recognises(artifacts.data)), LAYOUTS["tutorial"])
    return layout.read(artifacts, image_set, classes)
