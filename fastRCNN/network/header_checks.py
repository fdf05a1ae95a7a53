"""Checks of what a JSON header holds: every complaint says where, what was expected and what was found."""

import math
from collections.abc import Mapping
from typing import Any

from helpers.errors import UserError


def expect(condition: bool, where: str, expected: str, found: object) -> None:
    """Raise `UserError` unless `condition`."""
    if not condition:
        raise UserError(f"{where}: expected {expected}, found {found!r}.")


def json_object(value: Any, where: str, keys: set[str]) -> Mapping[str, Any]:
    """Return `value`, an object with just these keys."""
    expect(isinstance(value, Mapping) and set(value) == keys, where, f"an object with {sorted(keys)}", value)
    return value


def number(value: Any, kind: type, where: str, *, above: float | None = None, least: float | None = None) -> Any:
    """Return `value` as `kind` (int or float); an int is a float as well, a truth value is neither."""
    allowed = (int, float) if kind is float else (int,)
    fits = isinstance(value, allowed) and not isinstance(value, bool) and math.isfinite(value)
    bound = f" above {above}" if above is not None else f" of {least} or more" if least is not None else ""
    fits = fits and (above is None or value > above) and (least is None or value >= least)
    expect(fits, where, f"{'a number' if kind is float else 'a whole number'}{bound}", value)
    return kind(value)


def three_numbers(value: Any, where: str) -> tuple[float, float, float]:
    """Return `value`, a list of three numbers."""
    expect(isinstance(value, (list, tuple)) and len(value) == 3, where, "three numbers", value)
    first, second, third = (number(each, float, where) for each in value)
    return first, second, third
