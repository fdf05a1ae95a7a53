"""Writing into the folder that is being made; it has a temporary name until all is there, so plainly."""

import json
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with its line ends as they are; half a character, which UTF-8 lacks, is written out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, value: object, indent: int | None = 1) -> None:
    """Write `value` as UTF-8, readable."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=indent) + "\n")
