"""Learning to propose: windows, what an anchor shall say, losses, resumption, the weight file."""

import dataclasses

import numpy as np
import pytest
import torch

from fastRCNN.boxes.box_regression import decode
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.network import load_network
from fastRCNN.rpn.propose import by_anchor, objectness
from resources.train_proposals.network import (
    SIDES,
    TrainingProposer,
    anchors_of,
    losses,
    moved,
    overlaps,
    start_network,
    targets_of,
)
from resources.train_proposals.pool import Pool
from resources.train_proposals.recipe import Recipe, may_go_on
from resources.train_proposals.scenes import MOST, SIDE
from resources.train_proposals.train import BUNDLED, train
from resources.train_proposals.windows import IN_RANGE, make_window
from resources.train_proposals.windows import SIDE as WINDOW
from resources.train_proposals.write import write


def _pool(folder, count: int = 4) -> Pool:
    """A pool of dark pictures with one bright rectangle each, at another place."""
    pool = Pool(folder, size=count, seed=0)
    for index in range(count):
        x1, y1, x2, y2 = box = 60 + 40 * index, 100, 180 + 40 * index, 219 + 20 * index
        pool.images[index] = 10
        pool.images[index, y1 : y2 + 1, x1 : x2 + 1] = 250
        pool.truth[index] = -1
        pool.truth[index, 0] = *box, 1.0
        pool.done[index] = 1
    return pool


def test_boxes_of_a_window_bound_what_is_seen(tmp_path) -> None:
    pool, looked, fours = _pool(tmp_path), 0, 0
    for seed in range(60):
        window = make_window(np.random.default_rng(seed), pool.images, pool.truth, np.arange(4))
        assert window.image.shape == (WINDOW, WINDOW, 3) and len(window.boxes) == len(window.clear) <= 4
        fours += len(window.boxes) == 4
        if len(window.boxes) != 1 or not window.clear[0]:
            continue
        levels = window.image.max(axis=2).astype(int)
        bright = levels > (levels.max() + np.median(levels)) / 2
        rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
        if len(rows) == 0 or levels.max() < 150:
            continue
        found = [columns[0], rows[0], columns[-1], rows[-1]]
        np.testing.assert_allclose(window.boxes[0], found, atol=2.5)
        looked += 1
    assert looked > 20 and fours > 3


def test_things_get_a_size_that_is_looked_for(tmp_path) -> None:
    pool, sizes = _pool(tmp_path), []
    for seed in range(80):
        window = make_window(np.random.default_rng(seed), pool.images, pool.truth, np.arange(4))
        sides = window.boxes[window.clear][:, 2:] - window.boxes[window.clear][:, :2] + 1
        sizes.extend(np.sqrt(sides.prod(axis=1)).tolist())
    within = [(IN_RANGE[0] * 0.8 < size < IN_RANGE[1] * 1.2) for size in sizes]
    assert np.mean(within) > 0.7


def test_overlaps_by_hand() -> None:
    a, b = torch.tensor([0.0, 0, 10, 10]), torch.tensor([5.0, 0, 15, 10])
    iou, giou = overlaps(a, b)
    assert float(iou) == pytest.approx(1 / 3) and float(giou) == pytest.approx(1 / 3)
    iou, giou = overlaps(a, torch.tensor([20.0, 0, 30, 10]))
    assert float(iou) == 0 and float(giou) == pytest.approx(-1 / 3)


def test_moves_as_the_steps_do() -> None:
    rng = np.random.default_rng(0)
    boxes = np.concatenate([rng.uniform(0, 50, (6, 2)), rng.uniform(60, 90, (6, 2))], axis=1)
    offsets = rng.normal(0, 0.4, (6, 4))
    one = torch.tensor([0.0, 0, 1, 1])
    found = moved(torch.from_numpy(boxes) + one, torch.from_numpy(offsets)) - one
    np.testing.assert_allclose(found.numpy(), decode(boxes, offsets), atol=1e-9)


