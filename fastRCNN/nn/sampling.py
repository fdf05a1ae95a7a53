"""The pictures that a network is trained on, and which of their ROIs take part in an epoch.

The tutorial takes all ROIs of a picture in every epoch. Fast R-CNN (section 2.3) draws some, a quarter of them showing
an object, so that the many ROIs of plain background do not drown the few others; flipped pictures double the data.
Everything random comes from the seed and the epoch alone, so an epoch can be repeated without the ones before it.
Letters in shapes: R ROIs of a picture, n of them drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.images import pad_to_square, read_part

NEAR_BACKGROUND = 0.1  # overlap with an object, as Fast R-CNN's hard background
_MOST_OBJECTS = 0.25  # of the ROIs that new layers are fitted to


@dataclass(frozen=True, eq=False)
class TrainingPicture:
    """One picture to learn from.

    rois: (R, 4) float32 x1 y1 x2 y2 in pixels of the padded square. labels: (R,) int64. targets: (R, 4) float32 box
    regression targets, zeros for ROIs that overlap no object by `NEAR`; None when boxes are not learnt. overlaps: (R,)
    float32, the best intersection over union with any object; None when it is not known. part: x1 y1 x2 y2 of the
    picture, where that is all there is in the padded square: a tile of it (`fastRCNN.boxes.tiles`).
    """

    path: Path
    rois: NDArray[np.float32]
    labels: NDArray[np.int64]
    targets: NDArray[np.float32] | None = None
    overlaps: NDArray[np.float32] | None = None
    part: tuple[int, int, int, int] | None = None

    def pixels(self, pad_size: int) -> NDArray[np.uint8]:
        """Return the padded square (S, S, 3) uint8 BGR of `pad_size` pixels; reads the picture."""
        return pad_to_square(read_part(self.path, self.part), pad_size)[0]


def flipped_rois(rois: NDArray[Any], pad_size: int) -> NDArray[Any]:
    """Return `rois` (R, 4) of the picture mirrored left to right, both in a padded square of `pad_size` pixels."""
    return np.stack([pad_size - 1 - rois[:, 2], rois[:, 1], pad_size - 1 - rois[:, 0], rois[:, 3]], axis=1)


def flipped_targets(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return box `targets` (R, 4) of the mirrored picture: left and right change places."""
    return targets * np.array([-1, 1, 1, 1], np.float32)


def draw_rois(
    picture: TrainingPicture,
    rng: np.random.Generator,
    *,
    rois_per_image: int,
    foreground_fraction: float = 0.25,
    background_overlap: float = 0.0,
) -> NDArray[np.int64]:
    """Return the numbers (n,) of the ROIs to train on; all of them, in order, for `rois_per_image` 0.

    1. Up to `foreground_fraction` of `rois_per_image` show an object, drawn without repeats.
    2. The rest is background; where overlaps are known, with at least `background_overlap` (the paper's 0.1 finds the
       ROIs next to objects), and any background when there are too few of those.
    3. Where a picture has too little of one kind, the other fills up; a picture with fewer ROIs gives all it has.
    """
    if rois_per_image == 0 or len(picture.labels) == 0:
        return np.arange(len(picture.labels))
    foreground = rng.permutation(np.flatnonzero(picture.labels > 0))
    background = rng.permutation(np.flatnonzero(picture.labels == 0))
    if picture.overlaps is not None and background_overlap > 0:
        far = picture.overlaps[background] < background_overlap
        background = np.concatenate([background[~far], background[far]])
    wanted = round(rois_per_image * foreground_fraction)
    nr_foreground = min(len(foreground), max(wanted, rois_per_image - len(background)))
    return np.sort(np.concatenate([foreground[:nr_foreground], background[: rois_per_image - nr_foreground]]))


def rois_to_fit(pictures: Sequence[TrainingPicture], rng: np.random.Generator, count: int) -> list[NDArray[np.int64]]:
    """Return, for each picture, the numbers (n,) of the ROIs to fit the new layers to: about `count` of the whole set.

    Drawn over the whole set, so that many pictures with few ROIs each give what few pictures with many do:
    1. All ROIs where they are not more than `count`. Else:
    2. Those that show an object, a quarter of `count` at most (more where there is not enough background).
    3. Background. Half of it overlaps an object by `NEAR_BACKGROUND` or more, where overlaps are known and there is so
       much: these ROIs look most like objects, and among thousands drawn at random there are few.
    """
    labels = np.concatenate([np.zeros(0, np.int64), *(picture.labels for picture in pictures)])
    near = np.concatenate([np.zeros(0, bool), *(_near_objects(picture) for picture in pictures)])
    objects, background = rng.permutation(np.flatnonzero(labels > 0)), rng.permutation(np.flatnonzero(labels == 0))
    nr_objects = min(len(objects), max(round(count * _MOST_OBJECTS), count - len(background)))
    room = count - nr_objects
    close, far = background[near[background]], background[~near[background]]
    first = min(len(close), room // 2)
    chosen = np.sort(np.concatenate([objects[:nr_objects], np.concatenate([close[:first], far, close[first:]])[:room]]))
    ends = np.cumsum([0, *(len(picture.labels) for picture in pictures)])
    places = np.searchsorted(chosen, ends)
    return [chosen[places[i] : places[i + 1]] - ends[i] for i in range(len(pictures))]


def _near_objects(picture: TrainingPicture) -> NDArray[np.bool_]:
    if picture.overlaps is None:
        return np.zeros(len(picture.labels), bool)
    return np.asarray(picture.overlaps >= NEAR_BACKGROUND)


def target_statistics(
    pictures: Sequence[TrainingPicture], *, flips: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation (4,) of the box targets of all ROIs that show an object.

    Fast R-CNN learns targets of mean 0 and variance 1. Without such ROIs they stay as they are (0 and 1); `flips`
    counts each ROI mirrored as well.
    """
    shown = [picture.targets[picture.labels > 0] for picture in pictures if picture.targets is not None]
    targets = np.concatenate(shown).astype(np.float64) if shown else np.zeros((0, 4))
    if flips:
        targets = np.concatenate([targets, flipped_targets(targets.astype(np.float32))])
    if len(targets) == 0:
        return np.zeros(4), np.ones(4)
    return targets.mean(axis=0), np.maximum(targets.std(axis=0), 1e-3)
