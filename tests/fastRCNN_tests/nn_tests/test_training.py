"""Training of the network: it learns, it repeats itself, it continues, and it stops when it must."""

import dataclasses
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fastRCNN.boxes.box_regression import box_targets, moved_boxes
from fastRCNN.datasets.roidb import roi_labels, roi_overlaps
from fastRCNN.engines import load_engine
from fastRCNN.evaluation.average_precision import PictureResult, evaluate
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.network import load_network, save_network
from fastRCNN.nn import training
from fastRCNN.nn.sampling import TrainingPicture
from fastRCNN.nn.training import NnTrainer, NnTraining
from fastRCNN.pipeline.outputs import scoring_network, split_outputs
from fastRCNN.run_context import RunContext
from fastRCNN.svm.scoring import softmax
from helpers.boxes import iou_matrix
from helpers.errors import UserError
from helpers.images import pad_to_square, read_image, write_image

CLASSES = ("__background__", "red", "blue")
SIDE = 128
CONTEXT = RunContext(device="cpu", threads=1, pad_size=SIDE)
SMALL = NnTraining(
    cntk_max_epochs=3, cntk_mb_size=2, cntk_nrRois=30, nn_headNorm=20.0, nn_flip=True, nn_roisPerImage=20
)


def draw(folder: Path, seed: int):
    """Return a training picture with one red and one blue square, and the squares."""
    rng = np.random.default_rng(seed)
    image = np.full((SIDE, SIDE, 3), 90, np.uint8)
    corners = rng.integers(0, 60, (2, 2)) * (1, 1)
    objects = np.concatenate([corners, corners + 40], axis=1) + np.array([[0, 0, 0, 0], [24, 24, 24, 24]])
    for box, colour in zip(objects, ((20, 20, 240), (240, 60, 20)), strict=True):
        image[box[1] : box[3] + 1, box[0] : box[2] + 1] = colour
    path = folder / f"{seed}.png"
    write_image(path, image)
    near = np.repeat(objects, 7, axis=0) + rng.integers(-9, 10, (14, 4))
    far = rng.integers(0, 64, (16, 4)) + np.array([0, 0, 30, 30])
    rois = np.clip(np.concatenate([near, far]), 0, SIDE - 1)
    rois[:, 2:] = np.maximum(rois[:, 2:], rois[:, :2] + 8).clip(0, SIDE - 1)
    visible = objects[1:] if overlap(objects) > 0.3 else objects  # the blue square may hide the red one
    numbers = np.array([2]) if len(visible) == 1 else np.array([1, 2])
    overlaps = roi_overlaps(rois, visible, numbers, 3)
    labels = roi_labels(overlaps)
    targets = np.zeros((len(rois), 4), np.float32)
    for number, box in zip(numbers, visible, strict=True):
        targets[labels == number] = box_targets(rois[labels == number], np.tile(box, ((labels == number).sum(), 1)))
    picture = TrainingPicture(path, rois.astype(np.float32), labels, targets, overlaps.max(axis=1))
    return picture, visible, numbers


def overlap(boxes):
    return iou_matrix(boxes[:1], boxes[1:])[0, 0]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    return [draw(folder, seed) for seed in range(4)]


@pytest.fixture(scope="module")
def pictures(drawn):
    return [picture for picture, _, _ in drawn]


@pytest.fixture(scope="module")
def slim():
    return he_initialised(0, spec=cntk_shape(widths=(8, 12, 12, 12, 8), hidden=32))


def train(network, pictures, parameters=SMALL, *, seed=0, **options):
    context = dataclasses.replace(CONTEXT, seed=seed)
    trainer = NnTrainer(network, pictures, CLASSES, parameters, context=context, **options)
    for _ in trainer.prepare():
        pass
    steps = list(trainer.run())
    return trainer, steps


def without_dropout(network):
    """A network as slim as the tests' needs all its numbers."""
    head = tuple(layer for layer in network.spec.head if layer.type != "dropout")
    return dataclasses.replace(network, spec=dataclasses.replace(network.spec, head=head))