def test_what_an_anchor_shall_say() -> None:
    things = np.array([[0.0, 0, 39, 39], [100, 0, 139, 39], [200, 0, 399, 199], [0, 100, 15, 115]])
    clear = np.array([True, False, True, True])
    anchors = np.array([
        [0.0, 0, 39, 39],  # fits
        [0, 0, 39, 59],  # 1600 / 2400 = 0.67: too
        [0, 0, 59, 61],  # 1600 / 3720 = 0.43: nothing
        [0, 0, 79, 79],  # 0.25: background
        [100, 0, 139, 39],  # on what is not clear: nothing
        [220, 20, 379, 179],  # on what is too large: nothing
        [250, 50, 299, 99],  # a part of it: background
        [0, 96, 29, 125],  # on what is too small, 256 / 900: background
    ])  # fmt: skip
    labels, nearest = targets_of(anchors, things, clear)
    assert labels.tolist() == [1, 1, -1, 0, -1, -1, 0, 0] and nearest[:2].tolist() == [0, 0]
    best = targets_of(anchors[2:4], things, clear)[0]  # none reaches 0.5: the best one is it
    assert best.tolist() == [1, 0]
    assert targets_of(anchors, things[:0], clear[:0])[0].tolist() == [0] * 8


def test_losses_fall_where_the_answer_is_right() -> None:
    anchors = torch.tensor([[0.0, 0, 40, 40], [100, 100, 140, 140]])
    labels, wanted = torch.tensor([[1, 0]]), torch.tensor([[[0.0, 0, 40, 40], [0, 0, 40, 40]]])
    right = losses(torch.tensor([[9.0, -9.0]]), torch.zeros(1, 2, 4), anchors, labels, wanted)
    wrong = losses(torch.tensor([[-9.0, 9.0]]), torch.full((1, 2, 4), 0.5), anchors, labels, wanted)
    assert float(right["object"]) < 1e-3 and float(right["box"]) == 0 and float(right["iou"]) == 1
    assert float(wrong["object"]) > 5 and float(wrong["box"]) > 0.3
    silent = losses(torch.tensor([[9.0, 9.0]]), torch.zeros(1, 2, 4), anchors, torch.tensor([[1, -1]]), wanted)
    assert float(silent["object"]) < 1e-3  # the second says nothing


def test_a_training_that_was_stopped_ends_the_same(tmp_path) -> None:
    recipe = Recipe(pool=4, first_scenes=4, windows=2, steps=4, warmup=1)
    for name in ("whole", "parts"):
        _pool(tmp_path / name / "pool")
    whole = train(tmp_path / "whole", recipe)
    train(tmp_path / "parts", recipe, stop=2)
    parts = train(tmp_path / "parts", recipe)
    for name, array in whole.arrays().items():
        assert np.array_equal(array, parts.arrays()[name]), name
    with pytest.raises(ValueError, match="made with another recipe"):
        train(tmp_path / "parts", dataclasses.replace(recipe, seed=1))

    write(tmp_path / "whole" / "checkpoint.pt", tmp_path / "net.npz")  # and what is written says the same
    network = load_network(tmp_path / "net.npz")
    assert network.spec.rpn is not None and network.spec.rpn.sides == SIDES and network.spec.notes["step"] == 4
    picture = np.array(make_window(np.random.default_rng(2), *_arrays(tmp_path), np.arange(4)).image)
    engine = TorchEngine(network, device="cpu")
    scores, offsets = engine.regions(engine.feature_map([picture]))
    with torch.no_grad():
        own, moves = whole(torch.from_numpy(picture).permute(2, 0, 1)[None])
    np.testing.assert_allclose(objectness(scores[0]), own[0].sigmoid().numpy(), atol=2e-3)
    np.testing.assert_allclose(by_anchor(offsets[0]), moves[0].numpy(), atol=2e-2)


def _arrays(folder) -> tuple:
    pool = Pool(folder / "whole" / "pool", size=4, seed=0)
    return pool.images, pool.truth


def test_only_the_end_of_a_recipe_may_change() -> None:
    old = Recipe(steps=1000, decay=0.5)
    assert may_go_on(old, dataclasses.replace(old, steps=2000), 400)
    assert not may_go_on(old, dataclasses.replace(old, steps=2000), 600)  # the rate has begun to fall
    assert not may_go_on(old, dataclasses.replace(old, rate=1e-3), 10)
    assert may_go_on(old, old, 900)


def test_anchors_stand_around_the_first_cell() -> None:
    net = TrainingProposer(start_network(load_network(BUNDLED), 0))
    boxes = np.array(anchors_of(17.0))
    np.testing.assert_allclose((boxes[:, :2] + boxes[:, 2:] + 1) / 2, 17.0, atol=0.01)
    assert net.anchors(WINDOW).shape == (18 * 18 * 15, 4)
    assert (SIDE, MOST) == (448, 60)
