"""Pictures that a user names on the command line: files, pipes (`<(...)`, `/dev/fd/63`), or `-` for standard input."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpers.decoding import decode_image
from helpers.errors import UserError, raise_collected
from helpers.image_files import printable
from helpers.images import image_size, read_image

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class PictureSource:
    """One picture. name: what results and messages call it; stem: what a file made of it may be called.

    path: where it lies. content: its bytes, of what can be read only once; None for a file, which is read when wanted.
    """

    name: str
    stem: str
    path: Path
    content: bytes | None = None

    def read(self) -> NDArray[np.uint8]:
        """Return the picture (H, W, 3) uint8 BGR; `UserError` as `helpers.images.read_image`."""
        return read_image(self.path) if self.content is None else decode_image(self.content, self.name)[0]


def open_sources(names: Sequence[str]) -> list[PictureSource]:
    """Return what `names` stand for, each once; files are looked at, and pipes and standard input are read, now.

    Raises `UserError` for what is no picture.
    """
    return [_open(name) for name in dict.fromkeys(names)]


def check_destinations(sources: Iterable[PictureSource], destinations: Iterable[Path]) -> None:
    """Raise `UserError` when writing `destinations` would overwrite one of the pictures."""
    files = {source.path.resolve(): source for source in sources if source.content is None}
    lost = [
        f"{where}: this is the picture {files[where.resolve()].name}"
        for where in destinations
        if where.resolve() in files
    ]
    raise_collected(lost, "results would overwrite picture(s):", "Name another file or folder for the results.")


def _open(name: str) -> PictureSource:
    path = Path(name)
    if name == STANDARD_INPUT:
        content = sys.stdin.buffer.read()
        return _checked(PictureSource("standard input", "stdin", path, content))
    if path.exists() and not path.is_file() and not path.is_dir():
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(f"{printable(path)}: cannot be read: {error.strerror}") from None
        return _checked(PictureSource(printable(path), printable(path.stem), path, content))
    image_size(path)
    return PictureSource(printable(path), printable(path.stem), path)


def _checked(source: PictureSource) -> PictureSource:
    if not source.content:
        raise UserError(f"{source.name}: nothing came (0 bytes); expected the bytes of a picture")
    source.read()
    return source
