"""Draw some scenes with their boxes, and the curves of a training log.

    python -m resources.train_proposals.picture FOLDER/log.jsonl

Writes `scenes.jpg` and `curves.png` into this folder, beside the README that shows them.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet.picture import curve_picture
from resources.train_proposals.scenes import Scene, SceneMaker

_HERE = Path(__file__).parent
_CURVES = (("object", "object loss"), ("box", "box loss"), ("iou", "overlap of moved anchors"), ("rate", "rate"))


def scene_picture(make: Callable[[int], Scene], *, columns: int = 6, rows: int = 3, side: int = 200) -> NDArray:
    """Return scenes side by side, what counts in a frame."""
    tiles = []
    for index in range(columns * rows):
        scene = make(index)
        image = scene.image.copy()
        for box in scene.boxes[scene.visible >= 0.35].tolist():
            cv2.rectangle(image, tuple(box[:2]), tuple(box[2:]), (0, 255, 0), 1)
        tiles.append(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA))
    return np.vstack([np.hstack(tiles[k * columns : (k + 1) * columns]) for k in range(rows)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    cv2.imwrite(str(_HERE / "scenes.jpg"), scene_picture(SceneMaker(arguments.seed)), [cv2.IMWRITE_JPEG_QUALITY, 80])
    lines = [json.loads(line) for line in arguments.log.read_text(encoding="utf-8").splitlines()]
    cv2.imwrite(str(_HERE / "curves.png"), curve_picture(lines, _CURVES))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
