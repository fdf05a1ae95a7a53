"""How well a network knows things again that it has never seen, of each kind: things, fractals, contours, from above.

    python -m resources.train_residual.probe FILE.npz ... [--count 60]

Each of `count` new designs is drawn twice, in other poses, light and places. Known again is one whose first picture's
nearest (cosine of what the network says of the box, less the mean) among all second pictures is its own, and the other
way round. Chance is 1 / count. Neither labels nor heads are needed, so that trainings with other designs compare.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.network import Network, load_network
from resources.train_proposals.aerial import Seen, Sun
from resources.train_proposals.contours import Contour
from resources.train_proposals.fractals import Fractal
from resources.train_proposals.scenes import MAKERS
from resources.train_residual.designs import posed

Draw = Callable[[np.random.Generator], NDArray]
_SEED = 502  # of no training
_SIDE, _SIZE, _CORNER = 224, 120.0, 24


def _thing(own: np.random.Generator) -> Draw:
    drawing = np.ascontiguousarray(MAKERS[own.integers(0, len(MAKERS))](own, 200.0))
    return lambda rng: posed(rng, drawing, _SIZE)


def _fractal(own: np.random.Generator) -> Draw:
    made = Fractal(own)
    return lambda rng: made.draw(rng, _SIZE)


def _contour(own: np.random.Generator) -> Draw:
    made = Contour(own)
    return lambda rng: made.draw(rng, _SIZE)


def _from_above(own: np.random.Generator) -> Draw:
    made = Seen(own)
    return lambda rng: made.draw(rng, _SIZE, rng.uniform(-np.pi, np.pi), Sun.any(rng))[0]


KINDS: dict[str, Callable[[np.random.Generator], Draw]] = {
    "things": _thing, "fractals": _fractal, "contours": _contour, "from above": _from_above,
}  # fmt: skip


def pictures(kind: str, count: int) -> list[tuple[NDArray, NDArray]]:
    """Return `count` designs' first pictures, then their second: (224, 224, 3) uint8 BGR and a box (1, 4) in each."""
    draws = [KINDS[kind](np.random.default_rng([_SEED, number])) for number in range(count)]
    found = []
    for pose in range(2):
        for number, draw in enumerate(draws):
            rng = np.random.default_rng([_SEED, number, pose])
            found.append(_on_ground(draw(rng), rng))
    return found


def _on_ground(sprite: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    """Return `sprite`, as much of it as fits, on a plain ground, and the box of what is solid."""
    rows, columns = (np.flatnonzero((sprite[..., 3] > 100).any(axis)) for axis in (1, 0))
    sprite = sprite[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    room = _SIDE - 2 * _CORNER
    height, width = sprite.shape[:2]
    if max(height, width) > room:
        shrink = room / max(height, width)
        wanted = max(1, round(width * shrink)), max(1, round(height * shrink))
        sprite = cv2.resize(sprite, wanted, interpolation=cv2.INTER_AREA)
        height, width = sprite.shape[:2]
    picture = np.full((_SIDE, _SIDE, 3), rng.uniform(40, 220, 3), np.uint8)
    place, alpha = picture[_CORNER : _CORNER + height, _CORNER : _CORNER + width], sprite[..., 3:] / np.float32(255)
    place[:] = place * (1 - alpha) + sprite[..., :3] * alpha
    return picture, np.array([[_CORNER, _CORNER, _CORNER + width - 1, _CORNER + height - 1]], np.float32)


def known_again(rows: NDArray) -> float:
    """Return the share that is known again of descriptions (2 C, F): C designs' first pictures, then their second."""
    rows = rows - rows.mean(axis=0)
    rows = rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9)
    count = len(rows) // 2
    alike, own = rows[:count] @ rows[count:].T, np.arange(count)
    return float(((alike.argmax(axis=1) == own).mean() + (alike.argmax(axis=0) == own).mean()) / 2)


def probe(network: Network, *, count: int) -> dict[str, float]:
    """Return kind -> the share of `count` designs that `network` knows again."""
    found = {}
    with TorchEngine(network, device="cpu") as engine:
        for kind in KINDS:
            shown = pictures(kind, count)
            found[kind] = known_again(np.concatenate([engine.embed([p], [box])[0] for p, box in shown]))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=60, help="designs of each kind (default 60)")
    arguments = parser.parse_args()
    for file in arguments.files:
        shares = probe(load_network(file), count=arguments.count)
        print(file.name, *(f"{kind} {share:.3f}" for kind, share in shares.items()), sep="  ")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
