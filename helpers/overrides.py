"""Values for one data set, written into PARAMETERS.py for the user: one line behind the dictionary `overrides`."""

import ast
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from helpers.artifacts import atomic_write
from helpers.errors import UserError


def save_override(path: Path, name: str, values: Mapping[str, object], *, by: str) -> str:
    """Write `values` for the data set `name` into the parameter file `path`, and return the line that stands there now.

    The line comes behind `overrides = {...}`, and behind those of other scripts for this data set, and lays `values`
    over what is given there. It takes the place of an earlier line of `by` (the name of a script), whose other values
    it keeps: what was found upon them needs them. Everything else stays as it is. Raises `UserError` where the file has
    no such dictionary, or cannot be written.
    """
    start = f"overrides[{name!r}] = {{**overrides.get({name!r}, {{}}), **"
    kept: dict[str, object] = {}
    lines = []
    for old in path.read_text(encoding="utf-8").split("\n"):
        if old.startswith(start) and old.endswith(f"}}  # {by}"):
            with suppress(ValueError, SyntaxError):  # somebody has changed it: it stays, and the new line counts
                kept |= ast.literal_eval(old[len(start) :].removesuffix(f"}}  # {by}"))
                continue
        lines.append(old)
    ends = [node.end_lineno for node in ast.parse("\n".join(lines)).body if _assigns(node, "overrides")]
    if not ends or ends[0] is None:
        raise UserError(f"{path}: no dictionary `overrides` in it to write values into")
    line = f"{start}{kept | dict(values)!r}}}  # {by}"
    others = [number for number, old in enumerate(lines, 1) if old.startswith(start)]
    lines.insert(max([ends[0], *others]), line)
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
