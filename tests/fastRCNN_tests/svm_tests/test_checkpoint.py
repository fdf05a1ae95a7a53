"""What is restored goes on as what was saved would have."""

from types import SimpleNamespace

import numpy as np
import pytest

from fastRCNN.svm.checkpoint import SvmCheckpoint
from fastRCNN.svm.examples import Examples
from fastRCNN.svm.feature_pool import FeaturePool
from fastRCNN.svm.model import SvmModel

PICTURES = [np.random.default_rng(i).normal(size=(30, 4)).astype(np.float32) for i in range(5)]


def empty():
    pool = FeaturePool(4)
    return SimpleNamespace(
        pool=pool, classes={1: Examples(pool), 3: Examples(pool)}, nr_added={1: 0, 3: 0}, nr_trained={1: 0, 3: 0},
        scale=1.0, weights=np.zeros((4, 4)), biases=np.zeros(4),
    )  # fmt: skip


def play(training, rng, rounds):
    """Let examples come and go; return all slots that were given."""
    given = []
    for _ in range(rounds):
        picture, j = int(rng.integers(5)), int(rng.choice([1, 3]))
        rows = rng.permutation(30)[: rng.integers(1, 9)]
        slots = training.pool.put(PICTURES[picture], rows, picture)
        training.classes[j].add_negatives(slots)
        given.append(slots.tolist())
        negatives = np.flatnonzero(training.classes[j].counts)
        training.classes[j].drop_negatives(negatives[rng.random(len(negatives)) < 0.3])
    return given


@pytest.fixture
def trained():
    training = empty()
    slots = training.pool.put(PICTURES[0], np.arange(3), 0)
    training.classes[1].add_positives(slots)
    play(training, np.random.default_rng(0), 60)
    training.classes[3].thin(2, np.random.default_rng(1).random(training.pool.size))
    training.scale, training.weights[1], training.biases[1] = 0.25, 2.0, -1.0
    training.nr_added[3], training.nr_trained[1] = 17, 5
    return training


def test_it_goes_on_as_before(trained, tmp_path):
    passes = [SvmModel(trained.weights, trained.biases, 0.25)]
    checkpoint = SvmCheckpoint(tmp_path / "c.npz", "abc")
    checkpoint.save(trained, passes)
    again = empty()
    (model,) = checkpoint.restore(again)
    assert model.weights.tolist() == trained.weights.tolist() and model.feature_scale == again.scale == 0.25
    assert (again.nr_added, again.nr_trained) == ({1: 0, 3: 17}, {1: 5, 3: 0})
    assert again.pool.nr_used == trained.pool.nr_used and again.biases.tolist() == trained.biases.tolist()
    for j in (1, 3):
        ours, theirs = again.classes[j], trained.classes[j]
        assert (ours.positive_share, ours.negative_share) == (theirs.positive_share, theirs.negative_share)
        assert ours.positive.tolist() == theirs.positive.tolist() and ours.counts.tolist() == theirs.counts.tolist()
    assert trained.classes[3].negative_share < 1
    assert play(again, np.random.default_rng(2), 80) == play(trained, np.random.default_rng(2), 80)
    np.testing.assert_array_equal(again.pool.rows, trained.pool.rows)


def test_what_is_not_continued(trained, tmp_path, caplog):
    caplog.set_level("INFO")
    checkpoint = SvmCheckpoint(tmp_path / "c.npz", "abc")
    assert checkpoint.restore(empty()) is None and not caplog.text
    checkpoint.save(trained, [])
    assert checkpoint.restore(empty()) == []
    assert SvmCheckpoint(checkpoint.path, "other").restore(empty()) is None
    assert "of a training with other parameters" in caplog.text
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:2000])
    assert checkpoint.restore(empty()) is None and "cannot be continued" in caplog.text


def test_nothing_collected_yet(tmp_path):
    checkpoint = SvmCheckpoint(tmp_path / "c.npz", "abc")
    checkpoint.save(empty(), [])
    again = empty()
    assert checkpoint.restore(again) == []
    assert again.pool.put(PICTURES[0], np.arange(2), 0).tolist() == [0, 1]
