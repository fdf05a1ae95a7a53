"""Classifier "nn" from files: probabilities and offsets, together or apart, and what step 3 runs."""

import dataclasses

import numpy as np
import pytest

from fastRCNN.boxes.box_regression import BoxRegressor
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.layers import Linear
from fastRCNN.network.network import save_network
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from helpers.artifacts import Artifacts
from helpers.errors import UserError

NN = CLASSIFIERS["nn"]
SCORES = np.array([[1, 2], [3, 4], [7, 7]], np.float32)


def test_probabilities_and_offsets(tmp_path):
    of, path = Artifacts(tmp_path, "d"), tmp_path / "0.dat.npz"
    outputs, scorer = NN.outputs(of, 2), NN.scorer(of, 2)
    outputs.write([path], SCORES)
    assert scorer.width == 2
    scores, offsets = scorer(outputs.read(path, 2))
    powers = np.exp(SCORES[:2])
    np.testing.assert_allclose(scores, powers / powers.sum(axis=1, keepdims=True), rtol=1e-6)
    assert offsets is None

    BoxRegressor(np.zeros((2, 4, 3), np.float32), np.zeros((2, 4), np.float32)).save(NN.boxes_file(of))
    outputs, scorer = NN.outputs(of, 2), NN.scorer(of, 2)
    assert scorer.width == 10
    with pytest.raises(UserError, match=r"0\.boxes\.npz: not found"):
        outputs.read(path, 2)
    assert NN.scorer(of, 2, with_boxes=False).width == 2, "a file that does not belong to it"
    moves = np.arange(24, dtype=np.float32).reshape(3, 8)
    outputs.write([path], np.concatenate([SCORES, moves], axis=1))
    assert (tmp_path / "0.boxes.npz").is_file()
    rows = outputs.read(path, 2)
    np.testing.assert_array_equal(rows, np.concatenate([SCORES, moves], axis=1)[:2])
    again, offsets = scorer(rows)
    np.testing.assert_array_equal(again, scores)
    np.testing.assert_array_equal(offsets, moves[:2].reshape(2, 2, 4))


def test_the_network_that_is_run_gives_the_offsets_too(tmp_path):
    of = Artifacts(tmp_path, "d")
    spec = cntk_shape(widths=(4, 4, 4, 4, 4), hidden=3)
    network = he_initialised(0, spec=with_scores(spec))
    save_network(of.model_file("nn"), network.spec.to_header(), network.arrays)
    assert NN.outputs(of, 2).network() == of.model_file("nn")
    BoxRegressor(np.zeros((2, 4, 3), np.float32), np.zeros((2, 4), np.float32)).save(NN.boxes_file(of))
    assert NN.outputs(of, 2).network().spec.feature_dimension == NN.scorer(of, 2).width == 10
    BoxRegressor(np.zeros((3, 4, 3), np.float32), np.zeros((3, 4), np.float32)).save(NN.boxes_file(of))
    with pytest.raises(UserError, match="made for 3 classes, there are 2"):
        NN.outputs(of, 2)


def with_scores(spec):
    """`spec` with an output layer for two classes."""
    return dataclasses.replace(spec, head=(*spec.head, Linear("score", 2)), classes=("__background__", "disc"))
