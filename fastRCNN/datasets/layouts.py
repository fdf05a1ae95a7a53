"""The ways a data set can lie on the disk. A new one is a module with `recognises` and `read`, and a line here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastRCNN.datasets import coco, pascal_voc, tutorial_folders
from fastRCNN.datasets.imdb import Dataset
from helpers.artifacts import Artifacts


@dataclass(frozen=True)
class Layout:
    """recognises: whether a data set folder is laid out so; read: what makes a `Dataset` of it.

    `read` takes where the data set lies, "train" or "test", the classes without the background, if they are given, and
    the names of lists of pictures by image set, where a layout has lists.
    """

    recognises: Callable[[Path], bool]
    read: Callable[[Artifacts, str, Sequence[str], Mapping[str, str]], Dataset]


LAYOUTS = {  # the first that recognises a folder reads it; the tutorial's says what is expected
    "tutorial": Layout(
        tutorial_folders.recognises, lambda of, image_set, classes, _: tutorial_folders.read(of, image_set, classes)
    ),
    "voc": Layout(pascal_voc.recognises, lambda of, *asked: pascal_voc.read(of.data, *asked)),
    "coco": Layout(coco.recognises, lambda of, *asked: coco.read(of.data, *asked)),
}


def open_dataset(
    artifacts: Artifacts,
    image_set: str,
    classes: Sequence[str] = (),
    *,
    layout: str = "auto",
    lists: Mapping[str, str] | None = None,
) -> Dataset:
    """Return the pictures of `image_set` ("train" or "test") of the data set, whatever its layout.

    classes: their names without the background; empty: as the layout finds them. layout: one of `LAYOUTS`, or "auto":
    the first that recognises the folder. lists: which lists of pictures belong to an image set, as the layout names
    them; for a missing one the usual list. Raises `UserError` that collects every fault of pictures and annotations.
    """
    if layout == "auto":
        layout = next((name for name, each in LAYOUTS.items() if each.recognises(artifacts.data)), "tutorial")
    return LAYOUTS[layout].read(artifacts, image_set, classes, lists or {})
