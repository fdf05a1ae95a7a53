"""Waiting threads sleep, unless the user chose otherwise or PyTorch is loaded already."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import threads
from helpers.threads import wait_without_spinning

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def fresh(monkeypatch):
    """An environment without a choice, and a process without PyTorch."""
    for name in threads._OPENMP:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.delenv("OPENBLAS_THREAD_TIMEOUT", raising=False)
    yield monkeypatch
    for name in ("OMP_WAIT_POLICY", "OPENBLAS_THREAD_TIMEOUT"):
        os.environ.pop(name, None)


def test_set_where_nobody_chose(fresh):
    wait_without_spinning()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"


@pytest.mark.parametrize(("name", "value"), [("OMP_WAIT_POLICY", "ACTIVE"), ("GOMP_SPINCOUNT", "0")])
def test_the_users_choice_stays(fresh, name, value):
    fresh.setenv(name, value)
    wait_without_spinning()
    assert os.environ[name] == value
    assert os.environ.get("OMP_WAIT_POLICY", "") != "PASSIVE"


def test_too_late_once_pytorch_is_loaded(fresh):
    fresh.setitem(sys.modules, "torch", threads)
    wait_without_spinning()
    assert "OMP_WAIT_POLICY" not in os.environ


def test_openblas_is_told_before_numpy_comes(fresh):
    wait_without_spinning()
    assert "OPENBLAS_THREAD_TIMEOUT" not in os.environ  # too late
    fresh.delitem(sys.modules, "numpy")
    wait_without_spinning()
    assert os.environ["OPENBLAS_THREAD_TIMEOUT"] == "14"
    fresh.setenv("OPENBLAS_THREAD_TIMEOUT", "20")
    wait_without_spinning()
    assert os.environ["OPENBLAS_THREAD_TIMEOUT"] == "20"


def test_every_script_tells_it_first():
    code = (
        "import os, runpy, sys; sys.argv = [sys.argv[1], '--help']\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\nfinally: print(os.environ['OPENBLAS_THREAD_TIMEOUT'])"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_THREAD_TIMEOUT"}
    for script in ("4_trainSvm.py", "6_scoreImage.py"):
        ran = subprocess.run([sys.executable, "-c", code, script], cwd=REPOSITORY, env=environment,
                             capture_output=True, text=True)  # fmt: skip
        assert ran.stdout.endswith("14\n"), ran.stderr


@pytest.mark.parametrize(
    "start",
    [
        "from helpers.console import run_script; run_script(lambda: say())",
        "from fastRCNN.engines import load_engine; load_engine('torch', Path(sys.argv[1])); say()",
    ],
    ids=["scripts", "library"],
)
def test_scripts_and_engines_set_it_before_pytorch_comes(start, slim_weights):
    program = (
        "import json, os, sys\nfrom pathlib import Path\n"
        "def say(): print(json.dumps([os.environ.get('OMP_WAIT_POLICY'), 'torch' in sys.modules]))\n"
        f"{start}"
    )
    environment = {name: value for name, value in os.environ.items() if name not in threads._OPENMP}
    ran = subprocess.run([sys.executable, "-c", program, str(slim_weights)], cwd=REPOSITORY, env=environment,
                         capture_output=True, text=True, check=True)  # fmt: skip
    assert json.loads(ran.stdout) == ["PASSIVE", "engines" in start]
