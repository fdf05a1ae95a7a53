"""Values for one data set, written into PARAMETERS.py for the user: one line behind the dictionary `overrides`."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from helpers.artifacts import atomic_write
from helpers.errors import UserError


def save_override(path: Path, name: str, values: Mapping[str, object], *, by: str) -> str:
    """Write `values` for the data set `name` into the parameter file `path`, and return the line that stands there now.

    The line comes behind `overrides = {...}` and lays `values` over what is given there; an earlier line of `by` (the
    name of a script) for this data set is replaced. Everything else stays as it is. Raises `UserError` where the file
    has no such dictionary, or cannot be written.
    """
    text = path.read_text(encoding="utf-8")
    ends = [node.end_lineno for node in ast.parse(text).body if _assigns(node, "overrides")]
    if not ends or ends[0] is None:
        raise UserError(f"{path}: no dictionary `overrides` in it to write values into")
    line = f"overrides[{name!r}] = {{**overrides.get({name!r}, {{}}), **{dict(values)!r}}}  # {by}"
    earlier = re.compile(rf"overrides\[{re.escape(repr(name))}\] = .*  # {re.escape(by)}")
    lines = text.split("\n")
    places = [number for number, old in enumerate(lines) if earlier.fullmatch(old)]
    if places:
        lines[places[0]] = line
    else:
        lines.insert(ends[0], line)
    changed = "\n".join(lines)
    compile(changed, str(path), "exec")
    try:
        with atomic_write(path) as temporary:
            temporary.write_text(changed, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error}. Write this line into it by hand:\n  {line}") from None
    return line


def _assigns(node: ast.stmt, name: str) -> bool:
    """Return whether a statement gives `name` its value."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)
