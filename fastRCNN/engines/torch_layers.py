"""What PyTorch makes of each layer: a registry by the layer's class. What is not in it raises.

Modules that hold weights carry the layer's name in `layer_name`, wherever they stand, so that a training finds them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from fastRCNN.engines.torch_linear import linear
from fastRCNN.network.layers import (
    AveragePool,
    Conv,
    Dropout,
    GlobalAverage,
    Layer,
    Linear,
    Lrn,
    MaxPool,
    Relu,
    Relu6,
    Residual,
    Scale,
)
from fastRCNN.network.local_response import local_response_norm
from fastRCNN.network.network import Network

Builder = Callable[[Any, Network], nn.Module]


def build_layers(network: Network, layers: Sequence[Layer]) -> nn.Sequential:
    """Return PyTorch modules for `layers`, one for each, with the network's weights, whose memory they share.

    Modules are made on the device "meta", without numbers: `nn.utils.skip_init` would import SymPy, half a second.
    Raises `ValueError` for a layer that is not in `BUILDERS`.
    """
    return nn.Sequential(*(_build(network, layer) for layer in layers))


def _build(network: Network, layer: Layer) -> nn.Module:
    if type(layer) not in BUILDERS:
        raise ValueError(f"layer {layer.type!r}: PyTorch's engine knows {sorted(kind.type for kind in BUILDERS)}")
    return BUILDERS[type(layer)](layer, network)


class LocalResponseNorm(nn.LocalResponseNorm):
    """PyTorch's layer; on the CPU, where no gradient is wanted, our faster one."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` (B, C, H, W) normalised across channels."""
        if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.bfloat16) or torch.is_grad_enabled():
            return super().forward(x)
        pixels = x.permute(0, 2, 3, 1).contiguous()  # no copy where the channels are last in memory
        rows = as_numpy(pixels.view(-1, x.shape[1]))
        y = local_response_norm(rows, size=self.size, alpha=self.alpha, beta=self.beta, k=self.k)
        return as_tensor(y).view(pixels.shape).permute(0, 3, 1, 2)


