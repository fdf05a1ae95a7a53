"""A checkpoint is read back as it was, or not at all."""

import dataclasses
import logging

import numpy as np
import pytest

from fastRCNN.nn.checkpoints import Checkpoint, fingerprint

WEIGHTS = {"fc6.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "fc6.bias": np.zeros(2, np.float32)}
VELOCITIES = {name: array - 1 for name, array in WEIGHTS.items()}
HISTORY = [{"epoch": 1, "loss": 0.1 + 0.2}]


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "models" / "checkpoint.npz"
    Checkpoint("abc", 1, WEIGHTS, VELOCITIES, HISTORY).save(path)
    return path


def test_everything_comes_back_to_the_last_bit(saved):
    again = Checkpoint.load(saved, "abc")
    assert again is not None
    assert (again.epochs_done, again.history) == (1, HISTORY)
    for name in WEIGHTS:
        np.testing.assert_array_equal(again.weights[name], WEIGHTS[name])
        np.testing.assert_array_equal(again.velocities[name], VELOCITIES[name])
    assert [path.name for path in saved.parent.iterdir()] == ["checkpoint.npz"]


def test_none_is_none(tmp_path):
    assert Checkpoint.load(tmp_path / "checkpoint.npz", "abc") is None


def test_one_of_another_training_is_not_continued(saved, caplog):
    with caplog.at_level(logging.INFO):
        assert Checkpoint.load(saved, "other") is None
    assert "with other parameters or pictures" in caplog.text


@pytest.mark.parametrize("damage", [lambda data: data[:200], lambda data: b"", lambda data: data[:-300] + bytes(300)])
def test_a_damaged_one_is_said_and_the_training_starts_anew(saved, caplog, damage):
    saved.write_bytes(damage(saved.read_bytes()))
    assert Checkpoint.load(saved, "abc") is None
    assert "the training starts anew" in caplog.text


def test_a_network_is_no_checkpoint(slim_weights, caplog):
    assert Checkpoint.load(slim_weights, "abc") is None
    assert "not a checkpoint of this version" in caplog.text


def test_fingerprint_follows_the_values():
    @dataclasses.dataclass
    class Description:
        rates: tuple[float, ...]

    assert fingerprint(Description((1.0, 2.0))) == fingerprint(Description((1.0, 2.0)))
    assert fingerprint(Description((1.0, 2.0))) != fingerprint(Description((1.0, 2.5)))
