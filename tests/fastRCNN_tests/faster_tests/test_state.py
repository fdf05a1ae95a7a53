"""The state of a training, written to a file and taken over by another network."""

import numpy as np

from fastRCNN.faster.network import FasterNetwork
from fastRCNN.faster.optimisers import Optimiser, RunningMean
from fastRCNN.faster.start import prepared
from fastRCNN.faster.state import state_of, take_over
from fastRCNN.nn.checkpoints import Checkpoint
from tests.fastRCNN_tests.faster_tests.drawn_pictures import CLASSES, CONTEXT, SIDE, SMALL


def parts(slim, pictures):
    network, rpn = prepared(slim, pictures, SMALL, SIDE)
    net = FasterNetwork(network, CLASSES, rpn, context=CONTEXT)
    optimiser = Optimiser(net.parameters, dict.fromkeys(net.parameters, 1.0))
    return net, optimiser, RunningMean(net.parameters, 0.9)


def test_all_of_it_comes_back(slim, pictures, tmp_path):
    net, optimiser, mean = parts(slim, pictures)
    for number, parameter in enumerate(net.parameters.values()):
        parameter.grad = parameter.detach() + number
    optimiser.step(0.1)
    mean.step()
    best = {"score.bias": np.arange(3, dtype=np.float32)}
    boxes = np.array([[1.0, 2.0, 3.0, 4.0]])
    history = [{"epoch": 1, "stage": "e2e"}]
    state = state_of(net, optimiser, mean, best=best, proposals=[None, boxes], history=history, fingerprint="f")
    state.save(tmp_path / "state.npz")
    found = Checkpoint.load(tmp_path / "state.npz", "f")
    assert found is not None and (found.epochs_done, found.history) == (1, history)
    other, its_optimiser, its_mean = parts(slim, pictures)
    its_best, kept = take_over(found, other, its_optimiser, its_mean)
    assert list(kept) == [1] and np.array_equal(kept[1], boxes)
    assert list(its_best) == ["score.bias"] and np.array_equal(its_best["score.bias"], best["score.bias"])
    for mine, theirs in (
        (net.parameter_arrays(), other.parameter_arrays()), (optimiser.arrays(), its_optimiser.arrays()),
        (mean.arrays(), its_mean.arrays()),
    ):  # fmt: skip
        assert mine.keys() == theirs.keys() and all(np.array_equal(mine[name], theirs[name]) for name in mine)
    assert its_optimiser.steps == its_mean.steps == 1
