"""The parts of step 3: the network it starts from, the order of writes, checkpoints, what is left, the need of disk."""

import logging
import shutil
from collections import namedtuple

import numpy as np
import pytest

from fastRCNN.network.network import load_network
from fastRCNN.nn.checkpoints import Checkpoint
from fastRCNN.pipeline import network_step
from fastRCNN.pipeline.network_step import (
    choose_network,
    drop_checkpoint,
    make_network,
    require_checkpoint,
    require_room,
)
from helpers.errors import UserError
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def free(monkeypatch):
    """A disk with so many bytes free."""

    def leave(count):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(0, 0, count))

    monkeypatch.setattr(network_step, "_SPARED", 100)
    return leave


def test_the_need_is_said_and_a_full_disk_refused(tmp_path, free, caplog):
    caplog.set_level(logging.INFO)
    rows = {tmp_path / "new" / f"{i}.dat.npz": 2000 for i in range(364)}
    free(20e9)
    require_room(rows, 8192, tmp_path / "new")
    assert "364 pictures with 728000 rows: 5.96 GB on the disk, 20 GB are free" in caplog.text
    free(5e9)
    with pytest.raises(UserError, match=r"need 5\.96 GB, 5 GB are free\. Make room, lower cntk_nrRois"):
        require_room(rows, 8192, tmp_path / "new")


def test_what_is_replaced_gives_room(tmp_path, free):
    (tmp_path / "0.npz").write_bytes(bytes(1000))
    rows = {tmp_path / "0.npz": 10, tmp_path / "1.npz": 10}
    free(1100)
    require_room(rows, 100, tmp_path)
    free(1099)
    with pytest.raises(UserError, match="2 pictures with 20 rows of 100 bytes"):
        require_room(rows, 100, tmp_path)


class Work:
    """Notes what is entered, and whether the file was there by then."""

    def __init__(self):
        self.entered = []

    def enter(self, *paths):
        self.entered += [(path.name, path.exists()) for path in paths]


def test_the_network_of_a_weight_file_or_random_filters(slim_weights, caplog):
    assert choose_network(slim_weights, 3).spec == load_network(slim_weights).spec
    assert "There is no weight file" not in caplog.text
    network = choose_network(None, 3)
    assert "There is no weight file, so the filters are random" in caplog.text
    again, other = choose_network(None, 3), choose_network(None, 4)
    np.testing.assert_array_equal(network.weight("conv1"), again.weight("conv1"))
    assert (network.weight("conv1") != other.weight("conv1")).any(), "the seed"


def test_what_is_trained_beside_a_network_is_written_before_it(slim_weights, tmp_path):
    model, beside, work = tmp_path / "m.npz", tmp_path / "boxes.npz", Work()

    def training(network, data):
        assert data == "data" and not model.exists()
        beside.write_text("x")
        return network, [beside]

    make_network(work, model, load_network(slim_weights), training=training, data="data")
    assert work.entered == [("boxes.npz", True), ("m.npz", True)]
    assert load_network(model).spec == load_network(slim_weights).spec


def test_a_training_is_not_lost_when_the_disk_is_full(slim_weights, tmp_path, monkeypatch):
    """The checkpoint stays until the network is written."""
    checkpoint, work = tmp_path / "checkpoint.npz", Work()

    def training(network, data):
        Checkpoint("print", 2, {}, {}).save(checkpoint)
        return network, []

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(network_step, "save_network", full)
    with pytest.raises(OSError, match="space"):
        make_network(work, tmp_path / "m.npz", load_network(slim_weights), training=training, data=None)
    assert work.entered == []
    require_checkpoint(checkpoint, "print")


def test_checkpoints(tmp_path):
    path = tmp_path / "checkpoint.npz"
    with pytest.raises(UserError, match="is not there, so there is nothing to resume"):
        require_checkpoint(path, "print")
    drop_checkpoint(path, "print")
    Checkpoint("print", 2, {}, {}).save(path)
    require_checkpoint(path, "print")
    with pytest.raises(UserError, match="is of another training"):
        require_checkpoint(path, "other")
    drop_checkpoint(path, "other")
    assert path.exists(), "it may still be wanted"
    drop_checkpoint(path, "print")
    assert not path.exists()


def test_only_what_is_left_is_run(run, slim_weights, monkeypatch):
    """The pictures of both sets that are in `todo`, each with its own file."""
    for script in run.steps[:3]:
        run(script)
    parsed = run.root / "proc" / "tiny" / "cntkFiles"
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in parsed.glob("*_parsed/*.npz")}
    lost = [parsed / "train_svm_parsed" / "3.dat.npz", parsed / "test_svm_parsed" / "0.dat.npz"]
    for path in lost:
        path.unlink()
    run("3_runCntk.py")
    for path, (content, time) in before.items():
        assert path.read_bytes() == content
        assert (path.stat().st_mtime_ns == time) == (path not in lost)


def test_svms_learn_from_what_is_before_the_scores_of_a_trained_network(tmp_path):
    start = faster_network(("__background__", "other"))
    make_network(Work(), tmp_path / "m.npz", start, training=None, data=None)
    made = load_network(tmp_path / "m.npz")
    assert (made.spec.classes, made.spec.rpn) == (None, None) and made.spec.head == start.spec.head[:-1]
    np.testing.assert_array_equal(made.weight("fc7"), start.weight("fc7"))
    assert not {"rpn_conv.weight", "score_and_bbox.weight"} & made.arrays.keys()
