"""5_evaluateResults.py --folds where the network is trained: each fold anew, resumable, the real model untouched."""

import pytest

from fastRCNN.nn import training
from fastRCNN.pipeline import network_folds
from helpers.annotations import write_annotation
from tests.conftest import Runner
from tests.scripts_tests.test_faster import OPTIONS as FASTER
from tests.scripts_tests.test_pipeline import digests
from tests.scripts_tests.test_step_3_nn import NN

FOLDS = ("--folds", "2")


@pytest.fixture
def prepared(run: Runner) -> Runner:
    for script in ("1_computeRois.py", "2_cntkGenerateInputs.py"):
        run(script)
    return run


@pytest.fixture
def learnt(monkeypatch):
    """The names of the pictures that each training of classifier nn sees."""
    seen = []
    train = training.NnTrainer.__init__

    def watched(self, network, pictures, *more, **options):
        seen.append([picture.path.stem for picture in pictures])
        train(self, network, pictures, *more, **options)

    monkeypatch.setattr(training.NnTrainer, "__init__", watched)
    return seen


def table_of(capsys) -> list[list[str]]:
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("mean mAP (area)") and "standard deviation" in lines[-1]
    return [line.split() for line in lines[2:-1]]


def test_each_fold_learns_from_the_others_and_the_deal_is_that_of_the_svms(prepared, learnt, capsys):
    for script in ("3_runCntk.py", "5_evaluateResults.py"):
        prepared(script, *(() if script[0] == "3" else FOLDS))
    of_svm = table_of(capsys)
    prepared("5_evaluateResults.py", *NN, *FOLDS)
    of_nn = table_of(capsys)
    assert [row[:3] for row in of_nn] == [row[:3] for row in of_svm]
    assert len(learnt) == 2 and all(2 <= len(names) <= 3 for names in learnt)
    assert sorted(learnt[0] + learnt[1]) == ["0", "1", "2", "3", "4"]  # two folds: each picture is learnt from once


def test_the_real_model_is_untouched_and_a_second_run_trains_nothing(prepared, learnt, capsys):
    prepared("3_runCntk.py", *NN)
    proc = prepared.root / "proc"
    before = digests(proc)
    learnt.clear()
    capsys.readouterr()
    prepared("5_evaluateResults.py", *NN, *FOLDS)
    said = capsys.readouterr()
    assert "2 network(s) to train: about 1 s, as step 3 took" in said.err
    assert "Fold 2 of 2: " in said.err and "epoch 3 loss" in said.err
    after = digests(proc)
    assert {name: digest for name, digest in after.items() if "folds" not in name} == before
    assert not [name for name in after if "folds" in name and ("frcn_" in name or "checkpoint" in name)]
    assert len(learnt) == 2
    prepared("5_evaluateResults.py", *NN, *FOLDS)
    again = capsys.readouterr()
    assert again.out == said.out and len(learnt) == 2 and "trained before" in again.err
    prepared("5_evaluateResults.py", *NN, *FOLDS, "--set", "nmsThreshold=0.5")  # scores stay
    assert len(learnt) == 2
    prepared("5_evaluateResults.py", *NN, *FOLDS, "--set", "cntk_mb_size=2")
    assert len(learnt) == 4


def test_a_damaged_file_trains_its_fold_alone(prepared, learnt, capsys):
    prepared("5_evaluateResults.py", *NN, *FOLDS)
    whole = capsys.readouterr().out
    path = prepared.root / "proc/tiny/folds/nn_2_of_2/cntkFiles/train_nn_parsed/0.dat.npz"
    path.write_bytes(path.read_bytes()[:100])
    prepared("5_evaluateResults.py", *NN, *FOLDS)
    assert capsys.readouterr().out == whole and len(learnt) == 3


