"""The example works from another folder, with relative and absolute paths."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Runner


@pytest.mark.parametrize("relative", [True, False])
def test_from_another_folder(finished: Runner, tmp_path: Path, relative: bool) -> None:
    shutil.copy(REPOSITORY / "docs" / "use_detector.py", tmp_path / "mine.py")
    photo = finished.root / "data" / "tiny" / "testImages" / "5.png"
    folder = finished.root / "proc" / "tiny"
    paths = [os.path.relpath(each, tmp_path) if relative else str(each) for each in (folder, photo)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}  # installed: tests/test_setup.py
    done = subprocess.run(
        [sys.executable, "mine.py", *paths], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    fields = [line.split("\t") for line in done.stdout.splitlines()]
    assert {each[0] for each in fields} == {"5.png"} and {each[1] for each in fields} <= {"disc", "square"}
    assert all(float(each[2]) >= 0.5 and len(each) == 7 for each in fields)
