"""Tensors of PyTorch's modules, by name, as layers with arrays."""

from collections.abc import Mapping

import numpy as np

from fastRCNN.network.batch_norm import BatchNorm
from fastRCNN.network.layers import Conv, Scale
from resources.weight_import.steps import Step


def batch_norm(tensors: Mapping[str, np.ndarray], name: str, *, eps: float = 1e-5) -> Step:
    """Return PyTorch's BatchNorm2d `name` as a `Scale` with float64 arrays; `KeyError` where a tensor is missing."""
    parts = ("weight", "bias", "running_mean", "running_var")
    gamma, beta, mean, variance = (tensors[f"{name}.{part}"] for part in parts)
    factor, summand = BatchNorm(gamma, beta, mean, variance, eps).numbers()
    return Step(Scale(""), factor, summand)


def convolution(
    tensors: Mapping[str, np.ndarray],
    name: str,
    *,
    stride: int = 1,
    pads: tuple[int, int] | None = None,
    depthwise: bool = False,
    called: str = "",
) -> Step:
    """Return PyTorch's Conv2d `name`; `KeyError` where it is missing.

    pads: zeros before and behind the picture, None for as many as keep its size.
    """
    weight = tensors[f"{name}.weight"]
    out, _, kernel, _ = weight.shape
    before, behind = pads or (kernel // 2, kernel // 2)
    groups = out if depthwise else 1
    conv = Conv("", out, kernel, stride=stride, pad=before, groups=groups, extra=behind - before)
    return Step(conv, weight, tensors.get(f"{name}.bias"), name=called or name)
