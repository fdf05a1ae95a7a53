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

from fastRCNN.engines import Engine
from fastRCNN.network.network import Network
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.rpn.picture_area import PictureArea
from fastRCNN.rpn.propose import propose_rois, rules_of
from helpers.annotations import write_rois
from helpers.artifacts import atomic_write
from helpers.errors import UserError


class ProposedRois(NamedTuple):
    """The ROIs of one picture, best first."""

    rois: NDArray[np.int32]  # (R, 4) x1 y1 x2 y2, whole pixels of the picture
    objectness: NDArray[np.float64]  # (R,) probabilities


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

    def with_rows(
        self, engine: Engine, padded: Sequence[NDArray[np.uint8]], areas: Sequence[PictureArea]
    ) -> list[tuple[ProposedRois, NDArray[np.float32]]]:
        """Return the ROIs of B `padded` pictures (S, S, 3), and what the head gives for them, (R, W).

        The trunk runs once. The head sees the ROIs as step 2 would have written them: in whole pixels of the picture.
        """
        maps = engine.feature_map(padded)
        proposed = self(engine, maps, areas)
        placed = [area.to_network(of_one.rois).astype(np.float32) for of_one, area in zip(proposed, areas, strict=True)]
        return list(zip(proposed, engine.head(maps, placed), strict=True))


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