class LateConv(nn.Conv2d):
    """A convolution with more zeros behind the picture than before it.

    PyTorch's own knows equal ones only. So it gets a whole stride more of them on each side, which adds a first row and
    column of windows that nobody asked for: cheaper than a padded copy of what comes in.
    """

    def __init__(self, layer: Conv, channels: int, **options: Any) -> None:
        super().__init__(channels, layer.out, layer.kernel, layer.stride, layer.pad, groups=layer.groups, **options)
        self.extra = layer.extra

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, out, H, W) for `x` (B, C, H, W)."""
        kernel, stride, pad = self.kernel_size[0], self.stride[0], int(self.padding[0])
        found = functional.conv2d(x, self.weight, self.bias, stride, pad + stride, 1, self.groups)
        height, width = ((side + 2 * pad + self.extra - kernel) // stride + 1 for side in x.shape[2:])
        if not torch.is_grad_enabled():
            return found[:, :, 1 : 1 + height, 1 : 1 + width]
        inner: torch.Tensor = _Inner.apply(found, height, width)  # type: ignore[no-untyped-call]
        return inner


class WideConv(nn.Conv2d):
    """A convolution with at least as many zeros around the picture as its kernel is wide, on a copy with zeros around.

    oneDNN does not use the matrix units for those that it adds itself, and takes six times as long in bfloat16.
    """

    def __init__(self, layer: Conv, channels: int, **options: Any) -> None:
        super().__init__(channels, layer.out, layer.kernel, layer.stride, 0, groups=layer.groups, **options)
        self.zeros = (layer.pad, layer.pad + layer.extra) * 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, out, H, W) for `x` (B, C, H, W)."""
        return super().forward(self.padded(x))

    def padded(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x` with the zeros around."""
        return functional.pad(x, self.zeros)


class _Inner(torch.autograd.Function):
    """Rows and columns from the second on; with a gradient that has the channels last in memory, as the map has.

    PyTorch's own gradient of a slice has not, and the layers before it become many times as slow.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, height: int, width: int) -> torch.Tensor:
        ctx.around = (1, x.shape[3] - 1 - width, 1, x.shape[2] - 1 - height)
        return x[:, :, 1 : 1 + height, 1 : 1 + width].contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:  # type: ignore[override]
        return functional.pad(gradient, ctx.around), None, None


class ChannelScale(nn.Module):
    """x * weight + bias, one number of each for a channel."""

    bias: nn.Parameter | None
    weight: nn.Parameter

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, C, H, W) for `x` of that shape."""
        scaled = x * self.weight[:, None, None]
        return scaled if self.bias is None else scaled + self.bias[:, None, None]


class FlatLinear(nn.Linear):
    """A linear layer of all numbers that come in: rows (B, D), or maps (B, C, H, W) in that order."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, out)."""
        return linear(x.flatten(1), self.weight, self.bias)


class GlobalMean(nn.Module):
    """The mean of each map."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, C) for `x` (B, C, H, W)."""
        return x.mean((2, 3))


class ResidualSum(nn.Module):
    """branch(x) + shortcut(x)."""

    def __init__(self, branch: nn.Sequential, shortcut: nn.Sequential) -> None:
        super().__init__()
        self.branch, self.shortcut = branch, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum, (B, C, H, W)."""
        result: torch.Tensor = self.branch(x) + self.shortcut(x)
        return result


def _with_weights(module: nn.Module, layer: Any, network: Network) -> nn.Module:
    """Return `module` with the arrays of `layer`."""
    weight, bias = network.weight(layer.name), network.bias(layer.name)
    module.weight = nn.Parameter(torch.from_numpy(weight))
    module.bias = None if bias is None else nn.Parameter(torch.from_numpy(bias))  # type: ignore[assignment]
    module.layer_name = layer.name  # type: ignore[assignment]
    return module


def _conv(layer: Conv, network: Network) -> nn.Module:
    channels = network.shape(layer.name)[1] * layer.groups
    if layer.pad >= layer.kernel:
        module: nn.Module = WideConv(layer, channels, bias=False, device="meta")
    elif layer.extra:
        module = LateConv(layer, channels, bias=False, device="meta")
    else:
        module = nn.Conv2d(
            channels, layer.out, layer.kernel, layer.stride, layer.pad, groups=layer.groups, bias=False, device="meta"
        )
    return _with_weights(module, layer, network)


def _linear(layer: Linear, network: Network) -> nn.Module:
    out, inputs = network.shape(layer.name)
    return _with_weights(FlatLinear(inputs, out, bias=False, device="meta"), layer, network)


def _residual(layer: Residual, network: Network) -> nn.Module:
    # A ReLU that works in place may not destroy what the shortcut still reads: blocks begin with it in some networks.
    branch, shortcut = (build_layers(network, chain) for chain in layer.chains())
    for chain in (branch, shortcut):
        if len(chain) and hasattr(chain[0], "inplace"):
            chain[0].inplace = False  # type: ignore[assignment]
    return ResidualSum(branch, shortcut)


BUILDERS: dict[type[Layer], Builder] = {
    Conv: _conv,
    Linear: _linear,
    Scale: lambda layer, network: _with_weights(ChannelScale(), layer, network),
    Relu: lambda _layer, _network: nn.ReLU(inplace=True),
    Relu6: lambda _layer, _network: nn.ReLU6(inplace=True),
    Lrn: lambda layer, _network: LocalResponseNorm(layer.size, layer.alpha, layer.beta, layer.k),
    MaxPool: lambda layer, _network: nn.MaxPool2d(layer.kernel, layer.stride, layer.pad, ceil_mode=layer.ceil),
    AveragePool: lambda layer, _network: nn.AvgPool2d(layer.kernel, layer.stride, layer.pad),
    GlobalAverage: lambda _layer, _network: GlobalMean(),
    Residual: _residual,
    Dropout: lambda layer, _network: nn.Dropout(layer.p),
}


def as_numpy(tensor: torch.Tensor) -> NDArray[Any]:
    """Return the memory of a CPU tensor, bfloat16 as int16."""
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy()


def as_tensor(array: NDArray[Any]) -> torch.Tensor:
    """Return the memory of an array as a tensor, int16 as bfloat16."""
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if tensor.dtype == torch.int16 else tensor
