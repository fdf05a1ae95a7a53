"""JSON files: damage with its line, and the line of a value inside, looked for only when a message needs it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.annotation_formats.source import read_text
from helpers.errors import UserError

_BLANKS = " \t\n\r"


class JsonFile:
    """A file and what it holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.value: Any = read_json(path)

    def place(self, *way: str | int) -> Callable[[], str]:
        """A function that says where the value lies to which keys and indices lead: `file:line`."""

        def look() -> str:
            line = line_of(read_text(self.path), way)
            return f"{self.path}:{line}" if line else str(self.path)

        look.__doc__ = str(self.path)
        return look


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises `UserError` with file, line and reason."""
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = "the file is empty" if not text.strip() else f"no whole JSON: {error.msg}"
        advice = "; the file seems cut off, export it again" if text.strip() and error.pos >= len(text.rstrip()) else ""
        raise UserError(f"{path}:{error.lineno}: {reason}{advice}") from None
    except (RecursionError, ValueError) as error:  # nested too deeply, or a number of thousands of digits
        raise UserError(f"{path}: no JSON that can be read: {error}") from None


def line_of(text: str, way: tuple[str | int, ...]) -> int:
    """The line of the value to which `way` leads in a JSON text, 0 if it cannot be found."""
    decoder = json.JSONDecoder()
    try:
        at = _skip(text, 0)
        for step in way:
            at = _enter(text, at, step, decoder)
    except (ValueError, IndexError, RecursionError):
        return 0
    return text.count("\n", 0, at) + 1


def _skip(text: str, at: int) -> int:
    while text[at] in _BLANKS:
        at += 1
    return at


def _enter(text: str, at: int, step: str | int, decoder: json.JSONDecoder) -> int:
    """The position of entry `step` of the list or object that starts at `at`."""
    is_list = text[at] == "["
    if text[at] not in "[{":
        raise ValueError
    at = _skip(text, at + 1)
    index = 0
    while text[at] not in "]}":
        key: object = index
        if not is_list:
            key, at = decoder.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)  # behind the colon
        if key == step:
            return at
        _, at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
        index += 1
    raise ValueError
