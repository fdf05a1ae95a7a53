"""The layers that a network is made of, as data. A layer knows its own shapes and weights, and nothing else does.

What an engine or an exporter makes of a layer stands there, in a registry by the layer's class that raises for a class
it does not know: `fastRCNN.engines.torch_layers`, `fastRCNN.engines.cntk_graph`, `resources/export_onnx.py`.

Weights: conv (out, in / groups, kernel, kernel), linear (out, in), scale (channels,); each may have a bias (out,).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from helpers.errors import UserError

_FROM_0: Any = {"least": 0}  # in a header, such a number may be 0; others must be above
_RARE: Any = {"least": 0, "rare": True}  # and such a one is left out where it is 0: older readers do not know it


class Shape(NamedTuple):
    """What passes between layers: `channels` maps of `side` x `side` numbers. A row of D numbers is D maps of 1 x 1.

    `side` is None where it depends on the picture.
    """

    channels: int
    side: int | None = None

    @property
    def numbers(self) -> int:
        """How many numbers that is; needs a known side."""
        assert self.side is not None
        return self.channels * self.side**2


@dataclass(frozen=True)
class Layer:
    """What every layer says of itself. `where` in its methods begins a complaint about what does not fit."""

    type: ClassVar[str]  # in a header

    @property
    def shrinks(self) -> int:
        """By what factor a map gets smaller."""
        return 1

    @property
    def first_window(self) -> float:
        """Where the first number that comes out is centred: how many numbers behind the first that goes in."""
        return 0.0

    def output(self, shape: Shape, where: str = "layers") -> Shape:
        """Return the shape of what comes out when `shape` goes in; `UserError` where that cannot be."""
        return shape

    def weight_shapes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        """Return layer name -> shape of its weight, when `shape` goes in; a bias has the first of these numbers."""
        return {}

    def chains(self) -> tuple[tuple["Layer", ...], ...]:
        """Return the lists of layers inside of it, each of which sees what goes in."""
        return ()


@dataclass(frozen=True)
class Conv(Layer):
    """Convolution of `kernel` x `kernel` pixels, zeros around the picture; `groups` split the channels into parts.

    As many groups as channels: a depthwise convolution. `extra`: so many more zeros at the right and the bottom, as
    TensorFlow's "same" padding puts them where an even side is halved.
    """

    type: ClassVar[str] = "conv"
    name: str
    out: int
    kernel: int
    stride: int = 1
    pad: int = field(default=0, metadata=_FROM_0)
    groups: int = 1
    extra: int = field(default=0, metadata=_RARE)

    @property
    def shrinks(self) -> int:
        """Its stride."""
        return self.stride

    @property
    def first_window(self) -> float:
        """The middle of the first window."""
        return (self.kernel - 1) / 2 - self.pad

    def output(self, shape: Shape, where: str = "layers") -> Shape:
        """`out` maps; groups must divide channels, and `extra` be no more than the stride."""
        if shape.channels % self.groups or self.out % self.groups:
            wanted = f"groups that divide {shape.channels} and {self.out} channels"
            raise UserError(f"{where}: {self.name}: expected {wanted}, found {self.groups}.")
        if self.extra > self.stride:
            raise UserError(
                f"{where}: {self.name}: expected extra up to the stride, {self.stride}, found {self.extra}."
            )
        side = None if shape.side is None else shape.side + self.extra
        return Shape(self.out, _windows(side, self.kernel, self.stride, self.pad))

    def weight_shapes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        """(out, in / groups, kernel, kernel)."""
        return {self.name: (self.out, shape.channels // self.groups, self.kernel, self.kernel)}


@dataclass(frozen=True)
class Relu(Layer):
    """max(x, 0)"""

    type: ClassVar[str] = "relu"


@dataclass(frozen=True)
class Relu6(Layer):
    """min(max(x, 0), 6)"""

    type: ClassVar[str] = "relu6"


@dataclass(frozen=True)
class Scale(Layer):
    """One factor and one summand for each channel: a batch normalisation that no longer learns."""

    type: ClassVar[str] = "scale"
    name: str

    def weight_shapes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        """(channels,)."""
        return {self.name: (shape.channels,)}


@dataclass(frozen=True)
class Lrn(Layer):
    """Local response normalisation: x / (k + alpha / size * (sum of squares over `size` channels)) ** beta."""

    type: ClassVar[str] = "lrn"
    size: int = 5
    alpha: float = field(default=1e-4, metadata=_FROM_0)
    beta: float = 0.75
    k: float = 1.0


@dataclass(frozen=True)
class MaxPool(Layer):
    """Maximum of `kernel` x `kernel` pixels. `ceil` (Caffe): a last window may hang over the picture's edge."""

    type: ClassVar[str] = "maxpool"
    kernel: int
    stride: int
    pad: int = field(default=0, metadata=_FROM_0)
    ceil: bool = False

    @property
    def shrinks(self) -> int:
        """Its stride."""
        return self.stride

    @property
    def first_window(self) -> float:
        """The middle of the first window."""
        return (self.kernel - 1) / 2 - self.pad

    def output(self, shape: Shape, where: str = "layers") -> Shape:
        """As many maps, smaller ones."""
        return Shape(shape.channels, _windows(shape.side, self.kernel, self.stride, self.pad, ceil=self.ceil))


