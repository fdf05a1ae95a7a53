"""The layers that a weight file's header can list, as data; and how they are read from it, every value checked.

An engine builds what the list says. Weights: conv (out, in / groups, kernel, kernel), linear (out, in), bias (out,).
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from helpers.errors import UserError


@dataclass(frozen=True)
class Conv:
    """Convolution of `kernel` x `kernel` pixels, zeros around the picture; `groups` split the channels into parts."""

    type: ClassVar[str] = "conv"
    name: str
    out: int
    kernel: int
    stride: int = 1
    pad: int = 0
    groups: int = 1


@dataclass(frozen=True)
class Relu:
    """max(x, 0)"""

    type: ClassVar[str] = "relu"


@dataclass(frozen=True)
class Lrn:
    """Local response normalisation: x / (k + alpha / size * (sum of squares over `size` channels)) ** beta."""

    type: ClassVar[str] = "lrn"
    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0


@dataclass(frozen=True)
class MaxPool:
    """Maximum of `kernel` x `kernel` pixels. `ceil` (Caffe): a last window may hang over the picture's edge."""

    type: ClassVar[str] = "maxpool"
    kernel: int
    stride: int
    pad: int = 0
    ceil: bool = False


@dataclass(frozen=True)
class Linear:
    """Fully connected: W x + b. A file without its bias means none."""

    type: ClassVar[str] = "linear"
    name: str
    out: int


@dataclass(frozen=True)
class Dropout:
    """Drops each number with probability `p` in training; does nothing when the network is used."""

    type: ClassVar[str] = "dropout"
    p: float = 0.5


Layer = Conv | Relu | Lrn | MaxPool | Linear | Dropout
TRUNK_LAYERS = {kind.type: kind for kind in (Conv, Relu, Lrn, MaxPool)}
HEAD_LAYERS = {kind.type: kind for kind in (Linear, Relu, Dropout)}


def read_layers(value: Any, where: str, kinds: Mapping[str, type]) -> tuple[Layer, ...]:
    expect(isinstance(value, list), where, "a list of layers", value)
    return tuple(_read_layer(each, f"{where}, layer {index}", kinds) for index, each in enumerate(value))


def _read_layer(value: Any, where: str, kinds: Mapping[str, type]) -> Layer:
    """One layer of the header, every value checked against the type that its class declares."""
    known = isinstance(value, Mapping) and value.get("type") in kinds
    expect(known, where, f"an object whose type is one of {sorted(kinds)}", value)
    kind = kinds[value["type"]]
    fields = {each.name: each for each in dataclasses.fields(kind)}
    needed = {name for name, each in fields.items() if each.default is dataclasses.MISSING}
    given = set(value) - {"type"}
    wanted = f"the values {sorted(needed)} (allowed: {sorted(fields)})"
    expect(needed <= given <= fields.keys(), where, wanted, sorted(given))
    checked: dict[str, Any] = {}
    for name in given:
        declared: Any = fields[name].type
        here = f"{where}: {name}"
        if declared in (bool, str):
            expect(
                isinstance(value[name], declared), here, "true or false" if declared is bool else "text", value[name]
            )
            checked[name] = value[name]
        elif name in ("pad", "p", "alpha"):
            checked[name] = number(value[name], declared, here, least=0)
        else:
            checked[name] = number(value[name], declared, here, above=0)
    return kind(**checked)


def expect(condition: bool, where: str, expected: str, found: object) -> None:
    if not condition:
        raise UserError(f"{where}: expected {expected}, found {found!r}.")


def json_object(value: Any, where: str, keys: set[str]) -> Mapping[str, Any]:
    expect(isinstance(value, Mapping) and set(value) == keys, where, f"an object with {sorted(keys)}", value)
    return value


def number(value: Any, kind: type, where: str, *, above: float | None = None, least: float | None = None) -> Any:
    """`value` as `kind` (int or float); an int is a float as well, a truth value is neither."""
    allowed = (int, float) if kind is float else (int,)
    fits = isinstance(value, allowed) and not isinstance(value, bool) and math.isfinite(value)
    bound = f" above {above}" if above is not None else f" of {least} or more" if least is not None else ""
    fits = fits and (above is None or value > above) and (least is None or value >= least)
    expect(fits, where, f"{'a number' if kind is float else 'a whole number'}{bound}", value)
    return kind(value)


def three_numbers(value: Any, where: str) -> tuple[float, float, float]:
    expect(isinstance(value, (list, tuple)) and len(value) == 3, where, "three numbers", value)
    first, second, third = (number(each, float, where) for each in value)
    return first, second, third
