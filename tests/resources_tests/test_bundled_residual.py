"""The bundled residual network: its file, and that it tells apart what it has never seen."""

from pathlib import Path

import numpy as np

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import he_initialised
from fastRCNN.network.network import load_network
from resources.train_residual.designs import Designs
from resources.train_residual.recipe import Recipe

BUNDLED = Path(__file__).resolve().parents[2] / "resources" / "cntk" / "Residual.npz"
NEVER_SEEN = 50_000  # things from this number on had no part in the training


def test_the_file() -> None:
    network = load_network(BUNDLED)
    assert BUNDLED.stat().st_size < 8e6
    assert network.spec.source.startswith("resources/train_residual") and network.spec.stride == 16
    assert network.spec.pooling_kind == "align" and network.spec.feature_dimension == 1024
    recipe = Recipe.of(network.spec.notes["recipe"])
    assert recipe.things < NEVER_SEEN and recipe.formulas == recipe.aerials == 0 and recipe.shape.features == 1024


def test_it_knows_things_again_that_it_has_never_seen() -> None:
    """Each thing twice, in other poses and on other grounds: the nearest embedding is that of the same thing."""
    designs, rng = Designs(products=0, things=2 * NEVER_SEEN, cells=0), np.random.default_rng(0)
    pictures, boxes = [], []
    for pose in range(2):
        for thing in range(20):
            sprite = designs.thing_again(np.random.default_rng([pose, thing]), 120, NEVER_SEEN + thing)[0]
            height, width = sprite.shape[:2]
            picture = np.full((224, 224, 3), rng.uniform(40, 220, 3), np.uint8)
            place = picture[40 : 40 + height, 40 : 40 + width]
            place[:] = np.where(sprite[: len(place), : place.shape[1], 3:] > 127, sprite[..., :3], place)
            pictures.append(picture)
            boxes.append(np.array([[40, 40, 40 + width - 1, 40 + height - 1]], np.float32))

    def found(network) -> float:
        with TorchEngine(network, device="cpu") as engine:
            rows = np.concatenate([engine.embed([p], [b])[0] for p, b in zip(pictures, boxes, strict=True)])
        rows -= rows.mean(axis=0)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return float(((rows[:20] @ rows[20:].T).argmax(axis=1) == np.arange(20)).mean())

    ours, random = found(load_network(BUNDLED)), found(he_initialised(0))
    print(ours, random)
    assert ours >= 0.4 and ours > random + 0.1
