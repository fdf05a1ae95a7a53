"""What one minibatch of the training does: its momentum, the weight of the boxes, the targets of mirrored pictures."""

import dataclasses

import numpy as np
import pytest

from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.nn.sampling import TrainingPicture
from fastRCNN.nn.training import NnTrainer, NnTraining
from fastRCNN.run_context import RunContext
from helpers.images import write_image

CLASSES = ("__background__", "a")
PARAMETERS = NnTraining(
    cntk_max_epochs=1, cntk_mb_size=2, cntk_nrRois=4, cntk_l2_reg_weight=0.0, nn_headNorm=20.0, nn_bboxRegression=True,
    nn_dropout=0.0,
)  # fmt: skip


@pytest.fixture
def pictures(tmp_path):
    """Three pictures of noise with four ROIs, two of which show an object."""
    rng, made = np.random.default_rng(0), []
    for number in range(3):
        write_image(tmp_path / f"{number}.png", rng.integers(0, 256, (64, 64, 3)).astype(np.uint8))
        corners = rng.integers(0, 20, (4, 2))
        rois = np.hstack([corners, corners + rng.integers(20, 40, (4, 2))]).astype(np.float32)
        targets = rng.normal(0.1, 0.3, (4, 4)).astype(np.float32)
        targets[2:] = 0
        made.append(TrainingPicture(tmp_path / f"{number}.png", rois, np.array([1, 1, 0, 0]), targets))
    return made


def trainer_of(pictures, **changes):
    network = he_initialised(0, spec=cntk_shape(widths=(8,) * 5, hidden=8))
    context = RunContext(device="cpu", threads=1, pad_size=64)
    trainer = NnTrainer(network, pictures, CLASSES, dataclasses.replace(PARAMETERS, **changes), context=context)
    list(trainer.prepare())
    return trainer


def test_a_smaller_last_minibatch_has_the_momentum_of_its_own_size(pictures, monkeypatch):
    trainer, steps = trainer_of(pictures), []
    monkeypatch.setattr(trainer.optimiser, "step", lambda **given: steps.append(given))
    list(trainer.run())
    assert [step["pictures"] for step in steps] == [2, 1]
    assert [step["momentum"] for step in steps] == pytest.approx([np.exp(-2 / 10), np.exp(-1 / 10)])
    assert [step["rate"] for step in steps] == pytest.approx([0.01 / 4] * 2)


def test_the_loss_of_the_boxes_counts_with_its_weight(pictures, monkeypatch):
    """The gradient of the layer of the boxes grows with it, of the layer of the scores it is no part."""
    gradients = {}
    for weight in (0.0, 1.0, 3.0):
        trainer = trainer_of(pictures, nn_bboxWeight=weight)
        trainer._learn([(0, False, np.arange(4))], 0)
        gradients[weight] = [trainer.net.parameters[f"{name}.weight"].grad.numpy() for name in ("bbox", "score")]
    assert not gradients[0.0][0].any() and gradients[1.0][0].any()
    np.testing.assert_allclose(gradients[3.0][0], 3 * gradients[1.0][0], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(gradients[3.0][1], gradients[1.0][1], rtol=1e-4, atol=1e-7)


def test_targets_of_a_mirrored_picture_are_mirrored(pictures):
    trainer, rois = trainer_of(pictures, nn_flip=True), np.array([1, 0])
    plain, mirrored = (trainer._targets([(2, flip, rois)]).numpy() for flip in (False, True))
    in_pixels = [part * trainer.box_deviation + trainer.box_mean for part in (plain, mirrored)]
    np.testing.assert_allclose(in_pixels[0], pictures[2].targets[rois], atol=1e-6)
    np.testing.assert_allclose(in_pixels[1], pictures[2].targets[rois] * [-1, 1, 1, 1], atol=1e-6)
    assert trainer.box_mean[0] == pytest.approx(0, abs=1e-8)  # as many to the left as to the right
    assert np.abs(in_pixels[1][:, 0]).min() > 1e-3


def test_whether_a_picture_is_mirrored_reaches_its_rois_and_its_targets_alike(pictures, monkeypatch):
    trainer, asked = trainer_of(pictures, nn_flip=True, cntk_max_epochs=6), []
    pooled, targets = trainer._pooled, trainer._targets

    def asking_pooled(number, flip, rois):
        asked.append((number, flip))
        return pooled(number, flip, rois)

    def asking_targets(block):
        asked.append([part[:2] for part in block])
        return targets(block)

    monkeypatch.setattr(trainer, "_pooled", asking_pooled)
    monkeypatch.setattr(trainer, "_targets", asking_targets)
    list(trainer.run())
    blocks = [place for place, each in enumerate(asked) if isinstance(each, list)]
    for place in blocks:
        assert asked[place] == asked[place + 1 : place + 1 + len(asked[place])]
    flips = {flip for each in asked if isinstance(each, tuple) for flip in each[1:]}
    assert flips == {False, True}
