"""The bundled network that proposes regions: its file, and what it finds in scenes that it has not learnt from."""

import numpy as np
import pytest

from fastRCNN.network.network import load_network
from fastRCNN.pipeline.rpn_regions import BUNDLED, regions_by
from fastRCNN.proposals.recall import best_overlaps
from resources.train_proposals.network import SIDES
from resources.train_proposals.scenes import SceneMaker


def test_the_file() -> None:
    network = load_network(BUNDLED)
    assert BUNDLED.stat().st_size < 6e6 and network.spec.rpn is not None
    assert network.spec.rpn.sides == SIDES and network.spec.head == () and network.spec.version == 3
    assert network.spec.source.startswith("resources/train_proposals") and len(network.spec.notes["recipe"]) > 5


def test_finds_what_is_drawn() -> None:
    make, regions = SceneMaker(99, designs=4), regions_by(BUNDLED, pad_size=1000, device="cpu")
    assert regions is not None
    images, boxes, found = [], [], []
    for index in range(6):
        scene = make(index)
        sides = scene.boxes[:, 2:] - scene.boxes[:, :2] + 1
        images.append(scene.image)
        boxes.append(scene.boxes[(scene.visible > 0.6) & (sides.min(axis=1) >= 24)])
        found.append(regions(scene.image)[0])
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 448, (6, 100, 2, 2))
    by_chance = [np.concatenate([each.min(axis=1), each.max(axis=1)], axis=1) for each in corners]
    chance = (best_overlaps(by_chance, boxes, [100])[0] >= 0.5).mean()
    recall = (best_overlaps(found, boxes, [100])[0] >= 0.5).mean()
    print(recall, chance, sum(map(len, boxes)))
    assert recall > 0.75 and recall > chance + 0.3

    again = regions(images[0])  # the same boxes each time
    np.testing.assert_array_equal(again[0], found[0])


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (700, 20)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    regions = regions_by(BUNDLED, pad_size=1000, device="cpu")
    assert regions is not None
    height, width = size
    boxes, objectness = regions(np.full((height, width, 3), 90, np.uint8))
    assert len(boxes) == len(objectness) and (boxes[:, :2] >= 0).all() and (boxes[:, 2:] < [width, height]).all()
