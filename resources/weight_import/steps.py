"""What the readers of other programs' weight files give back: layers in the order of computation, with their arrays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fastRCNN.network.layers import Conv, Layer, Linear, Residual, Scale
from helpers.errors import UserError


@dataclass(frozen=True)
class Step:
    """One layer with its arrays. A residual block has none, but branch and shortcut in `sides`.

    `name`: of the layer in its file, "" to have one given. A batch normalisation is a `Scale` with float64 arrays.
    """

    layer: Layer
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None
    name: str = ""
    sides: tuple[tuple["Step", ...], ...] = ()

    @property
    def shrinks(self) -> int:
        """By what factor a map gets smaller."""
        product = 1
        for step in self.sides[0] if self.sides else ():
            product *= step.shrinks
        return product if self.sides else self.layer.shrinks


def residual(branch: Iterable[Step], shortcut: Iterable[Step] = ()) -> Step:
    """Return a residual block of these layers."""
    return Step(Residual(()), sides=(tuple(branch), tuple(shortcut)))


def folded(steps: Iterable[Step]) -> list[Step]:
    """Return `steps` with each `Scale` made a part of the convolution, linear or scale layer right before it.

    In double precision, and exact but for its rounding.
    """
    done: list[Step] = []
    for step in steps:
        if step.sides:
            step = replace(step, sides=tuple(tuple(folded(side)) for side in step.sides))
        if isinstance(step.layer, Scale) and done and isinstance(done[-1].layer, (Conv, Linear, Scale)):
            before = done[-1]
            assert before.weight is not None and step.weight is not None
            factor = np.asarray(step.weight, np.float64)
            weight = before.weight * factor.reshape(-1, *[1] * (before.weight.ndim - 1))
            bias = (0 if before.bias is None else before.bias) * factor + (0 if step.bias is None else step.bias)
            done[-1] = replace(before, weight=weight, bias=bias)
        else:
            done.append(step)
    return done


class Names:
    """Gives each layer that has weights a name, and collects its arrays: conv1, conv2, ...; fc6, fc7; scale1, ..."""

    def __init__(self, where: object) -> None:
        self.where, self.arrays = where, dict[str, np.ndarray]()
        self._counted = {"conv": 0, "fc": 5, "scale": 0}  # AlexNet has five convolutions, so its first linear is fc6

    def layers(self, steps: Sequence[Step]) -> tuple[Layer, ...]:
        """Return the layers of `steps`; their arrays are in `arrays` then."""
        return tuple(self._layer(step) for step in steps)

    def _layer(self, step: Step) -> Layer:
        if step.sides:
            branch, shortcut = (self.layers(side) for side in step.sides)
            return Residual(branch, shortcut)
        if not isinstance(step.layer, (Conv, Linear, Scale)):
            return step.layer
        kind = "fc" if isinstance(step.layer, Linear) else step.layer.type
        self._counted[kind] += 1
        name = step.name or f"{kind}{self._counted[kind]}"
        for part, array in (("weight", step.weight), ("bias", step.bias)):
            if array is not None:
                self.arrays[f"{name}.{part}"] = _checked(array, f"{self.where}: {name}.{part}")
        return replace(step.layer, name=name)


def _checked(array: np.ndarray, what: str) -> np.ndarray:
    """The array as float32 in a piece of memory of its own; not a number means a damaged file."""
    array = np.array(array, np.float32, order="C")
    if not np.isfinite(array).all():
        raise UserError(
            f"{what}: expected numbers, found NaN or infinity: the file is damaged, or its training failed."
        )
    return array