def same_arrays(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("conv", [0, 3])
def test_a_tiny_set_is_learnt_to_ap_1(drawn, pictures, slim, tmp_path, conv):
    parameters = NnTraining(
        cntk_max_epochs=60, cntk_mb_size=2, cntk_nrRois=30, cntk_lr_per_image=(0.02,) * 50 + (0.002,),
        nn_headNorm=20.0, nn_bboxRegression=True, nn_warmupEpochs=3.0, nn_trainConvFrom=conv,
    )  # fmt: skip
    trainer, steps = train(without_dropout(slim), pictures, parameters)
    assert steps[-1].error < 0.05
    network, regressor = trainer.result()
    assert regressor is not None
    save_network(tmp_path / "model.npz", network.spec.to_header(), network.arrays)
    results, best_before, best_after = [], [], []
    with load_engine("torch", scoring_network(tmp_path / "model.npz", regressor), device="cpu") as engine:
        for number, (picture, objects, classes) in enumerate(drawn):
            rows = engine.embed([pad_to_square(read_image(picture.path), SIDE)[0]], [picture.rois])[0]
            scores, offsets = split_outputs(rows, 3)
            boxes = picture.rois.astype(np.int32)
            results.append(
                PictureResult(number, picture.path, boxes, softmax(scores), objects.astype(np.int32), classes)
            )
            moved = moved_boxes(picture.rois, offsets, SIDE, SIDE)
            shown = picture.labels > 0
            goals = np.stack([objects[list(classes).index(label)] for label in picture.labels[shown]])
            best_before.append(np.abs(boxes[shown] - goals).mean())
            best_after.append(np.abs(moved[shown, picture.labels[shown]] - goals).mean())
    assert evaluate(results, CLASSES).map_area == 1.0
    assert np.mean(best_after) < 0.7 * np.mean(best_before)


def test_new_layers_that_start_where_they_fit_tell_classes_and_move_boxes_at_once(pictures, slim):
    parameters = NnTraining(
        cntk_nrRois=30, nn_headNorm=20.0, nn_fitScoreFirst=True, nn_bboxRegression=True, nn_fittedRidge=1.0
    )
    trainer = NnTrainer(slim, pictures, CLASSES, parameters, context=CONTEXT)
    list(trainer.prepare())
    trainer.net.head.eval()  # without dropout, as the layers were fitted
    wrong, before, after = [], [], []
    for number, picture in enumerate(pictures):
        scores, offsets = trainer.net.outputs(trainer._pooled(number, False, np.arange(len(picture.rois))))
        wrong.append((scores.argmax(dim=1).numpy() != picture.labels).mean())
        moves = offsets.detach().numpy().reshape(-1, 3, 4) * trainer.box_deviation + trainer.box_mean
        np.testing.assert_array_equal(moves[:, 1], moves[:, 2])  # one regression for all classes
        near = picture.labels > 0
        before.append(np.abs(picture.targets[near]).mean())
        after.append(np.abs(moves[near, 1] - picture.targets[near]).mean())
    assert np.mean(wrong) < 0.02
    assert np.mean(after) < 0.65 * np.mean(before)


def test_boxes_that_are_better_not_moved_start_without_a_move(pictures, slim, monkeypatch):
    given = {}

    def better_not(rows, rois, targets, numbers, *, ridge, rng):
        given.update(rows=rows, rois=rois, targets=targets, numbers=numbers, ridge=ridge)

    monkeypatch.setattr(training, "fit_boxes", better_not)
    parameters = NnTraining(cntk_nrRois=30, nn_headNorm=20.0, nn_fitScoreFirst=True, nn_bboxRegression=True)
    trainer = NnTrainer(slim, pictures, CLASSES, parameters, context=CONTEXT)
    list(trainer.prepare())
    _, offsets = trainer.net.outputs(trainer._pooled(0, False, np.arange(len(pictures[0].rois))))
    moves = offsets.detach().numpy().reshape(-1, 3, 4) * trainer.box_deviation + trainer.box_mean
    np.testing.assert_allclose(moves, 0, atol=1e-6)
    # it was asked about the ROIs near objects of all pictures, with their own targets
    near = [(number, place) for number, p in enumerate(pictures) for place in np.flatnonzero(p.overlaps >= 0.4)]
    np.testing.assert_array_equal(given["numbers"], [number for number, _ in near])
    for name in ("rois", "targets"):
        np.testing.assert_array_equal(given[name], [getattr(pictures[number], name)[place] for number, place in near])
    assert given["ridge"] is None and len(given["rows"]) == len(near)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(pictures, slim):
    first, second, other = (train(slim, pictures, seed=seed)[0].result()[0] for seed in (3, 3, 4))
    assert same_arrays(first.arrays, second.arrays)
    assert not same_arrays(first.arrays, other.arrays)


def test_neither_network_nor_pictures_are_written_to(pictures, slim):
    before = {name: array.copy() for name, array in slim.arrays.items()}
    rois = [picture.rois.copy() for picture in pictures]
    train(slim, pictures)
    assert same_arrays(before, slim.arrays)
    assert all(np.array_equal(old, picture.rois) for old, picture in zip(rois, pictures, strict=True))


@pytest.mark.parametrize(("conv", "changed"), [(0, set()), (4, {"conv4", "conv5"})])
def test_only_the_layers_from_k_on_learn(pictures, slim, conv, changed):
    parameters = dataclasses.replace(SMALL, nn_trainConvFrom=conv, nn_headNorm=0.0, cntk_lr_per_image=(1e-6,))
    network = train(slim, pictures, parameters)[0].result()[0]
    names = {name.split(".")[0] for name in slim.arrays if not np.array_equal(slim.arrays[name], network.arrays[name])}
    assert names == changed | {"fc6", "fc7"}
    assert network.spec.classes == CLASSES
    assert network.arrays["score.weight"].shape == (3, 32)


def test_a_resumed_training_ends_with_the_bytes_of_an_uninterrupted_one(pictures, slim, tmp_path):
    whole = train(slim, pictures)[0]
    checkpoint = tmp_path / "checkpoint.npz"
    trainer = NnTrainer(slim, pictures, CLASSES, SMALL, context=CONTEXT, checkpoint=checkpoint)
    list(trainer.prepare())
    steps = trainer.run()
    assert [next(steps).epoch for _ in range(3)] == [1, 1, 2]  # two minibatches an epoch: now in the middle of epoch 2
    steps.close()
    again, left = train(slim, pictures, checkpoint=checkpoint)
    assert [step.epoch for step in left] == [2, 2, 3, 3]
    assert [row["epoch"] for row in again.history] == [1, 2, 3]
    assert same_arrays(whole.result()[0].arrays, again.result()[0].arrays)


KILLED = """
import os, pickle, signal, sys
from fastRCNN.network.network import load_network
from fastRCNN.nn.training import NnTrainer
from fastRCNN.run_context import RunContext
pictures, parameters, classes, side, weights, checkpoint = pickle.load(open(sys.argv[1], "rb"))
context = RunContext(device="cpu", threads=1, pad_size=side, memory_limit=0.0)
trainer = NnTrainer(load_network(weights), pictures, classes, parameters, context=context, checkpoint=checkpoint)
list(trainer.prepare())
for step in trainer.run():
    if step.epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_training_continues_to_the_same_bytes(pictures, slim, tmp_path):
    save_network(tmp_path / "slim.npz", slim.spec.to_header(), slim.arrays)
    checkpoint = tmp_path / "models" / "checkpoint.npz"
    given = (pictures, SMALL, CLASSES, SIDE, tmp_path / "slim.npz", checkpoint)
    (tmp_path / "given.pkl").write_bytes(pickle.dumps(given))
    root = Path(__file__).resolve().parents[3]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "given.pkl")],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert killed.returncode == -9 and checkpoint.is_file()
    network = load_network(tmp_path / "slim.npz")
    again, left = train(network, pictures, checkpoint=checkpoint)
    assert [step.epoch for step in left] == [2, 2, 3, 3]
    assert same_arrays(train(slim, pictures)[0].result()[0].arrays, again.result()[0].arrays)


def test_a_finished_training_has_nothing_left_to_do(pictures, slim, tmp_path):
    first = train(slim, pictures, checkpoint=tmp_path / "c.npz")[0]
    again, steps = train(slim, pictures, checkpoint=tmp_path / "c.npz")
    assert steps == [] and again.nr_steps == 0
    assert same_arrays(first.result()[0].arrays, again.result()[0].arrays)


def test_another_training_does_not_continue(pictures, slim, tmp_path):
    train(slim, pictures, checkpoint=tmp_path / "c.npz", fingerprint="a")
    assert len(train(slim, pictures, checkpoint=tmp_path / "c.npz", fingerprint="b")[1]) == 6


@pytest.mark.parametrize("conv", [0, 3])
def test_where_the_frozen_outputs_are_kept_makes_no_difference(pictures, slim, tmp_path, conv):
    parameters = dataclasses.replace(SMALL, nn_trainConvFrom=conv, cntk_lr_per_image=(1e-4,))
    results = []
    for limit in (1e9, 3_000.0, 0.0):  # pooled numbers in memory; some maps in memory, some in files; all in files
        trainer = NnTrainer(
            slim, pictures, CLASSES, parameters, context=dataclasses.replace(CONTEXT, memory_limit=limit),
            checkpoint=tmp_path / "c" / "c.npz", fingerprint=str(limit),
        )  # fmt: skip
        assert trainer.features.keeps_pooled == (conv == 0 and limit == 1e9)
        list(trainer.prepare())
        kept = list((tmp_path / "c").glob(".tmp-map-*"))
        assert bool(kept) == (limit < 1e9)
        list(trainer.run())
        assert not list((tmp_path / "c").glob(".tmp-map-*"))
        results.append(trainer.result()[0].arrays)
    assert same_arrays(results[0], results[1]) and same_arrays(results[0], results[2])


def test_how_a_minibatch_is_cut_into_blocks_changes_nothing_but_rounding(pictures, slim, monkeypatch):
    parameters = NnTraining(cntk_max_epochs=1, cntk_mb_size=3, cntk_nrRois=30, nn_headNorm=20.0)
    network = without_dropout(slim)
    whole = train(network, pictures, parameters)[0]
    monkeypatch.setattr(training, "BLOCK", 13)
    pieces = train(network, pictures, parameters)[0]
    assert pieces.history[0]["rois"] == whole.history[0]["rois"] == sum(len(picture.rois) for picture in pictures)
    for name, array in whole.result()[0].arrays.items():
        np.testing.assert_allclose(pieces.result()[0].arrays[name], array, rtol=1e-3, atol=1e-4)


def test_a_loss_that_is_not_finite_stops_and_names_picture_and_roi(pictures, slim, tmp_path):
    checkpoint = tmp_path / "c.npz"
    trainer = NnTrainer(slim, pictures, CLASSES, SMALL, context=CONTEXT, checkpoint=checkpoint)
    list(trainer.prepare())
    steps = trainer.run()
    assert [next(steps).last for _ in range(2)] == [False, True]
    saved = checkpoint.read_bytes()
    for flip in (False, True):  # what the frozen layers gave for ROI 15 of the third picture is damaged
        rows, which = trainer.features._pooled[2, flip]
        rows[which[14]] = np.nan
    trainer.parameters = dataclasses.replace(SMALL, nn_roisPerImage=0)  # so that this ROI takes part
    with pytest.raises(
        UserError, match=r"2\.png: the loss of ROI 15 \(.* in the padded square\) is nan in epoch 2"
    ) as stop:
        list(steps)
    assert "The checkpoint of epoch 1 is kept" in str(stop.value)
    assert "cntk_lr_per_image" in str(stop.value)
    assert checkpoint.read_bytes() == saved


def test_weights_that_are_not_finite_never_become_a_checkpoint(pictures, slim, tmp_path):
    parameters = dataclasses.replace(
        SMALL, cntk_max_epochs=1, cntk_mb_size=4, cntk_lr_per_image=(1e38,), cntk_l2_reg_weight=10.0
    )
    with pytest.raises(UserError, match=r"is not finite after epoch 1: training stopped"):
        train(slim, pictures, parameters, checkpoint=tmp_path / "c.npz")
    assert not (tmp_path / "c.npz").exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, "Lower nn_roisPerImage and cntk_mb_size"),
        ({"nn_roisPerImage": 0}, "Lower cntk_nrRois and cntk_mb_size"),
        ({"nn_trainConvFrom": 2}, r"Lower nn_roisPerImage and cntk_padWidth \(with cntk_padHeight\)"),
        (
            {"nn_fitScoreFirst": True, "nn_roisPerImage": 1, "cntk_mb_size": 1},
            "Lower nn_fittedRois and nn_roisPerImage",
        ),
    ],
)
def test_too_little_memory_is_said_before_the_start(pictures, slim, monkeypatch, change, named):
    monkeypatch.setattr(training, "free_bytes", lambda device: 100_000)
    with pytest.raises(UserError, match=rf"needs about .* GB of memory on cpu, 0\.0 GB are free. {named}"):
        NnTrainer(slim, pictures, CLASSES, dataclasses.replace(SMALL, **change), context=CONTEXT)


def test_no_roi_at_all_is_said():
    empty = TrainingPicture(Path("p.png"), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    with pytest.raises(UserError, match="no ROI to train on"):
        NnTrainer(
            he_initialised(0, spec=cntk_shape(widths=(8,) * 5, hidden=8)), [empty], CLASSES, SMALL, context=CONTEXT
        )


def test_tutorial_compatibility_leaves_out_what_the_tutorial_did_not_have():
    given = {"cntk_max_epochs": 7, "nn_flip": True, "nn_headNorm": 20.0, "nn_roisPerImage": 64, "unknown": 1}
    assert NnTraining.choose({**given, "compat": "tutorial"}) == NnTraining(cntk_max_epochs=7)
    chosen = NnTraining.choose({**given, "compat": "corrected"})
    assert (chosen.cntk_max_epochs, chosen.nn_flip, chosen.nn_roisPerImage) == (7, True, 64)


def test_scaling_the_head_changes_outputs_by_one_factor_only(pictures, slim):
    parameters = dataclasses.replace(SMALL, cntk_lr_per_image=(1e-30,), cntk_l2_reg_weight=0.0)
    rng = np.random.default_rng(0)
    biases = {name: 9 * rng.random(array.shape, np.float32) for name, array in slim.arrays.items() if "bias" in name}
    slim = dataclasses.replace(slim, arrays={**slim.arrays, **biases})
    network = train(slim, pictures, parameters)[0].result()[0]
    outputs = []
    for spec_head, arrays in ((slim.spec.head, slim.arrays), (slim.spec.head, network.arrays)):
        spec = dataclasses.replace(slim.spec, head=spec_head)
        own = {name: arrays[name] for name in slim.arrays}
        with load_engine("torch", dataclasses.replace(slim, spec=spec, arrays=own), device="cpu") as engine:
            outputs.append(engine.embed([pad_to_square(read_image(pictures[0].path), SIDE)[0]], [pictures[0].rois])[0])
    factor = np.linalg.norm(outputs[1]) / np.linalg.norm(outputs[0])
    np.testing.assert_allclose(outputs[1], factor * outputs[0], rtol=1e-3, atol=1e-4)
    assert 10 < np.linalg.norm(outputs[1], axis=1).mean() < 40


def test_float32_is_float32_in_training_whatever_the_machine_offers(pictures, slim, monkeypatch):
    """On a GPU too: neither bfloat16 nor TF32 unless asked for. Looked at without one."""
    trainer = NnTrainer(slim, pictures, CLASSES, SMALL, context=CONTEXT)
    with trainer._mixed_precision():
        assert not torch.is_autocast_enabled("cpu") and not torch.is_autocast_enabled("cuda")
    trainer.net.device = torch.device("cuda")
    with trainer._mixed_precision():
        assert not torch.is_autocast_enabled("cuda")
    seen = []
    switches = (torch.backends.cudnn, torch.backends.cuda.matmul)
    monkeypatch.setattr(trainer, "_learn_exactly", lambda *_: seen.append([each.allow_tf32 for each in switches]))
    before = [each.allow_tf32 for each in switches]
    trainer._learn([], 0)
    trainer.net.precision = "bfloat16"
    trainer._learn([], 0)
    assert seen == [[False, False], before] and [each.allow_tf32 for each in switches] == before


@pytest.mark.parametrize("conv", [0, 3])
def test_bfloat16_trains_in_bfloat16(pictures, slim, conv):
    parameters = dataclasses.replace(SMALL, nn_trainConvFrom=conv)
    networks = []
    for precision in ("float32", "bfloat16"):
        trainer = NnTrainer(
            slim, pictures, CLASSES, parameters, context=dataclasses.replace(CONTEXT, training_precision=precision)
        )
        list(trainer.prepare())
        with trainer._mixed_precision():
            assert torch.is_autocast_enabled("cpu") == (precision == "bfloat16")
        list(trainer.run())
        networks.append(trainer.result()[0])
        assert trainer.history[-1]["loss"] < trainer.history[0]["loss"]
    exact, rounded = (network.weight("score") for network in networks)
    assert 0 < np.linalg.norm(rounded - exact) < 0.1 * np.linalg.norm(exact)
