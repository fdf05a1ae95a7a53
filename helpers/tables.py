"""Tables as text files: tabs between the columns, one header line, UTF-8, LF line ends."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from helpers.artifacts import atomic_write


def write_tsv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write `header` and `rows` to `path`, atomically; tabs and line ends inside a cell become spaces."""
    lines = ("\t".join(" ".join(str(cell).split()) for cell in row) + "\n" for row in [header, *rows])
    write_text(path, "".join(lines))


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with its line ends as they are, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(text.encode())
