"""What the tests of the weight file readers share: slim random networks of the published shapes, and comparisons.

Kernels, strides, pads, groups, normalisation and layout are those of the published files; only the widths are slim.
"""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import caffe_shape
from fastRCNN.network.network import Network
from helpers.errors import UserError
from resources.import_network import import_network

WIDTHS, HIDDEN, LABELS = (8, 12, 16, 12, 10), 24, 10


@pytest.fixture
def picture() -> np.ndarray:
    """(224, 224, 3) uint8 BGR, the size that the published classifiers were made for."""
    return np.random.default_rng(5).integers(0, 256, (224, 224, 3), dtype=np.uint8)


@pytest.fixture
def slim() -> SimpleNamespace:
    """The widths, and the functions below."""
    return SimpleNamespace(
        widths=WIDTHS, hidden=HIDDEN, labels=LABELS, zoo_arrays=zoo_arrays, run_ours=run_ours,
        assert_close=assert_close, expect_fault=expect_fault,
    )  # fmt: skip


def zoo_arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays of Caffe's shape under the zoo's names, sized so that numbers neither fade nor explode."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in {**caffe_shape(widths=WIDTHS, hidden=HIDDEN).weight_shapes(), "fc8": (LABELS, HIDDEN)}.items():
        arrays[f"{name}_w"] = (rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)
        arrays[f"{name}_b"] = rng.standard_normal(shape[0]).astype(np.float32)
    arrays["conv1_w"] /= 30  # pixels
    return arrays


def run_ours(network: Network, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Trunk output (C, H, W) and fc7 (HIDDEN,) of the classifier: max pooling where the tutorial has ROI pooling."""
    with TorchEngine(network, device="cpu") as engine:
        feature_map = engine.feature_map([picture])
        ceil = any(getattr(layer, "ceil", False) for layer in network.spec.trunk)
        pooled = functional.max_pool2d(feature_map, 3, 2, ceil_mode=ceil)
        with torch.inference_mode():
            return feature_map[0].numpy(), engine.head_layers(pooled)[0].numpy()


def assert_close(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(theirs).max() > 0.1, "the network must not be dead"
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max())


def expect_fault(path: Path, message: str) -> None:
    with pytest.raises(UserError, match=f"(?s){message}") as caught:
        import_network(path)
    assert str(path) in str(caught.value)
