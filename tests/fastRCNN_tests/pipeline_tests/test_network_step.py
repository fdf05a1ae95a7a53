"""Step 3's need of disk is said before it starts."""

import logging
import shutil
from collections import namedtuple

import pytest

from fastRCNN.pipeline import network_step
from fastRCNN.pipeline.network_step import require_room
from helpers.errors import UserError

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
