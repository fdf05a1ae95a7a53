"""Steps 1 to 3 with other parameters beside the real ones: as the steps themselves would do, and nothing is touched."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.pipeline import rehearsal
from fastRCNN.pipeline.folds import FoldOptions
from fastRCNN.pipeline.rehearsal import Rehearsal, areas_of
from fastRCNN.pipeline.stages import Chain
from fastRCNN.svm.train_svms import SvmTraining
from helpers.time_budget import TimeBudget, TooLong
from PARAMETERS import get_parameters
from tests.conftest import Runner
from tests.scripts_tests.test_pipeline import digests
from tests.scripts_tests.test_step_3_nn import NN


@pytest.fixture
def run(finished, tmp_path):
    """Runs scripts on a copy of what steps 1 to 5 left."""
    shutil.copytree(finished.root, tmp_path / "root")
    return Runner(tmp_path / "root", finished.weights)


def parameters(run, *more):
    """What `run` gives a script, as parameters."""
    settings = [part for name, value in run.settings.items() for part in ("--set", f"{name}={value}")]
    shared = ["--root", str(run.root), "--dataset", "tiny", "--jobs", "1", "--set", f"cntk_model={run.weights}"]
    return get_parameters([*shared, *settings, *more])


def rehearse(run, name, *more, seconds=1e6, beside=()):
    real = Chain.choose(parameters(run))
    return Rehearsal(name, parameters(run, *more), real, 2, TimeBudget(seconds), beside)


def area_printed(text: str) -> float:
    """The mean mAP that step 5 prints of folds."""
    return float(next(line for line in text.splitlines() if line.startswith("mean mAP")).split()[3].rstrip(","))


@pytest.mark.parametrize(
    "more",
    [
        ("--set", "cntk_padWidth=300", "--set", "cntk_padHeight=300"),
        ("--set", "roi_maxDimRel=0.4", "--set", "cntk_nrRois=60"),
        ("--set", "svm_embeddings=computed", "--set", "cntk_nrRois=60"),
    ],
)
def test_as_the_steps_would_do(run, capsys, more):
    before = {folder: digests(run.root / folder) for folder in ("proc", "results", "data")}
    tried = rehearse(run, "a_trial", *more)
    areas = tried.areas()
    tuning = run.root / "proc" / "tiny" / "tuning"
    stays = tuning.rename(run.root / "moved")
    assert {folder: digests(run.root / folder) for folder in before} == before
    stays.rename(tuning)
    for script in run.steps[:3]:
        run(script, *more)
    capsys.readouterr()
    run("5_evaluateResults.py", "--folds", "2", *more)
    assert sum(areas) / 2 == pytest.approx(area_printed(capsys.readouterr().out), abs=6e-4)


def test_rois_are_made_once(run):
    tried = rehearse(run, "smaller", "--set", "cntk_padWidth=300", "--set", "cntk_padHeight=300")
    assert tried.chain.artifacts.rois == run.root / "proc" / "tiny" / "rois"
    other = rehearse(run, "limits", "--set", "roi_maxDimRel=0.4")
    other.areas()
    own = run.root / "proc" / "tiny" / "tuning" / "limits" / "rois"
    assert other.chain.artifacts.rois == own and len(list(own.rglob("*.roi.txt"))) == 5  # no test picture
    third = rehearse(run, "both", "--set", "roi_maxDimRel=0.4", "--set", "cntk_nrRois=60", beside=[other.chain])
    assert third.chain.artifacts.rois == own


def test_what_is_known_is_not_made_again_and_embeddings_go(run, monkeypatch):
    tried = rehearse(run, "a_trial", "--set", "cntk_nrRois=60")
    areas = tried.areas()
    assert len(list(tried.chain.artifacts.cntk_files.rglob("*.npz"))) == 5
    tried.forget()
    assert not list(tried.chain.artifacts.cntk_files.rglob("*.npz"))
    with monkeypatch.context() as patch:
        patch.setattr(rehearsal, "run_network", lambda *_, **__: pytest.fail("made again"))
        assert rehearse(run, "a_trial", "--set", "cntk_nrRois=60").areas() == areas
    again = rehearse(run, "a_trial", "--set", "cntk_nrRois=60")
    assert areas_of(again.scored(), ("__background__", "disc", "square"), again.options) == areas
    label = next((run.root / "data" / "tiny" / "positive").glob("0*.bboxes.labels.tsv"))
    label.write_text("square\ndisc\n")
    monkeypatch.setattr(rehearsal, "areas_of", lambda *_: (0.25, 0.5))
    assert rehearse(run, "a_trial", "--set", "cntk_nrRois=60").areas() == (0.25, 0.5), "labels have changed"


def test_a_network_is_trained_for_each_part(run, capsys):
    tried = rehearse(run, "nn", *NN)
    areas = tried.areas()
    run("5_evaluateResults.py", "--folds", "2", *NN)
    assert sum(areas) / 2 == pytest.approx(area_printed(capsys.readouterr().out), abs=6e-4)


def test_another_use_of_a_trained_network_is_measured_anew(run, monkeypatch):
    """Its training does not know in which numbers it is used."""
    monkeypatch.setattr(Rehearsal, "scored", lambda tried: [])
    monkeypatch.setattr(rehearsal, "areas_of", lambda *_: (0.25, 0.5))
    float32, bfloat16 = (("--set", f"cntk_precision={name}") for name in ("float32", "bfloat16"))
    rehearse(run, "nn", *NN, *float32).areas()
    monkeypatch.setattr(rehearsal, "areas_of", lambda *_: (0.75, 1.0))
    assert rehearse(run, "nn", *NN, *float32).areas() == (0.25, 0.5)
    assert rehearse(run, "nn", *NN, *bfloat16).areas() == (0.75, 1.0)


def test_areas_are_those_of_step_5(monkeypatch):
    """Two detections, the worse one on the object: of one detection in a picture nothing is right."""
    boxes, scores = np.array([[0, 0, 9, 9], [50, 50, 59, 59]]), np.array([[0, 0.9], [0, 0.8]], np.float32)
    picture = PictureResult(0, Path("a"), boxes, scores, np.array([[50, 50, 59, 59]]), np.array([1]))
    options = FoldOptions(SvmTraining())
    classes = ("__background__", "a")
    assert areas_of([[picture]], classes, options) == (pytest.approx(0.5),)
    assert areas_of([[picture]], classes, replace(options, max_per_picture=1)) == (0,)
    seen = []
    monkeypatch.setattr(rehearsal, "evaluate", lambda *_, **how: seen.append(how) or SimpleNamespace(map_area=None))
    assert areas_of([[picture]], classes, replace(options, compat="tutorial")) == (0,)
    assert seen[0]["compat"] == "tutorial", "matches as published"


def test_what_would_end_too_late_is_stopped_and_goes_on(run, monkeypatch):
    written = []
    write = rehearsal.run_network

    def watched(chain, work, *more, **options):
        written.append(len(work.todo))
        return write(chain, work, *more, **options)

    monkeypatch.setattr(rehearsal, "run_network", watched)
    with pytest.raises(TooLong):
        rehearse(run, "a_trial", "--set", "cntk_nrRois=60", seconds=-1).areas()
    rehearse(run, "a_trial", "--set", "cntk_nrRois=60").areas()
    assert written[0] == 5 and 0 < written[1] < 5


def test_rois_that_would_take_too_long_are_stopped_and_go_on(run):
    limits = ("--set", "roi_maxDimRel=0.4")
    own = run.root / "proc" / "tiny" / "tuning" / "limits" / "rois"
    with pytest.raises(TooLong):
        rehearse(run, "limits", *limits, seconds=-1).areas()
    assert len(list(own.rglob("*.roi.txt"))) < 5
    rehearse(run, "limits", *limits).areas()
    assert len(list(own.rglob("*.roi.txt"))) == 5


def test_the_trainings_of_all_parts_are_counted(run, monkeypatch):
    seen = []

    def watching(budget, items, total, times=1):
        seen.append((total, times))
        yield from items

    monkeypatch.setattr(TimeBudget, "watching", watching)
    rehearse(run, "nn", *NN).areas()
    assert [times for _, times in seen] == [2, 2, 1, 1], "for each part: frozen layers, then minibatches"
