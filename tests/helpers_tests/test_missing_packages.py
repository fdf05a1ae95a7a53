"""The first error of a newcomer: a script is started with a Python that lacks the packages."""

import subprocess
import sys
from pathlib import Path

import pytest

from helpers import missing_packages

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path.name for path in REPOSITORY.glob("[0-9AB]*_*.py"))


def test_there_are_scripts() -> None:
    assert len(SCRIPTS) >= 15


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_says_what_to_do_without_packages(script: str) -> None:
    found = subprocess.run(
        [sys.executable, "-S", script],  # without the packages of this Python
        cwd=REPOSITORY, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert found.returncode == 1
    assert "Traceback" not in found.stderr
    assert found.stderr.startswith("error: ")
    assert "run.py" in found.stderr or ".venv" in found.stderr


def test_another_python_is_told_where_the_packages_are(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(missing_packages, "_REPOSITORY", tmp_path)
    of_another = "numpy", "/usr/bin/python3", "clone/1_computeRois.py"
    assert "no package numpy. Set up first, once: python3 run.py. " in missing_packages.message(*of_another)
    (tmp_path / ".venv").mkdir()
    told = missing_packages.message(*of_another)
    assert "run.py" not in told
    assert told.endswith("python 1_computeRois.py")


def test_an_environment_that_is_not_finished(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(missing_packages, "_REPOSITORY", tmp_path)
    told = missing_packages.message("cv2", str(tmp_path / ".venv/bin/python"), "1_computeRois.py")
    assert "cv2 is not in .venv" in told
    assert told.endswith("python3 run.py")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import no_such_package.part", "package no_such_package"),
        ("import helpers.no_such_module", "Traceback"),  # ours: a fault of the clone
        ("from helpers import no_such_name", "Traceback"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_only_of_missing_packages(statement: str, expected: str) -> None:
    code = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); import helpers.first\n{statement}"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 1
    assert expected in found.stderr
