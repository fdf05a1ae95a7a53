"""Linear probes: what a linear model can read from the embeddings of designs that the training never saw.

    python -m resources.train_alexnet.probe [FILE.npz ...] [--scenes 240] [--designs 60]

Scenes of unseen designs are made, half to learn the probe from, half to test it. Three probes, each a ridge
regression: which design a true box holds (accuracy; chance is 1 / designs), whether a box around a product overlaps it
by 0.5 or more (balanced accuracy), and the overlap itself (mean absolute error). He-initialised filters are always
measured beside.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import he_initialised
from fastRCNN.network.network import Network, load_network
from resources.train_alexnet.products import Design
from resources.train_alexnet.scenes import Scene, make_scene
from resources.train_alexnet.targets import make_targets, sample_rois

FIRST_UNSEEN = 100_000
"""Designs from this seed on are never trained on."""


def ridge(features: NDArray, wanted: NDArray, *, strength: float = 1e-4) -> NDArray:
    """Return weights (D + 1, T) of the ridge regression from `features` (N, D) to `wanted` (N, T); last row the bias.

    Solved in its dual with the kernel of the centred rows; `strength` is relative to the sum of squared norms.
    """
    centre, middle = features.mean(0), wanted.mean(0)
    rows = (features - centre).astype(np.float64)
    kernel = rows @ rows.T
    alpha = np.linalg.solve(kernel + strength * np.trace(kernel) * np.eye(len(rows)), wanted - middle)
    weights = rows.T @ alpha
    return np.vstack([weights, middle - centre @ weights])


def predict(features: NDArray, weights: NDArray) -> NDArray:
    """Return what `ridge`'s weights say of `features` (N, D): (N, T)."""
    return features @ weights[:-1] + weights[-1]


def probe(network: Network, scenes: list[Scene], designs: int, *, seed: int = 0) -> dict[str, float]:
    """Return design accuracy, fit accuracy and overlap error on the second half of `scenes`."""
    engine = TorchEngine(network, device="auto")
    rows: dict[str, list[NDArray]] = {"whole": [], "design": [], "near": [], "overlap": []}
    half_whole = half_near = 0
    for number, scene in enumerate(scenes):
        if number == len(scenes) // 2:
            half_whole, half_near = (sum(map(len, rows[name])) for name in ("whole", "near"))
        clear = scene.visible >= 0.6
        boxes = scene.boxes[clear].astype(np.float32)
        rois = sample_rois(np.random.default_rng([seed, number]), boxes, 24, scene.image.shape[0])
        targets = make_targets(rois, boxes, scene.designs[clear], np.ones(len(boxes), bool))
        near = targets.fit[:, 0] > 0.1
        features = engine.embed([scene.image], [np.concatenate([boxes, rois[near]])])[0]
        rows["whole"].append(features[: len(boxes)])
        rows["design"].append(scene.designs[clear])
        rows["near"].append(features[len(boxes) :])
        rows["overlap"].append(targets.fit[near, 0])
    whole, design, near_features, overlap = (
        np.concatenate(rows[name]) for name in ("whole", "design", "near", "overlap")
    )
    weights = ridge(whole[:half_whole], np.eye(designs)[design[:half_whole]])
    accuracy = (predict(whole[half_whole:], weights).argmax(1) == design[half_whole:]).mean()
    weights = ridge(near_features[:half_near], overlap[:half_near, None])
    guess, truth = predict(near_features[half_near:], weights)[:, 0], overlap[half_near:]
    fits = truth >= 0.5
    balanced = ((guess[fits] >= 0.5).mean() + (guess[~fits] < 0.5).mean()) / 2
    return {
        "design accuracy": float(accuracy),
        "fit accuracy": float(balanced),
        "overlap error": float(np.abs(guess - truth).mean()),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--scenes", type=int, default=240)
    parser.add_argument("--designs", type=int, default=60)
    arguments = parser.parse_args()
    designs = [Design(FIRST_UNSEEN + k) for k in range(arguments.designs)]
    scenes = [make_scene(designs, seed=FIRST_UNSEEN, index=k) for k in range(arguments.scenes)]
    networks = {"He-initialised": he_initialised(0)} | {str(path): load_network(path) for path in arguments.files}
    for name, network in networks.items():
        print(
            name
            + ": "
            + ", ".join(f"{key} {value:.3f}" for key, value in probe(network, scenes, arguments.designs).items())
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
