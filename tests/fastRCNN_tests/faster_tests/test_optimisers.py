"""Steps of the weights, compared with PyTorch's own optimisers and with hand arithmetic."""

import numpy as np
import pytest
import torch

from fastRCNN.faster import optimisers
from fastRCNN.faster.optimisers import Optimiser, RunningMean


def weights():
    torch.manual_seed(0)
    return {name: torch.nn.Parameter(torch.randn(3, 2)) for name in ("a.weight", "b.weight")}


def pull(parameters, target=1.0):
    sum(((p - target) ** 2).sum() * (1 + i) for i, p in enumerate(parameters.values())).backward()


def test_adam_is_that_of_pytorch():
    ours, theirs = weights(), weights()
    rates = {"a.weight": 1.0, "b.weight": 0.25}
    optimiser = Optimiser(ours, rates, kind="adam", momentum=0.9, l2_weight=0.1)
    reference = torch.optim.AdamW(
        [{"params": [theirs[name]], "lr": 0.05 * rate} for name, rate in rates.items()], weight_decay=0.1
    )
    for _ in range(7):
        pull(ours)
        optimiser.step(0.05)
        pull(theirs)
        reference.step()
        reference.zero_grad()
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-5, atol=1e-6)


def test_momentum_is_that_of_pytorch_while_the_rate_stays():
    ours, theirs = weights(), weights()
    optimiser = Optimiser(ours, dict.fromkeys(ours, 1.0), kind="sgd", momentum=0.9, l2_weight=0.01)
    reference = torch.optim.SGD(theirs.values(), lr=0.01, momentum=0.9, weight_decay=0.01)
    for _ in range(5):
        pull(ours)
        optimiser.step(0.01)
        pull(theirs)
        reference.step()
        reference.zero_grad()
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name])


def test_the_rate_stands_inside_the_velocity_as_in_cntk():
    """v = 0.5 * (0.1 * 1) + 0.01 * 1: after a lower rate the old steps go on."""
    weight = {"w": torch.nn.Parameter(torch.zeros(1))}
    optimiser = Optimiser(weight, {"w": 1.0}, kind="sgd", momentum=0.5)
    for rate in (0.1, 0.01):
        weight["w"].sum().backward()
        optimiser.step(rate)
    assert weight["w"].item() == pytest.approx(-(0.1 + 0.5 * 0.1 + 0.01))


def test_gradients_are_shortened_together():
    weight = {"a": torch.nn.Parameter(torch.zeros(1)), "b": torch.nn.Parameter(torch.zeros(1))}
    optimiser = Optimiser(weight, {"a": 1.0, "b": 1.0}, kind="sgd", momentum=0.0, clip_norm=1.0)
    (30 * weight["a"] + 40 * weight["b"]).sum().backward()
    optimiser.step(1.0)
    assert [weight[name].item() for name in "ab"] == pytest.approx([-0.6, -0.8], rel=1e-4)


def test_a_rate_of_0_and_a_weight_without_gradient_stay():
    weight = weights()
    before = {name: p.detach().clone() for name, p in weight.items()}
    optimiser = Optimiser(weight, {"a.weight": 0.0, "b.weight": 1.0})
    weight["a.weight"].sum().backward()
    optimiser.step(0.1)
    assert all(torch.equal(weight[name], before[name]) for name in weight)
    assert weight["a.weight"].grad is None


@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_its_memory_goes_on_elsewhere(kind):
    first, second = weights(), weights()
    optimiser = Optimiser(first, dict.fromkeys(first, 1.0), kind=kind)
    pull(first)
    optimiser.step(0.01)
    other = Optimiser(second, dict.fromkeys(second, 1.0), kind=kind)
    other.load(optimiser.arrays())
    with torch.no_grad():
        for name in second:
            second[name].copy_(first[name])
    for parameters, each in ((first, optimiser), (second, other)):
        pull(parameters)
        each.step(0.01)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_all_at_once_is_one_after_the_other(monkeypatch):
    """As on a GPU: the same operations in fewer calls, so the same bytes."""
    results = []
    for together in (False, True):
        if together:
            monkeypatch.setattr(optimisers, "_together", lambda names, _: [names])
        parameters = weights()
        optimiser = Optimiser(parameters, {"a.weight": 1.0, "b.weight": 0.25}, l2_weight=0.1, clip_norm=1.0)
        mean = RunningMean(parameters, 0.9)
        for _ in range(4):
            pull(parameters)
            optimiser.step(0.05)
            mean.step()
        results.append({**optimiser.arrays(), **mean.arrays()})
    assert all(np.array_equal(array, results[1][name]) for name, array in results[0].items())


def test_the_running_mean():
    """It is young at first: 2 / 11 of the old one, then 3 / 12; a decay below that counts."""
    weight = {"w": torch.nn.Parameter(torch.zeros(1))}
    mean, short = RunningMean(weight, 0.9), RunningMean(weight, 0.1)
    expected, last = 0.0, 0.0
    for step in (1, 2):
        with torch.no_grad():
            weight["w"].fill_(float(step))
        mean.step()
        short.step()
        decay = (1 + step) / (10 + step)
        expected, last = decay * expected + (1 - decay) * step, 0.1 * last + 0.9 * step
    assert mean.arrays()["w"][0] == pytest.approx(expected) and short.arrays()["w"][0] == pytest.approx(last)
    other = RunningMean(weight, 0.9)
    other.load(mean.arrays(), mean.steps)
    assert np.array_equal(other.arrays()["w"], mean.arrays()["w"]) and other.steps == 2


def test_no_running_mean_is_the_weights():
    weight = weights()
    mean = RunningMean(weight, 0.0)
    pull(weight)
    mean.step()
    assert np.array_equal(mean.arrays()["a.weight"], weight["a.weight"].detach().numpy())
