"""Processes killed by the operating system, at moments that nobody chose: the next run ends as if nothing had been."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Runner
from tests.scripts_tests.test_pipeline import digests

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def start(run: Runner, script: str) -> subprocess.Popen:
    settings = [part for name, value in run.settings.items() for part in ("--set", f"{name}={value}")]
    options = ["--root", str(run.root), "--dataset", "tiny", "--jobs", "2", "--set", f"cntk_model={run.weights}"]
    return subprocess.Popen([sys.executable, REPOSITORY / script, *options, *settings], stderr=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, cwd=REPOSITORY)  # fmt: skip


def kill_when(process: subprocess.Popen, path: Path, number: signal.Signals) -> bool:
    """Send the signal as soon as `path` is there; return whether the process was still running."""
    while process.poll() is None and not path.exists():
        time.sleep(0.0005)
    running = process.poll() is None
    process.send_signal(number)
    process.wait(60)
    return running


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_steps_1_to_4_killed_and_started_again(finished, run, number):
    of = run.root / "proc" / "tiny"
    first = {  # what is there when the step has begun to write, long before its end
        "1_computeRois.py": of / "rois" / "positive" / "1.roi.txt",
        "2_cntkGenerateInputs.py": of / "manifests" / "inputs.journal",
        "3_runCntk.py": of / "cntkFiles" / "train_svm_parsed" / "1.dat.npz",
        "4_trainSvm.py": of / "trainedSvm" / "svmfeature_scale_exp1_epoch0.txt",
    }
    for script, path in first.items():
        assert kill_when(start(run, script), path, number), f"{script} ended before it could be killed"
        assert start(run, script).wait(300) == 0
    kept = ("rois", "cntkFiles/train_svm_parsed", "cntkFiles/test_svm_parsed", "trainedSvm", "models")
    for folder in kept:
        assert digests(of / folder) == digests(finished.root / "proc" / "tiny" / folder), folder
    assert not [path for path in of.rglob("*") if path.name.startswith(".tmp-") or path.suffix == ".journal"]
