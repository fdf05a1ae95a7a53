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
    for name in threads._CHOICES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    yield monkeypatch
    os.environ.pop("OMP_WAIT_POLICY", None)


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
    environment = {name: value for name, value in os.environ.items() if name not in threads._CHOICES}
    ran = subprocess.run([sys.executable, "-c", program, str(slim_weights)], cwd=REPOSITORY, env=environment,
                         capture_output=True, text=True, check=True)  # fmt: skip
    assert json.loads(ran.stdout) == ["PASSIVE", "engines" in start]
