import json
import time
from pathlib import Path

import pytest

from helpers.artifacts import Artifacts
from helpers.errors import UserError
from webapp.annotate import training
from webapp.annotate.catalogue import Catalogue
from webapp.annotate.storage import Store
from webapp.annotate.training import Trainer

FAKE = """
import argparse, json, pathlib, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--root", type=pathlib.Path)
parser.add_argument("--dataset")
parser.add_argument("--set", action="append")
options = parser.parse_args()
print("hello from", pathlib.Path(__file__).name, options.set, flush=True)
"""
MEASURE = """
count = len(list((options.root / "data" / options.dataset / "positive").glob("*.png")))
results = options.root / "results" / options.dataset
results.mkdir(parents=True, exist_ok=True)
(results / "evaluation_test_svm.json").write_text(json.dumps({"mAP_area": count / 10}))
"""


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Scripts in place of the numbered ones: the last one measures a tenth of the number of training pictures."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    for script, _ in training.STEPS:
        (folder / script).write_text(FAKE + (MEASURE if script.startswith("5") else ""))
    monkeypatch.setattr(training, "REPOSITORY", folder)
    monkeypatch.setattr(training, "FEWEST_FOR_SHARES", 4)
    return folder


@pytest.fixture
def finished() -> list[Path]:
    return []


@pytest.fixture
def trainer(tiny_root: Path, scripts: Path, finished) -> Trainer:
    return Trainer(Artifacts(tiny_root, "tiny"), ("--set", "cntk_nrRois=50"), "svm", 0, finished.append)


@pytest.fixture
def entries(tiny_root: Path):
    return Catalogue(Store(Artifacts(tiny_root, "tiny"))).entries()


def wait(trainer: Trainer) -> dict:
    for _ in range(600):
        status = trainer.status()
        if status["state"] != "running":
            return status
        time.sleep(0.05)
    raise AssertionError(status)


def test_all_steps_run_and_the_curve_grows(trainer, entries, finished, tiny_root) -> None:
    assert trainer.status()["state"] == "idle"
    trainer.start(entries, with_shares=True)
    with pytest.raises(UserError, match="running already"):
        trainer.start(entries, with_shares=False)
    status = wait(trainer)
    assert (status["state"], status["error"], status["step"]) == ("done", "", 5)
    assert [(point["pictures"], point["mAP"], point["testPictures"]) for point in status["curve"]] == [
        (1, 0.1, 2),
        (2, 0.2, 2),
        (4, 0.4, 2),
    ]
    assert status["curve"][-1]["boxes"] == 8
    assert "cntk_nrRois=50" in status["log"] and "classes=['disc', 'square']" in status["log"]
    assert "5_evaluateResults.py" in status["log"]
    assert finished == [trainer.trained.proc]
    assert Trainer(trainer.artifacts, (), "svm", 0, finished.append).curve() == status["curve"]


def test_a_step_that_fails_is_shown_with_its_message(trainer, entries, scripts, finished) -> None:
    (scripts / "3_runCntk.py").write_text(
        'import sys\nprint("working")\nsys.exit("error: no memory: lower cntk_nrRois")'
    )
    trainer.start(entries, with_shares=False)
    status = wait(trainer)
    assert (status["state"], status["step"], status["error"]) == ("failed", 2, "error: no memory: lower cntk_nrRois")
    assert status["curve"] == finished == []


def test_stopping_ends_the_step_that_runs(trainer, entries, scripts, finished) -> None:
    (scripts / "2_cntkGenerateInputs.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(60)")
    trainer.start(entries, with_shares=False)
    while "begun" not in trainer.status()["log"]:
        time.sleep(0.02)
    trainer.stop()
    assert wait(trainer)["state"] == "stopped"
    assert finished == []
    (scripts / "2_cntkGenerateInputs.py").write_text("")
    trainer.start(entries, with_shares=False)
    assert wait(trainer)["state"] == "done"


def test_a_damaged_curve_is_begun_anew(trainer) -> None:
    (trainer.folder).mkdir(parents=True, exist_ok=True)
    (trainer.folder / "curve.json").write_text("{")
    assert trainer.curve() == []
    (trainer.folder / "curve.json").write_text(json.dumps({"a": 1}))
    assert trainer.curve() == []
