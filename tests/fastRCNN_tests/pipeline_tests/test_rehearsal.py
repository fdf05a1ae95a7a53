"""Steps 1 to 3 with other parameters beside the real ones: as the steps themselves would do, and nothing is touched."""

import shutil

import pytest

from fastRCNN.pipeline import rehearsal
from fastRCNN.pipeline.rehearsal import Rehearsal, areas_of
from fastRCNN.pipeline.stages import Chain
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


def test_the_trainings_of_all_parts_are_counted(run, monkeypatch):
    seen = []

    def watching(budget, items, total, times=1):
        seen.append((total, times))
        yield from items

    monkeypatch.setattr(TimeBudget, "watching", watching)
    rehearse(run, "nn", *NN).areas()
    assert [times for _, times in seen] == [2, 2, 1, 1], "for each part: frozen layers, then minibatches"
