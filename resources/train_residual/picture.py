"""Draw scenes with fractals and contours, and scenes from above, what counts in a frame.

    python -m resources.train_residual.picture

Writes `scenes.jpg` into this folder, beside the README that shows it.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from resources.train_proposals.picture import scene_picture
from resources.train_proposals.scenes import Scene
from resources.train_residual.designs import Designs
from resources.train_residual.scenes import NamedScenes

_COLUMNS = 6
_FEW = {"products": 20, "things": 100, "cells": 10, "formulas": 300}


def _scenes(designs: Designs, first: int, seed: int) -> Iterator[Scene]:
    """Yield scenes with at least three things, not small, whose designs are numbered from `first` on."""
    make, index = NamedScenes(designs, seed), 0
    while True:
        scene = make.scene(index)
        sizes = np.ptp(scene.boxes.reshape(-1, 2, 2).astype(int), axis=1).max(axis=1)
        if ((scene.labels >= first) & (scene.labels < designs.count) & (sizes > 45)).sum() >= 3:
            yield Scene(scene.image, scene.boxes, scene.visible)
        index += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    by_formula = _scenes(Designs(**_FEW), 130, seed)
    from_above = _scenes(Designs(**_FEW, aerials=200), 430, seed)
    found = [next(by_formula) for _ in range(_COLUMNS)] + [next(from_above) for _ in range(_COLUMNS)]
    picture = scene_picture(found.__getitem__, columns=_COLUMNS, rows=2)
    cv2.imwrite(str(Path(__file__).parent / "scenes.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 80])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
