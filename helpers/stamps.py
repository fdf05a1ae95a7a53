"""Stamps: what a step's files were made from, so that stale ones are noticed instead of used.

A stamp is written before the files that it speaks of, and each file is written atomically. So a file that exists below
a fitting stamp is whole and up to date, also after a run was killed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from helpers.artifacts import atomic_write

VERSION = 1  # raise it when the meaning of any file below proc/ changes


@dataclass(frozen=True)
class Stamp:
    """The script that wrote, its parameters, and the digests of the files it read (by name)."""

    script: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, str]
    version: int = VERSION


def file_digest(path: Path) -> str:
    """Return 16 hexadecimal digits of the content of `path`, or "missing"."""
    if not path.is_file():
        return "missing"
    digest = hashlib.blake2b(digest_size=8)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def digests(paths: Iterable[Path], root: Path) -> dict[str, str]:
    """Return the digest of each file by its name relative to `root` (absolute when it lies elsewhere)."""
    return {
        path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path): file_digest(path)
        for path in paths
    }


def write_stamp(path: Path, stamp: Stamp) -> None:
    """Write `stamp` as JSON, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(asdict(stamp), indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read_stamp(path: Path) -> Stamp | None:
    """Return the stamp in `path`; None when there is none or it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Stamp(content["script"], content["parameters"], content["inputs"], content["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def differences(old: Stamp, new: Stamp) -> list[str]:
    """Return one phrase for each parameter or input in which `new` differs from `old`."""
    new_parameters = json.loads(json.dumps(dict(new.parameters)))  # tuples become lists, as in the file
    changes = [] if old.version == new.version else [f"file version {old.version} became {new.version}"]
    for name in sorted({*old.parameters, *new_parameters}):
        before, now = old.parameters.get(name, "unset"), new_parameters.get(name, "unset")
        if before != now:
            changes.append(f"{name} was {before!r}, is {now!r}")
    return changes + [f"{name} {what}" for name, what in changed_inputs(old, new).items()]


def changed_inputs(old: Stamp, new: Stamp) -> dict[str, str]:
    """Return what happened to each input that differs: "is new", "changed" or "was removed"."""
    changes = {}
    for name in sorted({*old.inputs, *new.inputs}):
        before, now = old.inputs.get(name), new.inputs.get(name)
        if before != now:
            changes[name] = "is new" if before is None else "was removed" if now in (None, "missing") else "changed"
    return changes
