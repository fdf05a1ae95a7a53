"""Values as files write them: numbers as text, sizes that are missing; and the words for what is wrong with them.

Everything raises `log.Damaged` with a reason; none of it knows a format.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from data.annotation_formats.log import Damaged

LARGEST = 10_000_000  # no coordinate comes near it
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def number(value: object, name: str) -> float:
    """`value`, a number or its text, as a finite float; `name` is what messages call it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Damaged(f"{name} is missing" if value is None else f"{name} is no number: {shorten(value)}")
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            advice = " (decimal comma; write a decimal point)" if re.fullmatch(r"[+-]?\d+,\d+", text) else ""
            raise Damaged(f"{name} is missing" if not text else f"{name} is no number: {shorten(value)}{advice}")
        value = text
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not abs(result) < LARGEST:  # also for NaN
        raise Damaged(f"{name} is no coordinate: {shorten(value)}")
    return result


def numbers(values: object, count: int, name: str) -> list[float]:
    """A list of `count` numbers."""
    entries = listing(values, name)
    if len(entries) != count:
        raise Damaged(f"{name} has {len(entries)} number(s), expected {count}")
    return [number(value, name) for value in entries]


def mapping(value: object, name: str) -> Mapping[str, Any]:
    """`value`, which must be an object with named fields."""
    if not isinstance(value, Mapping):
        raise Damaged(f"{name} is missing" if value is None else f"{name} is no object with fields: {shorten(value)}")
    return value


def listing(value: object, name: str) -> Sequence[Any]:
    """`value`, which must be a list."""
    if not isinstance(value, list | tuple):
        raise Damaged(f"{name} is missing" if value is None else f"{name} is no list: {shorten(value)}")
    return value


def entries_of(value: object) -> Sequence[Any]:
    """The entries of a list, of an object whose keys are numbers, or of nothing at all."""
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list | tuple) else []


def fields_of(value: object) -> Mapping[str, Any]:
    """`value` where it is an object with fields, else an empty one: for what a file may have."""
    return value if isinstance(value, Mapping) else {}


def text(value: object, name: str) -> str:
    """`value`, a text or a number, as text that is not empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not str(value).strip():
        raise Damaged(f"{name} is missing" if value in (None, "") else f"{name} is no text: {shorten(value)}")
    return str(value)


def optional_text(value: object) -> str:
    """`value` as text, "" where there is none."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def key_of(value: object) -> str:
    """An id as text, the same for 7, "7" and 7.0; "" where there is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return optional_text(value).strip()


def size_of(width: object, height: object) -> tuple[int, int] | None:
    """Width and height in pixels, None where they are missing, zero or nonsense."""
    try:
        size = round(number(width, "width")), round(number(height, "height"))
    except Damaged:
        return None
    return size if min(size) > 0 else None


def shorten(value: object) -> str:
    """`value` as Python would write it, cut to what fits into a message."""
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def plain(value: float, digits: int = 6) -> int | float:
    """A number as files should show it: whole ones without decimals, others with at most `digits`."""
    rounded = round(value, digits)
    return int(rounded) if rounded == int(rounded) else rounded
