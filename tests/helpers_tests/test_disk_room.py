"""Room on the disk is said, and missed before anything is written."""

import logging
from collections import namedtuple
from pathlib import Path

import pytest

from helpers import disk_room
from helpers.disk_room import require_disk, size_in_words
from helpers.errors import UserError

Usage = namedtuple("Usage", "total used free")


def test_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(disk_room.shutil, "disk_usage", lambda folder: Usage(0, 0, 3e9))
    with caplog.at_level(logging.INFO):
        require_disk("files", 2.5e9, tmp_path / "new", advice="Make room")
    assert "files: 2.5 GB on the disk, 3 GB are free." in caplog.text and (tmp_path / "new").is_dir()
    with pytest.raises(UserError, match=r"new: files of 7 bytes need 2\.96 GB, 3 GB are free\. Make room"):
        require_disk("files", 2.96e9, tmp_path / "new", detail=" of 7 bytes", advice="Make room")
    require_disk("files", 2.96e9, tmp_path, kept=2e7, advice="")  # 20 MB of them are there and replaced


def test_sizes_in_words() -> None:
    assert [size_in_words(size) for size in (0, 949.6e6, 999.5e6, 5.961e9)] == ["0 MB", "950 MB", "1 GB", "5.96 GB"]