@pytest.mark.parametrize("moment", ["second epoch", "pictures that are left out"])
def test_a_stopped_run_goes_on(prepared, monkeypatch, moment, capsys, tmp_path):
    prepared("5_evaluateResults.py", *NN, *FOLDS)
    whole = capsys.readouterr().out
    folds = prepared.root / "proc/tiny/folds"
    expected = digests(folds)
    folds.rename(tmp_path / "first")
    learn = training.NnTrainer._learn

    def interrupted(self, block, epoch):
        if epoch == 1 and len(list(folds.iterdir())) == 2:
            raise KeyboardInterrupt
        return learn(self, block, epoch)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        if moment == "second epoch":
            patch.setattr(training.NnTrainer, "_learn", interrupted)
        else:
            patch.setattr(network_folds.PictureNetwork, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        prepared("5_evaluateResults.py", *NN, *FOLDS)
    capsys.readouterr()
    prepared("5_evaluateResults.py", *NN, *FOLDS)
    said = capsys.readouterr()
    assert said.out == whole and "Continuing after epoch" in said.err
    kept = {name: digest for name, digest in digests(folds).items() if name.endswith((".npz", "fold.json"))}
    assert kept and kept.items() <= expected.items()
    assert not list(folds.rglob("checkpoint*")) and not list(folds.rglob("*.journal"))


def test_without_box_regression_nothing_of_an_earlier_one_is_left(prepared, capsys):
    prepared("5_evaluateResults.py", *NN, *FOLDS)
    assert len(list((prepared.root / "proc/tiny/folds").rglob("boxes_nn.npz"))) == 2
    prepared("5_evaluateResults.py", *NN, *FOLDS, "--set", "nn_bboxRegression=False")
    assert not list((prepared.root / "proc/tiny/folds").rglob("*boxes*.npz"))


def test_faster_needs_no_step_before(run, capsys):
    run("5_evaluateResults.py", *FASTER, *FOLDS)
    said = capsys.readouterr()
    assert [line.split()[:3] for line in said.out.splitlines()[2:4]] in (
        [["1", "3", "4"], ["2", "2", "4"]], [["1", "2", "4"], ["2", "3", "4"]],
    )  # fmt: skip
    assert "each about as long as step 3 takes" in said.err and "1 fold(s) left: about" in said.err
    assert not (run.root / "proc/tiny/models").exists() and not (run.root / "proc/tiny/cntkFiles").exists()
    run("5_evaluateResults.py", *FASTER, *FOLDS)
    assert capsys.readouterr().out == said.out


@pytest.mark.parametrize("options", [NN, FASTER])
def test_pictures_that_are_cut_into_tiles(prepared, options, capsys):
    tiles = (*options, "--set", "cntk_tiles=2")
    prepared("2_cntkGenerateInputs.py", *tiles)
    prepared("5_evaluateResults.py", *options, *FOLDS)
    whole = digests(prepared.root / "proc/tiny/folds")
    capsys.readouterr()
    prepared("5_evaluateResults.py", *tiles, *FOLDS)
    assert "trained before" not in capsys.readouterr().err
    cut = digests(prepared.root / "proc/tiny/folds")
    rows = [name for name in cut if name.endswith(".dat.npz")]
    assert len(rows) == 5 and all(cut[name] != whole[name] for name in rows)


@pytest.mark.parametrize("options", [NN, FASTER])
def test_a_class_that_only_left_out_pictures_show_is_not_found(prepared, options, capsys):
    picture = prepared.root / "data/tiny/positive/0.png"
    write_annotation(picture, [[10, 10, 39, 39]], ["ring"])
    for script in ("1_computeRois.py", "2_cntkGenerateInputs.py"):
        prepared(script)
    capsys.readouterr()
    prepared("5_evaluateResults.py", *options, *FOLDS)
    assert [row[0] for row in table_of(capsys)] == ["1", "2"]


def test_more_folds_than_pictures_and_missing_steps(prepared, run):
    with pytest.raises(SystemExit, match="expected 2 to 4"):
        prepared("5_evaluateResults.py", *NN, "--folds", "5")
    (run.root / "proc/tiny/cntkFiles/train.rois.txt").unlink()
    with pytest.raises(SystemExit, match=r"Run 2_cntkGenerateInputs\.py"):
        run("5_evaluateResults.py", *NN, *FOLDS)
