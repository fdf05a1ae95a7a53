"""benchmarks/bench_svm.py: both trainings agree, and the parts that growth is measured on are what they should be."""

import sys

import numpy as np
import pytest

from benchmarks import bench_svm
from benchmarks.bench_svm import Problem, differences, halves, part, thirds, train_ours, train_theirs
from benchmarks.straightforward_svm import simulate
from fastRCNN.svm.model import SvmModel


@pytest.fixture
def problem() -> Problem:
    return Problem(*simulate(np.random.default_rng(0), 6, 60, 3, 16))


def test_both_trainings_agree(problem):
    ours, times = train_ours(problem, jobs=1)
    theirs, _ = train_theirs(problem, tolerance=1e-7)
    assert times.wall > 0 and times.cpu > 0
    weights, margins = differences(problem, ours, theirs)
    assert weights < 1e-4 and margins < 1e-3


def test_differences_by_hand():
    features = [np.array([[1.0, 2.0]], np.float32)]
    theirs = SvmModel(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([0.0, 1.0]), 1.0)
    ours = SvmModel(np.array([[0.0, 0.0], [3.5, 4.0]]), np.array([0.0, 1.25]), 1.0)
    assert differences(Problem(features, []), ours, theirs) == (pytest.approx(0.1), pytest.approx(0.75))


def test_parts(problem):
    few = part(problem, pictures=2)
    assert len(few.features) == 2
    np.testing.assert_array_equal(few.features[1], problem.features[3])  # evenly chosen: 0 and 3 of 6
    np.testing.assert_array_equal(few.overlaps[1], problem.overlaps[3])
    narrow = part(problem, classes=2)
    assert narrow.overlaps[0].shape == (60, 3) and len(narrow.features) == 6
    np.testing.assert_array_equal(narrow.overlaps[5], problem.overlaps[5][:, :3])
    assert thirds(30) == [10, 20, 30] and halves(8) == [2, 4, 8]


def test_the_tables(monkeypatch, capsys, tmp_path):
    made_up = {}

    def small(folder, rois):
        made_up[rois] = Problem(*simulate(np.random.default_rng(0), 6, rois, 4, 16))
        return made_up[rois]

    monkeypatch.setattr(bench_svm, "made_up_problem", small)
    options = ["--made-up", "--rois", "60", "120", "--jobs", "1", "--work", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["bench_svm.py", *options])
    bench_svm.main()
    output = capsys.readouterr().out
    assert "| 60 | 360 |" in output and "| 120 | 720 |" in output
    assert output.count("grows as") == 3  # ROIs, pictures, classes
    assert output.count("summary: SVM training") == 2
    monkeypatch.setattr(sys, "argv", ["bench_svm.py", *options, "--ours-only"])
    bench_svm.main()
    assert "straightforward" not in capsys.readouterr().out
