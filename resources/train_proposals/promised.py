"""Does a score mean the same at each size of the picture? Compare what boxes promise with how they lie, on new scenes.

    python -m resources.train_proposals.promised [FILE.npz] [--scenes N] [--seed N]

A score says how much the box shall overlap its thing (`network.py`). Prints a row per size: boxes that promise `LEAST`
or more, the mean of what they promise, of what they hold, and the second by the first. `LARGEST` in
`fastRCNN/rpn/several_sizes.py` is the largest size's share of the others'.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fastRCNN.engines import load_engine
from fastRCNN.network.network import Network, load_network
from fastRCNN.pipeline.rpn_regions import BUNDLED
from fastRCNN.rpn.several_sizes import propose_at_size
from helpers.boxes import iou_matrix
from resources.train_proposals.scenes import Scene, SceneMaker

LEAST = 0.3
COUNTS = 1 / 3  # of a thing must be visible


class Promise(NamedTuple):
    """What boxes of one size promise, and hold: means over all boxes of all scenes."""

    side: int
    boxes: int
    promised: float
    held: float


def promises(network: Network, scenes: Iterable[Scene]) -> list[Promise]:
    """Return what the boxes of each size promise and hold, in the header's order; 0 where there are none."""
    assert network.spec.rpn is not None
    engine = load_engine("torch", network, device="cpu")
    scores: dict[int, list] = {side: [np.zeros(0)] for side in network.spec.rpn.sides}
    overlaps: dict[int, list] = {side: [np.zeros(0)] for side in network.spec.rpn.sides}
    for scene in scenes:
        things = scene.boxes[scene.visible >= COUNTS]
        for side in network.spec.rpn.sides if len(things) else ():
            found = propose_at_size(engine, scene.image, network.spec, side)
            sure = found.scores >= LEAST
            scores[side].append(found.scores[sure])
            overlaps[side].append(iou_matrix(found.boxes[sure], things).max(axis=1))
    rows = []
    for side in network.spec.rpn.sides:
        said, held = np.concatenate(scores[side]), np.concatenate(overlaps[side])
        rows.append(Promise(side, len(said), *((said.mean(), held.mean()) if len(said) else (0.0, 0.0))))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=BUNDLED)
    parser.add_argument("--scenes", type=int, default=150)
    parser.add_argument("--seed", type=int, default=987654)
    arguments = parser.parse_args()
    make = SceneMaker(arguments.seed)
    print("side\tboxes\tpromised\theld\theld / promised")
    for row in promises(load_network(arguments.file), (make(index) for index in range(arguments.scenes))):
        share = row.held / row.promised if row.promised else 0.0
        print(f"{row.side}\t{row.boxes}\t{row.promised:.3f}\t{row.held:.3f}\t{share:.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
