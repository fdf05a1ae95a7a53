"""Scores and offsets of a picture: two files, the scores last."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.pipeline.outputs import offsets_file, read_outputs, split_outputs, write_outputs
from helpers.errors import UserError

ROWS = np.arange(30, dtype=np.float32).reshape(3, 10)  # three ROIs, two classes


def test_the_scores_say_that_a_picture_is_done(tmp_path, monkeypatch):
    order, replace = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda old, new: (order.append(new.name), replace(old, new)))
    write_outputs(tmp_path / "0.dat.npz", ROWS, nr_classes=2)
    assert order == ["0.boxes.npz", "0.dat.npz"]
    order.clear()
    write_outputs(tmp_path / "1.dat.npz", ROWS[:, :2], nr_classes=2)
    assert order == ["1.dat.npz"]


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "0.dat.npz"
    write_outputs(path, ROWS, nr_classes=2)
    np.testing.assert_array_equal(read_outputs(path, 2, nr_classes=2, with_offsets=True), ROWS[:2])
    np.testing.assert_array_equal(read_outputs(path, 3, nr_classes=2, with_offsets=False), ROWS[:, :2])
    scores, offsets = split_outputs(ROWS, 2)
    np.testing.assert_array_equal(offsets[1], [[12, 13, 14, 15], [16, 17, 18, 19]])
    assert split_outputs(scores, 2)[1] is None


def test_a_picture_without_rois_has_files_as_well(tmp_path):
    path = tmp_path / "0.dat.npz"
    write_outputs(path, ROWS[:0], nr_classes=2)
    assert read_outputs(path, 0, nr_classes=2, with_offsets=True).shape == (0, 10)


def test_offsets_of_other_rois_are_named(tmp_path):
    path = tmp_path / "0.dat.npz"
    write_outputs(path, ROWS, nr_classes=2)
    write_outputs(tmp_path / "1.dat.npz", ROWS[:1], nr_classes=2)
    offsets_file(tmp_path / "1.dat.npz").replace(offsets_file(path))
    with pytest.raises(UserError, match=r"0\.boxes\.npz: expected 2 rows of 8 offsets, found \(1, 8\)"):
        read_outputs(path, 2, nr_classes=2, with_offsets=True)
