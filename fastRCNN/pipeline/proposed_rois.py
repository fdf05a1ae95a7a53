"""ROIs that the network proposes itself: from its map of a picture to the picture's pixels, and as files.

    <picture>.roi.txt           one ROI per line, best first, as step 1 writes them
    <picture>.objectness.txt    in the same order: how sure the network is that the ROI shows something, 0 to 1

Letters in shapes: B pictures, R ROIs of a picture, S side of the padded square, W numbers that the head gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.nms import nms
from fastRCNN.engines import Engine
from fastRCNN.network.network import Network
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.pipeline.seen_picture import SeenPicture
from fastRCNN.rpn.picture_area import PictureArea
from fastRCNN.rpn.propose import propose_rois, rules_of
from helpers.annotations import write_rois
from helpers.artifacts import atomic_write
from helpers.errors import UserError


class ProposedRois(NamedTuple):
    """The ROIs of one picture, best first."""

    rois: NDArray[np.int32]  # (R, 4) x1 y1 x2 y2, whole pixels of the picture
    objectness: NDArray[np.float64]  # (R,) probabilities


Rows = tuple[ProposedRois, NDArray[np.float32]]  # the ROIs of a picture, and the head's numbers for each, (R, W)


@dataclass(frozen=True)
class Proposer:
    """Proposes ROIs by the part of a network that was trained for it. `compat` "tutorial": by the published rules."""

    spec: NetworkSpec
    compat: str = "corrected"

    def __post_init__(self) -> None:
        rules_of(self.spec, PictureArea(1, 1, 1.0))  # raises where the network has no such part

    @property
    def most(self) -> int:
        """R at most."""
        return rules_of(self.spec, PictureArea(1, 1, 1.0)).after_nms

    def __call__(self, engine: Engine, maps: Any, areas: Sequence[PictureArea]) -> list[ProposedRois]:
        """Return the ROIs of the pictures that `engine` has made `maps` of; areas: where they lie in their squares."""
        found = propose_rois(engine, maps, areas, self.spec, compat=self.compat)
        return [
            ProposedRois(area.to_picture(one.boxes), np.asarray(one.scores, np.float64))
            for one, area in zip(found, areas, strict=True)
        ]

    def with_rows(self, engine: Engine, pictures: Sequence[SeenPicture]) -> list[Rows]:
        """Return the ROIs of B pictures, and what the head gives for them, (R, W).

        The trunk runs once; where pictures are cut once for each view, one at a time, and `merged` says what stays.
        The head sees the ROIs as step 2 would have written them: in whole pixels of the picture.
        """
        if not any(len(each.tiles) for each in pictures):
            return self._of_views(engine, [each.padded for each in pictures], [each.area for each in pictures])
        return [self.merged([self._of_views(engine, [padded], [area])[0] for padded, area in each.views()], each)
                for each in pictures]  # fmt: skip

    def of_picture(self, engine: Engine, seen: SeenPicture) -> ProposedRois:
        """Return the ROIs of one picture, of all its views."""
        views = []
        for padded, area in seen.views():
            proposed = self(engine, engine.feature_map([padded]), [area])[0]
            views.append((proposed, np.zeros((len(proposed.rois), 0), np.float32)))
        return (self.merged(views, seen) if len(seen.tiles) else views[0])[0]

    def merged(self, views: Sequence[Rows], seen: SeenPicture) -> Rows:
        """Return one picture's ROIs of all its `views`, the whole picture and its tiles.

        1. Of those of a tile, none that ends at a border inside the picture: the rest of what it shows may be outside.
        2. Non-maximum suppression as in one view, by objectness; the best of all views, as many as of one.
        """
        rules = rules_of(self.spec, seen.area)
        whole = [np.full(len(views[0][0].rois), True)]
        for (proposed, _), tile in zip(views[1:], seen.tiles, strict=True):
            whole.append(_not_cut(proposed.rois, tile, seen.area))
        keep = np.concatenate(whole)
        rois = np.concatenate([proposed.rois for proposed, _ in views])[keep]
        scores = np.concatenate([proposed.objectness for proposed, _ in views])[keep]
        rows = np.concatenate([each for _, each in views])[keep]
        best = nms(rois, scores, threshold=rules.nms_threshold)[: rules.after_nms]
        return ProposedRois(rois[best], scores[best]), rows[best]

    def _of_views(
        self, engine: Engine, padded: Sequence[NDArray[np.uint8]], areas: Sequence[PictureArea]
    ) -> list[Rows]:
        maps = engine.feature_map(padded)
        proposed = self(engine, maps, areas)
        placed = [area.to_network(of_one.rois).astype(np.float32) for of_one, area in zip(proposed, areas, strict=True)]
        return list(zip(proposed, engine.head(maps, placed), strict=True))


def _not_cut(rois: NDArray[np.int32], tile: NDArray[np.int64], area: PictureArea) -> NDArray[np.bool_]:
    """Return which ROIs (R, 4) of a tile, x1 y1 x2 y2 in the picture of `area`, do not end at its inner borders."""
    left, top, right, bottom = tile.tolist()
    cut = np.zeros(len(rois), bool)
    for inner, ends in (
        (left > 0, rois[:, 0] <= left), (top > 0, rois[:, 1] <= top),
        (right < area.width - 1, rois[:, 2] >= right), (bottom < area.height - 1, rois[:, 3] >= bottom),
    ):  # fmt: skip
        cut |= ends & inner
    return ~cut


def proposer_of(network: Network | None, where: object, *, compat: str = "corrected") -> Proposer:
    """Return what proposes ROIs by `network`; `UserError` naming `where` (a file) where it has no part for it."""
    if network is None or network.spec.rpn is None:
        raise UserError(f"{where}: this network does not propose regions. Train one: 3_runCntk.py --classifier faster")
    return Proposer(network.spec, compat)


def objectness_file(roi_file: Path) -> Path:
    """Return the file beside a picture's ROIs: `<picture>.objectness.txt` beside `<picture>.roi.txt`."""
    return roi_file.with_name(roi_file.name.removesuffix(".roi.txt") + ".objectness.txt")


def write_proposed(roi_file: Path, proposed: ProposedRois) -> None:
    """Write the ROIs of one picture and, beside them, their objectness, in digits that tell float64 numbers apart."""
    write_rois(roi_file, proposed.rois)
    with atomic_write(objectness_file(roi_file)) as temporary:
        text = "".join(f"{value!r}\n" for value in proposed.objectness.tolist())
        temporary.write_text(text, encoding="utf-8", newline="\n")


def read_objectness(roi_file: Path, count: int) -> NDArray[np.float64]:
    """Return the objectness (R,) that stands beside a picture's `count` ROIs; `UserError` naming the file and line."""
    path = objectness_file(roi_file)
    if not path.is_file():
        raise UserError(f"{path}: not there yet. Run 3_runCntk.py --classifier faster first")
    values = np.empty(count)
    lines = path.read_text(encoding="utf-8").split()
    if len(lines) != count:
        raise UserError(f"{path}: expected {count} numbers as {roi_file.name} has ROIs, found {len(lines)}. {_AGAIN}")
    for number, line in enumerate(lines):
        try:
            values[number] = float(line)
        except ValueError:
            raise UserError(f"{path}:{number + 1}: expected a number, found {line!r}. {_AGAIN}") from None
    return values


_AGAIN = "Run 3_runCntk.py again"
