"""Lists of layers in a header: read with every value checked, and written."""

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from fastRCNN.network.header_checks import expect, number
from fastRCNN.network.layers import BLOCK_LAYERS, Layer


def read_layers(value: Any, where: str, kinds: Sequence[type[Layer]]) -> tuple[Layer, ...]:
    """Return the layers that `value`, a list of objects, describes; each must be one of `kinds`."""
    expect(isinstance(value, list), where, "a list of layers", value)
    return tuple(_read_layer(each, f"{where}, layer {index}", kinds) for index, each in enumerate(value))


def layers_as_json(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """Return what `read_layers` reads."""
    return [
        {
            "type": layer.type,
            **{
                each.name: layers_as_json(value) if isinstance(value := getattr(layer, each.name), tuple) else value
                for each in dataclasses.fields(layer)
                if not each.metadata.get("rare") or getattr(layer, each.name) != each.default
            },
        }
        for layer in layers
    ]


def _read_layer(value: Any, where: str, kinds: Sequence[type[Layer]]) -> Layer:
    """Return one layer, every value checked against the type that its class declares."""
    by_type = {kind.type: kind for kind in kinds}
    known = isinstance(value, Mapping) and value.get("type") in by_type
    expect(known, where, f"an object whose type is one of {sorted(by_type)}", value)
    kind = by_type[value["type"]]
    fields = {each.name: each for each in dataclasses.fields(kind)}
    needed = {name for name, each in fields.items() if each.default is dataclasses.MISSING}
    given = set(value) - {"type"}
    wanted = f"the values {sorted(needed)} (allowed: {sorted(fields)})"
    expect(needed <= given <= fields.keys(), where, wanted, sorted(given))
    return kind(**{name: _read_value(value[name], fields[name], f"{where}: {name}") for name in sorted(given)})


def _read_value(value: Any, declared: dataclasses.Field, where: str) -> Any:
    kind: Any = declared.type
    if typing.get_origin(kind) is tuple:
        return read_layers(value, where, BLOCK_LAYERS)
    if kind in (bool, str):
        expect(isinstance(value, kind), where, "true or false" if kind is bool else "text", value)
        return value
    least = declared.metadata.get("least")
    return number(value, kind, where, least=least) if least is not None else number(value, kind, where, above=0)
