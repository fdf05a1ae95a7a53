"""Training of Faster R-CNN: it learns what is there and nothing else, repeats itself, continues, and stops."""

import dataclasses
import os
import pickle
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from fastRCNN.engines import load_engine
from fastRCNN.faster.recipe import published
from fastRCNN.faster.start import prepared
from fastRCNN.faster.steps import picture_losses
from fastRCNN.faster.training import FasterTrainer
from fastRCNN.faster.validation import measure
from fastRCNN.network.network import load_network, save_network
from fastRCNN.nn.sampling import flipped_rois
from fastRCNN.rpn.picture_area import PictureArea
from fastRCNN.rpn.propose import propose_rois
from fastRCNN.svm.scoring import softmax
from helpers.annotations import read_rois
from helpers.boxes import iou_matrix
from helpers.errors import UserError
from helpers.images import pad_to_square, read_image
from tests.fastRCNN_tests.faster_tests.drawn_pictures import (
    CLASSES,
    CONTEXT,
    SIDE,
    SMALL,
    drawn,
    renamed,
    with_random_boxes,
)  # fmt: skip

LEARNS = dataclasses.replace(
    SMALL, faster_max_epochs=30, faster_scaleJitter=0.0, faster_colourJitter=0.0, faster_flip=False
)


def train(network, pictures, recipe=SMALL, *, checkpoint=None, fingerprint="", held=(), context=CONTEXT):
    """Return the trainer after its training, and the steps."""
    network, rpn = prepared(network, pictures, recipe, SIDE)
    trainer = FasterTrainer(
        network, pictures, CLASSES, recipe, rpn, held=held, context=context, checkpoint=checkpoint,
        fingerprint=fingerprint,
    )  # fmt: skip
    return trainer, list(trainer.run())


def same_arrays(first, second):
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def learnt(slim, pictures):
    return train(slim, pictures, LEARNS)[0]


def test_a_tiny_set_is_learnt_by_heart(learnt, pictures):
    losses = [row["rpn_cls"] + row["rpn_box"] + row["cls"] + row["box"] for row in learnt.history]
    assert losses[-1] < 0.2 * losses[0]
    with learnt.with_means():
        found = measure(learnt.net, pictures, LEARNS, SIDE)
    assert found == {"validation_mAP": 1.0, "validation_recall": 1.0}


def test_the_result_finds_the_objects_by_the_engine(learnt, pictures):
    network = learnt.result()
    assert network.spec.classes == CLASSES and network.spec.rpn.after_nms == LEARNS.rpn_testAfterNms
    with load_engine("torch", network, device="cpu") as engine:
        padded = pad_to_square(read_image(pictures[0].path), SIDE)[0]
        maps = engine.feature_map([padded])
        (proposals,) = propose_rois(engine, maps, [PictureArea.of(SIDE, SIDE, SIDE)], network.spec)
        (rows,) = engine.head(maps, [proposals.boxes.astype(np.float32)])
    overlaps = iou_matrix(proposals.boxes, pictures[0].objects)
    assert (overlaps.max(axis=0) > 0.5).all()
    best = softmax(rows[:, :3])[overlaps.argmax(axis=0)]
    np.testing.assert_array_equal(best.argmax(axis=1), pictures[0].classes)


def test_boxes_that_the_pictures_do_not_show_are_not_learnt(slim, tmp_path):
    """On new pictures, an RPN that was shown true boxes finds the objects; one shown random boxes is far from it."""
    shown = [drawn(tmp_path, seed) for seed in range(10, 22)]
    held = [drawn(tmp_path, seed) for seed in range(30, 38)]
    recipe = dataclasses.replace(LEARNS, faster_max_epochs=20, rpn_testAfterNms=6, faster_flip=True)
    recalls = []
    for pictures in (shown, [with_random_boxes(each, number) for number, each in enumerate(shown)]):
        trainer = train(slim, pictures, recipe)[0]
        with trainer.with_means():
            recalls.append(measure(trainer.net, held, recipe, SIDE)["validation_recall"])
    true, random = recalls
    assert true > 0.7 and random < 0.4


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(slim, pictures):
    results = [
        train(slim, pictures, context=dataclasses.replace(CONTEXT, seed=seed))[0].result().arrays for seed in (0, 0, 1)
    ]
    assert same_arrays(results[0], results[1]) and not same_arrays(results[0], results[2])


