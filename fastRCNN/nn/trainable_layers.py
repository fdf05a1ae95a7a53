"""Layers while they learn: with weights of their own, dropout that can be repeated, and new output layers.

What training of a classifier on given ROIs (`fastRCNN.nn`) and of Faster R-CNN (`fastRCNN.faster`) have in common.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fastRCNN.network.layers import Conv, Layer, Linear, Residual
from fastRCNN.network.spec import NetworkSpec
from helpers.errors import UserError


class SeededDropout(nn.Module):
    """Dropout whose masks come from `generator`; what stays is divided by the probability of staying, as in CNTK."""

    def __init__(self, p: float, generator: torch.Generator) -> None:
        super().__init__()
        self.p, self.generator = p, generator

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` with some numbers set to 0."""
        if not self.training or self.p == 0:
            return x
        stays = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * stays.div_(1 - self.p)


def own_layers(
    modules: Sequence[nn.Module], parameters: dict[str, nn.Parameter], *, dropout: float, generator: torch.Generator
) -> nn.Sequential:
    """Return `modules` with weights of their own, which are entered into `parameters` by name, ready to learn.

    Their dropout layers drop `dropout` of the numbers, by `generator`.
    """
    drop = [SeededDropout(dropout, generator) if isinstance(module, nn.Dropout) else module for module in modules]
    owned = nn.Sequential(*drop)
    for module in owned.modules():
        if hasattr(module, "layer_name"):
            for part in ("weight", "bias"):
                value = getattr(module, part)
                if value is not None:
                    setattr(module, part, nn.Parameter(value.detach().clone()))
                    parameters[f"{module.layer_name}.{part}"] = getattr(module, part)
    return owned.train()


def new_layer(
    name: str, weights: NDArray[np.float64], parameters: dict[str, nn.Parameter], *, device: torch.device
) -> nn.Linear | nn.Conv2d:
    """Return a new layer with these weights and a bias of 0, entered into `parameters`.

    weights: (out, D) for a linear layer, (out, in, k, k) for a convolution that keeps the size of its map.
    """
    layer: nn.Linear | nn.Conv2d
    if weights.ndim == 2:
        layer = nn.Linear(weights.shape[1], weights.shape[0], device=device)
    else:
        layer = nn.Conv2d(weights.shape[1], weights.shape[0], weights.shape[2], padding=weights.shape[2] // 2,
                          device=device)  # fmt: skip
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weights.astype(np.float32)))
        assert layer.bias is not None
        layer.bias.zero_()
    parameters.update({f"{name}.{part}": value for part, value in layer.named_parameters()})
    return layer


def first_trained_layer(spec: NetworkSpec, train_conv_from: int) -> int:
    """Return the number of the trunk's first trained layer, the end of the trunk for `train_conv_from` 0.

    A residual block counts as one convolution. `UserError` for a number that the trunk does not have.
    """
    convs = [number for number, layer in enumerate(spec.trunk) if isinstance(layer, (Conv, Residual))]
    if not 0 <= train_conv_from <= len(convs):
        raise UserError(
            f"nn_trainConvFrom, faster_trainConvFrom: expected 0 to {len(convs)}, the convolutions and residual blocks "
            f"of this network's trunk, got {train_conv_from}"
        )
    return convs[train_conv_from - 1] if train_conv_from else len(spec.trunk)


def hidden_head(spec: NetworkSpec) -> tuple[Layer, ...]:
    """Return the layers of the head that give the embedding, without an output layer for another data set's classes."""
    if spec.classes is None:
        return spec.head
    last = max(number for number, layer in enumerate(spec.head) if isinstance(layer, Linear))
    return spec.head[:last]
