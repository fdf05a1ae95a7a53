"""The folder that is made appears whole or not at all."""

from pathlib import Path

import pytest

from data.annotation_formats import conversion
from tests.data_tests.annotation_formats_tests.conftest import Converter


def test_a_failure_while_writing_leaves_nothing(
    tutorial_set: Path, tmp_path: Path, run: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(conversion.shutil, "copyfile", fail)
    with pytest.raises(OSError, match="No space left"):
        run(tutorial_set, "voc", tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before
