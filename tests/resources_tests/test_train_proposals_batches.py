"""Batches of windows made ahead, by a thread or by processes, and rates that follow the clock."""

import dataclasses
import json
import pickle

import numpy as np
import pytest
import torch

from fastRCNN.network.network import load_network
from resources.train_proposals.batch_targets import targets_of_batch
from resources.train_proposals.batches import Makers, batches, make_batch, padded
from resources.train_proposals.network import TrainingProposer, start_network, targets_of
from resources.train_proposals.pool import Pool
from resources.train_proposals.recipe import Recipe
from resources.train_proposals.train import BUNDLED, train
from resources.train_proposals.windows import SIDE

RECIPE = Recipe(pool=6, first_scenes=6, windows=3, steps=7, warmup=1)


@pytest.fixture
def pool(tmp_path) -> Pool:
    """Dark pictures with some bright rectangles each, of which two overlap."""
    made = Pool(tmp_path / "pool", size=6, seed=0)
    for index in range(6):
        made.images[index] = 10
        made.truth[index] = -1
        for k, size in enumerate((40, 60, 110)):
            x, y = 30 + 40 * index, 40 + 70 * k
            made.images[index, y : y + size, x : x + size] = 250 - 60 * k
            made.truth[index, k] = x, y, x + size - 1, y + size - 1, 1 - 0.3 * k
        made.done[index] = 1
    return made


def test_processes_make_the_same_batches(pool: Pool, tmp_path) -> None:
    makers, count = Makers(pool, RECIPE, 2, 2, tmp_path / "batches.u8"), 0
    for step, batch, (windows, truth) in zip(range(2, 7), makers, batches(pool, RECIPE, 2), strict=True):
        boxes, clear = padded(truth)
        wanted = make_batch(pool, RECIPE, step)[0]
        assert np.array_equal(batch[0].numpy(), windows) and np.array_equal(windows, wanted)
        assert np.array_equal(batch[1].numpy(), boxes) and np.array_equal(batch[2].numpy(), clear)
        count += 1
    makers.stop()
    assert count == 5


def test_a_maker_that_dies_is_missed(pool: Pool, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("resources.train_proposals.batches.PATIENCE", 0.05)
    makers = Makers(pool, dataclasses.replace(RECIPE, steps=10**6), 0, 1, tmp_path / "batches.u8")
    makers.stop()
    with pytest.raises(RuntimeError, match=r"the process that makes the batch of step \d+ has died"):
        list(makers)


def test_a_pool_is_sent_as_where_it_lies(pool: Pool) -> None:
    content = pickle.dumps(pool)
    assert len(content) < 1000 and np.array_equal(pickle.loads(content).truth, pool.truth)


def test_rows_beyond_a_windows_own() -> None:
    boxes, clear = padded([(np.float32([[1, 2, 3, 4]]), np.array([True])), (np.zeros((0, 4), np.float32), np.zeros(0))])
    assert boxes.tolist() == [[[1, 2, 3, 4]], [[-1, -1, -2, -2]]] and clear.tolist() == [[True], [False]]


def test_targets_of_a_batch_are_those_of_its_windows(pool: Pool) -> None:
    anchors = TrainingProposer(start_network(load_network(BUNDLED), 0)).anchors(SIDE)
    shown = 0
    for step in range(6):
        truth = [*make_batch(pool, RECIPE, step)[1], (np.zeros((0, 4), np.float32), np.zeros(0, bool))]
        given = (torch.from_numpy(each) for each in (anchors, *padded(truth)))
        labels, wanted = targets_of_batch(*given)
        for k, (boxes, clear) in enumerate(truth):
            own, nearest = targets_of(anchors, boxes, clear)
            assert np.array_equal(labels[k].numpy(), own)
            assert np.array_equal(wanted[k].numpy()[own == 1], boxes[nearest[own == 1]])
            shown += (own == 1).sum()
    assert shown > 100


def test_two_things_that_an_anchor_is_the_best_for() -> None:
    things = np.float32([[100, 100, 139, 139], [102, 100, 141, 139]])
    anchors = np.array([[91.0, 90, 150, 149], [0, 0, 39, 39]])  # 1600 / 3600 = 0.44 of both, and the best there is
    clear = np.array([True, True])
    labels, wanted = targets_of_batch(*(torch.from_numpy(each) for each in (anchors, things[None], clear[None])))
    own, nearest = targets_of(anchors, things, clear)
    assert labels[0].tolist() == own.tolist() == [1, 0] and nearest[0] == 1
    assert wanted[0, 0].tolist() == things[1].tolist()


def test_a_training_by_processes_learns_the_same(pool: Pool, tmp_path) -> None:
    recipe = dataclasses.replace(RECIPE, steps=2)
    found = []
    for makers in (0, 2):
        (tmp_path / "checkpoint.pt").unlink(missing_ok=True)
        train(tmp_path, recipe, threads=1, workers=0, makers=makers)
        found.append(json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1]))
    for name in ("object", "box", "iou"):
        assert found[0][name] == pytest.approx(found[1][name], rel=0.01), name


def test_the_clock_ends_a_training(pool: Pool, tmp_path) -> None:
    recipe = Recipe(steps=1000, decay=0.5, warmup=10, within_minutes=2)
    assert recipe.factor_at(100, 0) == recipe.factor_at(100, 60) == 1
    assert recipe.factor_at(100, 90) == pytest.approx(0.5) and recipe.factor_at(100, 130) == 0
    assert recipe.factor_at(4, 0) == 0.5 and recipe.factor_at(750, 0) == pytest.approx(0.5)  # and the steps count too
    assert not recipe.over_at(119) and recipe.over_at(120) and not Recipe().over_at(1e9)

    train(tmp_path, dataclasses.replace(RECIPE, steps=10**6, within_minutes=1e-6), workers=0, makers=1)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["step"] == 1 and state["recipe"]["within_minutes"] == 1e-6
