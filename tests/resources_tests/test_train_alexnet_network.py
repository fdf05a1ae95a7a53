"""The training network: folding, low rank, export, and exact resumption."""

import dataclasses

import numpy as np
import pytest
import torch

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.network import load_network, save_network
from resources.train_alexnet.fold import fold, header
from resources.train_alexnet.network import Shape, TrainingAlexNet, losses
from resources.train_alexnet.pool import Pool
from resources.train_alexnet.train import Recipe, same_so_far, train

TINY = Shape(convolutions=(8, 8, 8, 8, 8), features=32, waist6=6, waist7=5)
ROIS = torch.tensor([[0.0, 0, 60, 60], [16, 24, 100, 180], [100, 40, 180, 60], [170, 170, 191, 191], [5, 5, 20, 20]])
OWNER = torch.tensor([0, 0, 1, 1, 1])


def _trained() -> TrainingAlexNet:
    torch.manual_seed(0)
    net = TrainingAlexNet(TINY, 3)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.5)
            module.running_var.uniform_(0.5, 2)
            module.bias.data.normal_(0, 0.3)
            if module.weight.requires_grad:
                module.weight.data.normal_(0.8, 0.5)
    return net.eval()


def test_the_folded_network_equals_the_trained_one(tmp_path):
    net = _trained()
    arrays = fold(net)
    save_network(tmp_path / "net.npz", header(TINY, {"seed": 0}), arrays)
    network = load_network(tmp_path / "net.npz")
    picture = np.random.default_rng(0).integers(0, 256, (192, 192, 3), np.uint8)
    with torch.no_grad():
        windows = torch.from_numpy(picture).permute(2, 0, 1)[None]
        expected = net(windows, ROIS, torch.zeros(5, dtype=torch.int64)).numpy()
    found = TorchEngine(network, device="cpu").embed([picture], [ROIS.numpy()])[0]
    assert expected.std() > 0.05
    assert np.abs(found - expected).max() < 1e-5 * max(1, np.abs(expected).max())


def test_the_fully_connected_layers_are_of_low_rank():
    arrays = fold(_trained())
    assert arrays["fc6_a.weight"].shape == (6, 288) and arrays["fc6_b.weight"].shape == (32, 6)
    assert arrays["fc7_a.weight"].shape == (5, 32) and arrays["fc7_b.weight"].shape == (32, 5)
    assert "fc6_a.bias" not in arrays and arrays["fc7_b.bias"].shape == (32,)
    assert np.linalg.matrix_rank(arrays["fc6_b.weight"] @ arrays["fc6_a.weight"]) == 6


def test_the_full_network_has_4096_outputs_and_fits_16_mb_as_float16():
    net = TrainingAlexNet(Shape(), 2)
    arrays = fold(net)
    assert sum(array.size for array in arrays.values()) * 2 < 16e6 - 20000
    assert arrays["fc7_b.weight"].shape[0] == 4096


def test_losses_by_hand():
    uniform = (torch.zeros(2, 4), torch.zeros(2, 3), torch.zeros(2, 10), torch.zeros(2, 7))
    label, share = torch.tensor([2, -1]), torch.tensor([0.25, 0.0])
    fit = torch.tensor([[1.0, 1, 1], [0, 0, 0]])
    offsets = torch.tensor([[0.5, 0, 0, 0], [0, 0, 0, 0]])
    values = losses(uniform, label, share, fit, offsets, torch.ones(2))
    assert float(values["class"]) == pytest.approx(np.log(4), rel=1e-5)  # any shares of equal scores
    assert float(values["identity"]) == pytest.approx(0.25 * np.log(3), rel=1e-5)  # weighed by the share
    assert float(values["overlap"]) == pytest.approx(np.log(10), rel=1e-5)
    assert float(values["fit"]) == pytest.approx(3 * (1 - 0.05) / 2, rel=1e-5)  # |d| - beta / 2, first ROI only
    assert float(values["offsets"]) == pytest.approx((0.5 - 0.05) / 2, rel=1e-5)  # the empty ROI has no offsets
    half = losses(uniform, label, share, fit, offsets, torch.tensor([0.0, 1.0]))
    assert float(half["fit"]) == 0 and float(half["offsets"]) == 0
    sure = (torch.tensor([[0.0, 0, 0, 50], [50, 0, 0, 0]]), *uniform[1:])
    assert float(losses(sure, label, torch.tensor([1.0, 0]), fit, offsets, torch.ones(2))["class"]) < 1e-5


RECIPE = Recipe(designs=4, pool=4, first_scenes=4, side=192, scenes=2, rois=6, steps=6, warmup=2, shape=TINY)


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path):
    options = {"workers": 0, "threads": 1}
    for name in ("whole", "parts"):
        Pool(tmp_path / name / "pool", size=4, seed=0, designs=4).fill()
    whole = train(tmp_path / "whole", RECIPE, **options).state_dict()
    train(tmp_path / "parts", RECIPE, stop=3, **options)
    parts = train(tmp_path / "parts", RECIPE, resume=True, **options).state_dict()
    assert whole.keys() == parts.keys()
    for name, value in whole.items():
        assert torch.equal(value, parts[name]), name
    assert not torch.equal(whole["fc7_b.weight"], TrainingAlexNet(TINY, 4).state_dict()["fc7_b.weight"])
    with pytest.raises(ValueError, match="another recipe"):
        train(tmp_path / "parts", dataclasses.replace(RECIPE, seed=1), resume=True, **options)


def test_the_learning_rate_warms_up_stays_and_falls_to_zero():
    recipe = Recipe(steps=100, warmup=10, decay=0.2, rate=1.0)
    assert [recipe.rate_at(step) for step in (0, 9, 50, 80, 90, 99)] == pytest.approx([0.1, 1, 1, 1, 0.5, 0.05])


def test_the_end_may_move_only_before_the_fall():
    recipe = Recipe(steps=100, decay=0.2)
    later = dataclasses.replace(recipe, steps=200)
    assert same_so_far(recipe, later, 80) and not same_so_far(recipe, later, 81)
    assert not same_so_far(recipe, dataclasses.replace(recipe, rate=1.0), 0)
