"""What a data set is to every step: records, one picture each, in a fixed order.

A layout on the disk (the tutorial's folders, later Pascal VOC and COCO) is a module that reads it into a `Dataset`, and
a line in `fastRCNN.datasets.layouts`. Letters in shapes: G annotated objects of a picture.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.datasets.findings import Finding

BACKGROUND = "__background__"


@dataclass(frozen=True, eq=False)
class ImageRecord:
    """One picture: `gt_boxes` (G, 4) float64 inclusive pixels, `gt_classes` (G,) int64 from 1 on; size in pixels.

    `index` is its number within the image set, the one in all files of steps 2 and 3. `key` is its name within the data
    set, whatever else is in there: folder and name without extension, like "positive/0001". `ignored_boxes` count
    neither way: in the tutorial's folders those labelled EXCLUDE or UNDECIDED.
    """

    index: int
    key: str
    path: Path
    width: int
    height: int
    gt_boxes: NDArray[np.float64]
    gt_classes: NDArray[np.int64]
    ignored_boxes: IgnoredBoxes = field(default_factory=IgnoredBoxes.of)


class Dataset(Protocol):
    """The pictures of one image set, "train" or "test".

    Records are made when they are asked for, so that a hundred thousand pictures need no hundred thousand objects.
    """

    @property
    def image_set(self) -> str:
        """ "train" or "test"."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, the background first."""

    @property
    def keys(self) -> Sequence[str]:
        """The keys of all pictures, in order: what files of the steps are named after."""

    @property
    def image_paths(self) -> Sequence[Path]:
        """The paths of all pictures, in order."""

    @property
    def findings(self) -> Sequence[Finding]:
        """What reading the data set found that the user should know, and that is no fault."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> ImageRecord: ...

    def __iter__(self) -> Iterator[ImageRecord]: ...

    def annotation_digest(self, index: int) -> str:
        """Return 16 hexadecimal digits that change when size, objects or ignored boxes of a picture change.

        The pixels are not part of it, nor is the order of `classes`: both have to be watched beside it.
        """

    def objects_per_class(self) -> dict[str, int]:
        """Return the number of annotated objects of each class, without the background."""