@pytest.mark.parametrize("kind", ["e2e", "stages"])
def test_every_epoch_can_be_the_last_before_a_stop(slim, pictures, tmp_path, kind):
    recipe = dataclasses.replace(
        SMALL, faster_training=kind, faster_max_epochs=4, faster_validation=0.25, faster_blur=0.5, faster_noise=0.5,
        faster_mosaic=0.5, faster_layerRateDecay=0.9,
    )  # fmt: skip
    held = pictures[3:]
    whole = train(slim, pictures[:3], recipe, held=held)[0]
    network, rpn = prepared(slim, pictures[:3], recipe, SIDE)
    for stop in range(1, 4):
        checkpoint = tmp_path / f"{stop}.npz"
        for goes_on in (False, True):
            trainer = FasterTrainer(
                network, pictures[:3], CLASSES, recipe, rpn, held=held, context=CONTEXT, checkpoint=checkpoint
            )
            for step in trainer.run():
                if not goes_on and step.epoch == stop and step.last:
                    break
        assert len(trainer.history) == 4
        assert same_arrays(trainer.result().arrays, whole.result().arrays)


KILLED = """
import os, pickle, signal, sys
from itertools import pairwise
from pathlib import Path
from fastRCNN.faster.start import prepared
from fastRCNN.faster.training import FasterTrainer
from fastRCNN.network.network import load_network
from tests.fastRCNN_tests.faster_tests.drawn_pictures import CLASSES, CONTEXT, SIDE, SMALL

pictures, model, checkpoint = pickle.loads(Path(sys.argv[1]).read_bytes())
network, rpn = prepared(load_network(model), pictures, SMALL, SIDE)
trainer = FasterTrainer(network, pictures, CLASSES, SMALL, rpn, context=CONTEXT, checkpoint=checkpoint)
for step in trainer.run():
    if step.epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_training_continues_to_the_same_bytes(pictures, slim, tmp_path):
    save_network(tmp_path / "slim.npz", slim.spec.to_header(), slim.arrays)
    checkpoint = tmp_path / "models" / "checkpoint.npz"
    checkpoint.parent.mkdir()
    (tmp_path / "given.pkl").write_bytes(pickle.dumps((pictures, tmp_path / "slim.npz", checkpoint)))
    root = Path(__file__).resolve().parents[3]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "given.pkl")],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert killed.returncode == -9 and checkpoint.is_file()
    again, left = train(load_network(tmp_path / "slim.npz"), pictures, checkpoint=checkpoint)
    assert [step.epoch for step in left] == [2] * 4 + [3] * 4
    assert same_arrays(train(slim, pictures)[0].result().arrays, again.result().arrays)


def test_another_training_does_not_continue(pictures, slim, tmp_path):
    train(slim, pictures, checkpoint=tmp_path / "c.npz", fingerprint="a")
    assert len(train(slim, pictures, checkpoint=tmp_path / "c.npz", fingerprint="b")[1]) == 12
    assert train(slim, pictures, checkpoint=tmp_path / "c.npz", fingerprint="b")[1] == []


@pytest.mark.parametrize("prefix", ["", "block.0."])  # names of layers have dots in ResNets and EfficientNets
def test_in_stages_every_part_learns_in_its_turn(pictures, slim, tmp_path, prefix):
    slim = renamed(slim, {f"conv{i}": f"{prefix}conv{i}" for i in range(1, 6)})
    recipe = dataclasses.replace(SMALL, faster_training="stages", faster_ema=0.0)
    network, rpn = prepared(slim, pictures, recipe, SIDE)
    trainer = FasterTrainer(
        network, pictures, CLASSES, recipe, rpn, context=CONTEXT, checkpoint=tmp_path / "checkpoint.npz"
    )
    start = {name: array.copy() for name, array in trainer.net.parameter_arrays().items()}
    states = [start]
    for step in trainer.run():
        if step.last:
            states.append({name: array.copy() for name, array in trainer.net.parameter_arrays().items()})
    changed = [{name.rpartition(".")[0] for name in after if not np.array_equal(after[name], before[name])}
               for before, after in pairwise(states)]  # fmt: skip
    trunk, of_rpn = {f"{prefix}conv{i}" for i in range(1, 6)}, {"rpn_conv", "rpn_cls", "rpn_box"}
    of_detector = {"fc6", "fc7", "score", "bbox"}
    assert changed == [trunk | of_rpn, trunk | of_detector, of_rpn, of_detector]
    # the second stage began with the trunk that was given: it is nearer to it than to that of the first
    first_filters = f"{prefix}conv1.weight"
    of_second, of_first = states[2][first_filters], states[1][first_filters]
    assert np.abs(of_second - start[first_filters]).max() < np.abs(of_second - of_first).max()
    assert [row["stage"] for row in trainer.history] == ["rpn 1", "detector 1", "rpn 2", "detector 2"]
    assert all(0 < len(picture.proposals) <= recipe.rpn_trainAfterNms for picture in trainer.pictures)
    for picture in trainer.pictures:  # what stages 2 and 4 learnt from, to look at
        first, second = (
            tmp_path / "proposals_faster" / stage / picture.path.parent.name / f"{picture.path.stem}.roi.txt"
            for stage in ("rpn_1", "rpn_2")
        )
        assert len(read_rois(first)) > 0
        np.testing.assert_array_equal(read_rois(second), picture.proposals)


def test_the_best_epoch_on_held_out_pictures_is_what_stays(pictures, slim, monkeypatch, tmp_path):
    said = iter([0.2, 0.6, 0.5, 0.6, 0.4])
    monkeypatch.setattr(
        "fastRCNN.faster.training.measure",
        lambda *_: {"validation_mAP": next(said), "validation_recall": 1.0},
    )
    recipe = dataclasses.replace(SMALL, faster_max_epochs=9, faster_patience=3, faster_ema=0.0)
    network, rpn = prepared(slim, pictures, recipe, SIDE)
    given = (network, pictures[:3], CLASSES, recipe, rpn)
    options = {"held": pictures[3:], "context": CONTEXT, "checkpoint": tmp_path / "c.npz"}
    trainer = FasterTrainer(*given, **options)
    weights = []
    for step in trainer.run():
        if step.last:
            weights.append(trainer.net.parameter_arrays()["conv3.weight"].copy())
    assert len(weights) == 5  # the second was the best, the fourth no better
    assert np.array_equal(trainer.result().arrays["conv3.weight"], weights[1])
    again = FasterTrainer(*given, **options)  # had enough, too, and knows the best
    assert list(again.run()) == [] and same_arrays(again.result().arrays, trainer.result().arrays)


def test_in_stages_the_best_is_one_of_the_last_stage(pictures, slim, monkeypatch):
    said = iter([0.9, 0.9, 0.9, 0.2, 0.3, 0.1])
    monkeypatch.setattr(
        "fastRCNN.faster.training.measure",
        lambda *_: {"validation_mAP": next(said), "validation_recall": 1.0},
    )
    recipe = dataclasses.replace(
        SMALL, faster_training="stages", faster_detectorEpochs=3, faster_rpnEpochs=0, faster_ema=0.0, faster_patience=1
    )
    network, rpn = prepared(slim, pictures, recipe, SIDE)
    given = dataclasses.replace(pictures[0], proposals=pictures[0].objects)  # in place of what stage 1 proposes
    trainer = FasterTrainer(network, [given], CLASSES, recipe, rpn, held=pictures[3:], context=CONTEXT)
    weights = []
    for step in trainer.run():
        if step.last:
            weights.append(trainer.net.parameter_arrays()["score.weight"].copy())
    assert len(weights) == 6 and np.array_equal(trainer.best["score.weight"], weights[4])


def test_a_loss_that_is_not_finite_stops_and_names_picture_and_boxes(pictures, slim, tmp_path):
    checkpoint = tmp_path / "c.npz"
    network, rpn = prepared(slim, pictures, SMALL, SIDE)
    trainer = FasterTrainer(network, pictures, CLASSES, SMALL, rpn, context=CONTEXT, checkpoint=checkpoint)
    steps = trainer.run()
    while not next(steps).last:
        pass
    saved = checkpoint.read_bytes()
    trainer.net.parameters["rpn_box.bias"].data[:] = np.nan
    with pytest.raises(
        UserError, match=r"\d\.png: the losses are .*rpn_box nan.* in epoch 2: training stopped"
    ) as stop:
        list(steps)
    box = " ".join(f"{value:g}" for value in pictures[int(Path(str(stop.value).split(":")[0]).stem)].objects[0])
    assert f"Its annotated boxes: {box}; " in str(stop.value)
    assert "The checkpoint of epoch 1 is kept" in str(stop.value) and "faster_lr_per_image" in str(stop.value)
    assert checkpoint.read_bytes() == saved


def test_weights_that_are_not_finite_never_become_a_checkpoint(pictures, slim, tmp_path):
    recipe = dataclasses.replace(
        SMALL, faster_lr_per_image=(1e38,), faster_optimiser="sgd", faster_mb_size=4, faster_clipNorm=0.0
    )
    with pytest.raises(UserError, match=r"is not finite after epoch 1: training stopped"):
        train(slim, pictures, recipe, checkpoint=tmp_path / "c.npz")
    assert not (tmp_path / "c.npz").exists()


def test_without_any_object_there_is_nothing_to_learn(slim, tmp_path):
    with pytest.raises(UserError, match="no annotated object"):
        train(slim, [drawn(tmp_path, 0, objects=0)])


def test_a_picture_without_objects_teaches_background(slim, pictures, tmp_path):
    empty = drawn(tmp_path, 99, objects=0)
    trainer, _ = train(slim, [*pictures[:1], empty], dataclasses.replace(SMALL, faster_max_epochs=1))
    assert trainer.history[0]["pictures"] == 2 and trainer.history[0]["rois"] > SMALL.faster_roisPerImage // 2


def test_a_picture_that_shows_the_detector_nothing_is_passed_over(slim, pictures, tmp_path):
    """No proposal is as large as that: without objects and proposals no ROI is left."""
    recipe = dataclasses.replace(SMALL, faster_training="stages", rpn_minSide=1000.0)
    trainer, _ = train(slim, [*pictures[:1], drawn(tmp_path, 91, objects=0)], recipe)
    assert [row["stage"] for row in trainer.history] == ["rpn 1", "detector 1", "rpn 2", "detector 2"]
    assert [row["rois"] for row in trainer.history] == [0, 2, 0, 2]


def test_rates_by_layer_and_by_progress(pictures, slim):
    recipe = dataclasses.replace(
        SMALL, faster_oldRateFactor=0.25, faster_biasRateFactor=2.0, faster_warmupEpochs=1.0, faster_max_epochs=4,
        faster_lr_per_image=(0.01, 0.02),
    )  # fmt: skip
    trainer, steps = train(slim, pictures, recipe)
    rates = trainer.optimiser.rates
    assert rates["conv3.weight"] == rates["fc6.weight"] == 0.25 and rates["conv3.bias"] == 0.5
    assert rates["rpn_conv.weight"] == rates["score.weight"] == rates["bbox.weight"] == 1 and rates["score.bias"] == 2
    found = [step.rate for step in steps]
    done = np.arange(1, 17) / 16  # four pictures, four epochs
    expected = np.where(done <= 0.25, 0.01, 0.02) * np.minimum(4 * done, 1) * (1 + np.cos(np.pi * done)) / 2
    np.testing.assert_allclose(found, expected, atol=1e-12)
    even = train(slim, pictures, dataclasses.replace(recipe, faster_cosine=False, faster_warmupEpochs=0.0))[1]
    assert [step.rate for step in even] == [0.01] * 4 + [0.02] * 12


def test_a_minibatch_is_the_mean_of_its_pictures(pictures, slim):
    """The same picture twice in a minibatch moves the weights as once: gradients are averaged."""
    recipe = dataclasses.replace(
        SMALL, faster_max_epochs=1, faster_optimiser="sgd", faster_lr_per_image=(1e-3,), faster_flip=False,
        faster_scaleJitter=0.0, faster_colourJitter=0.0, rpn_batchSize=4096, faster_roisPerImage=4096,
        rpn_foregroundFraction=1.0, faster_clipNorm=0.0, faster_ema=0.0, faster_cosine=False, faster_warmupEpochs=0.0,
    )  # fmt: skip
    once = train(slim, pictures[:1], recipe)[0].net.parameter_arrays()
    twice = train(slim, pictures[:1] * 2, dataclasses.replace(recipe, faster_mb_size=2))[0].net.parameter_arrays()
    for name in once:
        np.testing.assert_allclose(once[name], twice[name], rtol=1e-3, atol=2e-6)


def test_published_pictures_whole_epochs_are_mirrored_in_turn_and_boxes_are_whole_numbers(pictures, slim, monkeypatch):
    seen = []
    original = picture_losses

    def watched(net, view, *rest, **options):
        seen.append(view)
        return original(net, view, *rest, **options)

    monkeypatch.setattr("fastRCNN.faster.training.picture_losses", watched)
    recipe = dataclasses.replace(
        published(), faster_max_epochs=2, rpn_anchorScales=(2.0, 3.0), faster_lr_per_image=(1e-5,)
    )
    moved = [dataclasses.replace(each, objects=each.objects + 0.3) for each in pictures[:2]]
    train(slim, moved, recipe)
    boxes = {tuple(view.objects.ravel()) for view in seen[:2]}
    mirrored = {tuple(view.objects.ravel()) for view in seen[2:]}
    assert boxes == {tuple(each.objects.ravel()) for each in pictures[:2]}
    expected = {tuple(np.rint(flipped_rois(each.objects, SIDE)).ravel()) for each in moved}
    assert mirrored == expected
