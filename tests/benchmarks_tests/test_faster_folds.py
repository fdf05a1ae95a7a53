"""benchmarks/faster_folds.py: each picture is held out once, the test set is not read, a line for each recipe."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from benchmarks import faster_folds
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.network.network import save_network
from helpers.errors import UserError
from tests.fastRCNN_tests.faster_tests.drawn_pictures import CLASSES, drawn, slim_network

QUICK = {
    "rpn_nrAnchors": 2, "rpn_channels": 8, "rpn_trainBeforeNms": 50, "rpn_trainAfterNms": 20, "rpn_testBeforeNms": 50,
    "rpn_testAfterNms": 10, "faster_roisPerImage": 8, "faster_max_epochs": 1,
}  # fmt: skip


@pytest.fixture
def data(tmp_path):
    """Four annotated pictures, one without objects, and a test picture that nobody may read."""
    folder = tmp_path / "data" / "drawn"
    for name in ("positive", "negative", "testImages"):
        (folder / name).mkdir(parents=True)
    for seed in range(4):
        picture = drawn(folder / "positive", seed)
        stem = picture.path.with_suffix("")
        boxes = "\n".join(" ".join(str(int(value)) for value in box) for box in picture.objects)
        stem.with_suffix(".bboxes.tsv").write_text(boxes.replace(" ", "\t"))
        stem.with_suffix(".bboxes.labels.tsv").write_text("\n".join(CLASSES[number] for number in picture.classes))
    drawn(folder / "negative", 9, objects=0)
    (folder / "testImages" / "damaged.jpg").write_bytes(b"not a picture")
    return folder


def test_pictures_by_whether_they_show_objects(data):
    shown, empty, classes = faster_folds.pictures_of(data)
    assert [len(each.objects) for each in shown] == [2] * 4 and len(empty) == 1
    assert classes == ("__background__", "blue", "red")


@pytest.fixture
def options(data, tmp_path, monkeypatch):
    """The command line of two folds over the drawn pictures, by a slim network."""
    slim = slim_network()
    save_network(tmp_path / "slim.npz", slim.spec.to_header(), slim.arrays)
    monkeypatch.setattr("sys.argv", [
        "faster_folds.py", "--data", str(data), "--network", str(tmp_path / "slim.npz"), "--folds", "2", "--pad", "96",
    ])  # fmt: skip
    return faster_folds.parse()


def test_every_picture_is_held_out_once(options, data, capsys):
    jobs = [faster_folds.Job(0, data, fold, 0) for fold in (0, 1)]
    held = [faster_folds.run_fold(options, QUICK, job) for job in jobs]
    assert sorted(result.path.stem for each in held for result in each.results) == ["0", "1", "2", "3"]
    faster_folds.report(jobs[1], QUICK, held)
    faster_folds.report(jobs[1], QUICK, held[1:], fold=1)
    whole, one = (json.loads(line) for line in capsys.readouterr().out.splitlines()[-2:])
    assert (whole["data"], whole["seed"], whole["recipe"]) == ("drawn", 0, QUICK)
    assert 0 <= whole["coco"] <= whole["pooled"] <= 1 and np.isfinite(whole["seconds"])
    assert "fold" not in whole and one["fold"] == 1 and one["pooled"] == one["mean"]


def test_average_precision_over_ten_overlaps(data, capsys):
    """A box of 10 x 10 that covers 8 of 10 rows of the only object counts up to 0.8: seven of the ten overlaps."""
    result = PictureResult(
        0, data / "positive" / "0.png", np.array([[0.0, 0, 9, 7]]), np.array([[0.1, 0.9, 0.0]]),
        np.array([[0.0, 0, 9, 9]]), np.array([1]),
    )  # fmt: skip
    outcome = faster_folds.Outcome([result], ("__background__", "blue", "red"), 0.0, 1.0)
    faster_folds.report(faster_folds.Job(0, data, 0, 0), {}, [outcome])
    line = json.loads(capsys.readouterr().out)
    assert (line["pooled"], line["recall"]) == (1.0, 1.0) and line["coco"] in (0.6, 0.7)


def test_a_recipe_may_bring_its_network_and_side(options, data, tmp_path):
    options.network, options.pad = tmp_path / "missing.npz", 64
    own = {"cntk_model": str(tmp_path / "slim.npz"), "cntk_padWidth": 96, "data": ["drawn"]}
    assert faster_folds.run_fold(options, {**QUICK, **own}, faster_folds.Job(0, data, 0, 0)).results
    with pytest.raises(UserError, match="missing"):
        faster_folds.run_fold(options, QUICK, faster_folds.Job(0, data, 0, 0))


def test_what_was_done_is_not_done_again(options, data, tmp_path, monkeypatch):
    options.out = tmp_path / "kept"
    job = faster_folds.Job(0, data, 1, 0)
    first = faster_folds.outcome_of(options, QUICK, job)
    monkeypatch.setattr(faster_folds, "run_fold", lambda *_: pytest.fail("trained again"))
    again = faster_folds.outcome_of(options, QUICK, job)
    np.testing.assert_array_equal(again.results[0].scores, first.results[0].scores)
    monkeypatch.setattr(faster_folds, "run_fold", lambda *_: first)
    faster_folds.outcome_of(options, {**QUICK, "faster_blur": 0.5}, job)
    assert len(list(options.out.iterdir())) == 2


def test_one_recipe_is_for_other_data_sets_and_one_fails(options, data, tmp_path, monkeypatch, capsys):
    options.sweep = tmp_path / "sweep.json"
    options.sweep.write_text(
        json.dumps([{"data": ["other"]}, {"cntk_model": "missing.npz"}, {**QUICK, "faster_validation": 0.5}])
    )
    options.lines = True
    monkeypatch.setattr(faster_folds, "parse", lambda: options)
    monkeypatch.setattr(faster_folds, "ProcessPoolExecutor", ThreadPoolExecutor)  # a fork of this process would hang
    assert faster_folds.main() == 1
    said = capsys.readouterr()
    assert said.err.count("Job(recipe=1, ") == 2 and "UserError: " in said.err and "missing.npz" in said.err
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [line.get("fold") for line in lines] == [0, 1, None]
    assert all(line["recipe"]["faster_validation"] == 0.5 for line in lines)