@dataclass(frozen=True)
class AveragePool(Layer):
    """Mean of `kernel` x `kernel` pixels, zeros around the picture counted; without overhang."""

    type: ClassVar[str] = "averagepool"
    kernel: int
    stride: int
    pad: int = field(default=0, metadata=_FROM_0)

    @property
    def shrinks(self) -> int:
        """Its stride."""
        return self.stride

    @property
    def first_window(self) -> float:
        """The middle of the first window."""
        return (self.kernel - 1) / 2 - self.pad

    def output(self, shape: Shape, where: str = "layers") -> Shape:
        """As many maps, smaller ones."""
        return Shape(shape.channels, _windows(shape.side, self.kernel, self.stride, self.pad))


@dataclass(frozen=True)
class GlobalAverage(Layer):
    """The mean of each map: a row with a number for each channel."""

    type: ClassVar[str] = "globalaverage"

    def output(self, shape: Shape, where: str = "layers") -> Shape:
        """A row."""
        return Shape(shape.channels, 1)


@dataclass(frozen=True)
class Residual(Layer):
    """branch(x) + shortcut(x); without a shortcut, branch(x) + x. What follows the sum, a ReLU mostly, is a layer too.

    He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, 2015.
    """

    type: ClassVar[str] = "residual"
    branch: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()

    @property
    def shrinks(self) -> int:
        """As its branch does."""
        return math.prod(layer.shrinks for layer in self.branch)

    @property
    def first_window(self) -> float:
        """As its branch does."""
        return first_centre(self.branch)

    def output(self, shape: Shape, where: str = "layers") -> Shape:
        """What both sides give, which must agree."""
        long, short = (through(chain, shape, where) for chain in self.chains())
        if long != short:
            raise UserError(f"{where}: residual: expected two sides that give the same, found {long} and {short}.")
        return long

    def weight_shapes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        """Those of both sides, the branch first."""
        return {name: sizes for chain in self.chains() for name, sizes in weights_of(chain, shape).items()}

    def chains(self) -> tuple[tuple[Layer, ...], ...]:
        """Branch and shortcut."""
        return self.branch, self.shortcut


@dataclass(frozen=True)
class Linear(Layer):
    """Fully connected: W x + b, of all numbers that come in. A file without its bias means none."""

    type: ClassVar[str] = "linear"
    name: str
    out: int

    def output(self, shape: Shape, where: str = "layers") -> Shape:
        """A row of `out` numbers; what comes in must have a known size."""
        if shape.side is None:
            raise UserError(f"{where}: {self.name}: expected rows of a known length, found maps as large as a picture.")
        return Shape(self.out, 1)

    def weight_shapes(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        """(out, in)."""
        return {self.name: (self.out, shape.numbers)}


@dataclass(frozen=True)
class Dropout(Layer):
    """Drops each number with probability `p` in training; does nothing when the network is used."""

    type: ClassVar[str] = "dropout"
    p: float = field(default=0.5, metadata=_FROM_0)


BLOCK_LAYERS = (Conv, Relu, Relu6, Scale, Lrn, MaxPool, AveragePool)  # what may stand inside a residual block
TRUNK_LAYERS = (*BLOCK_LAYERS, Residual)
HEAD_LAYERS = (*TRUNK_LAYERS, GlobalAverage, Linear, Dropout)


def through(layers: tuple[Layer, ...], shape: Shape, where: str = "layers") -> Shape:
    """Return the shape of what comes out of `layers` when `shape` goes in."""
    for layer in layers:
        shape = layer.output(shape, where)
    return shape


def first_centre(layers: tuple[Layer, ...]) -> float:
    """Return which pixel the first number of a map is centred on, counted from the first that goes in."""
    centre, step = 0.0, 1
    for layer in layers:
        centre += layer.first_window * step
        step *= layer.shrinks
    return centre


def weights_of(layers: tuple[Layer, ...], shape: Shape) -> dict[str, tuple[int, ...]]:
    """Return layer name -> shape of its weight, in the order of `layers`, when `shape` goes in."""
    found: dict[str, tuple[int, ...]] = {}
    for layer in layers:
        found |= layer.weight_shapes(shape)
        shape = layer.output(shape)
    return found


def every_layer(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    """Yield each of `layers`, and behind it the layers inside of it."""
    for layer in layers:
        yield layer
        for chain in layer.chains():
            yield from every_layer(chain)


def _windows(side: int | None, kernel: int, stride: int, pad: int, *, ceil: bool = False) -> int | None:
    """Return how many windows fit along a side; at least 1, for an estimate: an engine says what does not fit."""
    if side is None:
        return None
    steps = (side + 2 * pad - kernel) / stride
    return max(1, (math.ceil(steps) if ceil else math.floor(steps)) + 1)
