"""What a training leaves beside its checkpoint; which pictures it learns from."""

import dataclasses
import logging

import pytest

from fastRCNN.faster.train_faster import train_faster
from helpers.errors import UserError
from tests.fastRCNN_tests.faster_tests.drawn_pictures import CLASSES, CONTEXT, SMALL


def test_log_picture_and_checkpoint_lie_in_one_folder(pictures, slim, tmp_path, caplog):
    recipe = dataclasses.replace(SMALL, faster_validation=0.25)
    with caplog.at_level(logging.INFO):
        network = train_faster(
            slim, pictures, CLASSES, recipe, checkpoint=tmp_path / "models" / "checkpoint_faster.npz", context=CONTEXT
        )
    assert network.spec.classes == CLASSES and network.spec.notes["training"]["faster_validation"] == 0.25
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == [
        "checkpoint_faster.npz", "training_faster.png", "training_faster.tsv",
    ]  # fmt: skip
    header, *rows = (tmp_path / "models" / "training_faster.tsv").read_text().splitlines()
    assert header.split("\t") == [
        "epoch", "stage", "rpn_cls", "rpn_box", "cls", "box", "error", "recall", "rate", "pictures", "rois", "seconds",
        "validation_mAP", "validation_recall",
    ]  # fmt: skip
    assert [row.split("\t")[:2] for row in rows] == [["1", "e2e"], ["2", "e2e"], ["3", "e2e"]]
    assert all(row.split("\t")[9] == "3" for row in rows)  # one of four pictures was held out
    assert "Anchors fitted to 6 objects" in caplog.text and "Some anchor overlaps by 0.5: " in caplog.text
    assert "epoch 3 (e2e)" in caplog.text
    values = [float(row.split("\t")[12]) for row in rows]
    best = values.index(max(values)) + 1
    assert f"Kept: epoch {best} of 3, the best on the 1 held-out picture(s), mAP {max(values):.3f}." in caplog.text


def test_tiles_of_a_held_out_picture_are_not_passed_off_as_pictures(pictures, slim, tmp_path, caplog):
    recipe = dataclasses.replace(SMALL, faster_validation=0.25, faster_max_epochs=1)
    in_tiles = dataclasses.replace(CONTEXT, tiles=2)
    with caplog.at_level(logging.INFO):
        train_faster(slim, pictures, CLASSES, recipe, checkpoint=tmp_path / "c.npz", context=in_tiles)
    assert " held-out picture(s), tiles included, mAP " in caplog.text


def test_stages_have_their_names_in_the_log(pictures, slim, tmp_path):
    recipe = dataclasses.replace(SMALL, faster_training="stages")
    train_faster(slim, pictures[:2], CLASSES, recipe, checkpoint=tmp_path / "c.npz", context=CONTEXT)
    rows = (tmp_path / "training_faster.tsv").read_text().splitlines()[1:]
    assert [row.split("\t")[1] for row in rows] == ["rpn 1", "detector 1", "rpn 2", "detector 2"]


def test_patience_counts_end_to_end_only(pictures, slim, tmp_path, caplog):
    recipe = dataclasses.replace(SMALL, faster_training="stages", faster_rpnEpochs=1, faster_detectorEpochs=1)
    for patience in (0, 3):
        caplog.clear()
        patient = dataclasses.replace(recipe, faster_patience=patience)
        train_faster(slim, pictures, CLASSES, patient, checkpoint=tmp_path / f"{patience}.npz", context=CONTEXT)
        assert ("faster_patience = 3 counts only" in caplog.text) == bool(patience)


def test_too_little_memory_is_said_before_the_start(pictures, slim, tmp_path, monkeypatch):
    monkeypatch.setattr("fastRCNN.faster.memory.free_bytes", lambda _: 1_000_000)
    with pytest.raises(UserError, match=r"0\.0 GB are free. Lower faster_roisPerImage and cntk_padWidth"):
        train_faster(slim, pictures, CLASSES, SMALL, checkpoint=tmp_path / "c.npz", context=CONTEXT)
