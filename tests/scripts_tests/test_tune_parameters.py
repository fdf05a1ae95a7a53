"""B4_tuneParameters.py on a small data set."""

import importlib
import shutil

import pytest

from fastRCNN.pipeline.tuning import Trial

TUNED = ("nmsThreshold", "nms_softSigma", "cntk_nrRois", "svm_bboxRegression", "svm_C", "train_posOverlapThres")


@pytest.fixture
def run(finished, tmp_path):
    """Runs scripts on a copy of what steps 1 to 5 left."""
    shutil.copytree(finished.root, tmp_path / "root")
    return type(finished)(tmp_path / "root", finished.weights)


def test_values_are_tried_on_left_out_training_pictures(run, capsys):
    run("B4_tuneParameters.py", "--minutes", "2")  # four pictures: as many parts
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["parameter", "value"]
    assert lines[2].startswith("as it is")
    tried = [line.split()[0] for line in lines[3:] if line.startswith(TUNED)]
    assert list(dict.fromkeys(tried)) == list(TUNED)
    assert lines[-1].startswith(("  --set ", "Nothing was better than what there is"))
    results = run.root / "results" / "tiny"
    rows = (results / "tuning.tsv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "parameter\tvalue\tmAP, area\tspread\tgain\ttaken"
    assert len(rows) == 2 + len(tried) and rows[1].startswith("as it is\t")
    assert (results / "tuning.png").stat().st_size > 1000


def test_only_svms_can_be_tuned(run):
    with pytest.raises(SystemExit):
        run("B4_tuneParameters.py", "--classifier", "nn")


def test_no_time_at_all_is_refused(run):
    with pytest.raises(SystemExit, match="--minutes 0: expected more than 0"):
        run("B4_tuneParameters.py", "--minutes", "0")


@pytest.mark.parametrize(
    ("names", "script"),
    [
        (["nmsThreshold"], "5_evaluateResults.py"),
        (["nmsThreshold", "svm_C"], "4_trainSvm.py"),
        (["svm_bboxRegression", "train_posOverlapThres"], "2_cntkGenerateInputs.py"),
        (["cntk_nrRois"], "2_cntkGenerateInputs.py"),
    ],
)
def test_it_says_where_to_begin_again(names, script):
    script_module = importlib.import_module("B4_tuneParameters")
    assert script_module.first_step([Trial(name, 0.5, (0.5,), taken=True) for name in names]) == script
