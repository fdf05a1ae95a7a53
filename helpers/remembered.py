"""A result that takes long to make and is small: kept in a JSON file with the key of what it was made from."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from helpers.artifacts import atomic_write


def remembered(path: Path, key: str, make: Callable[[], Any]) -> Any:
    """Return the value, one that JSON can hold, that `path` has for this `key`; else what `make()` returns, kept there.

    The file may be deleted at any time.
    """
    with suppress(OSError, ValueError, TypeError, KeyError):
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["key"] == key:
            return content["value"]
    value = make()
    with suppress(OSError), atomic_write(path) as temporary:
        temporary.write_text(json.dumps({"key": key, "value": value}), encoding="utf-8")
    return value
