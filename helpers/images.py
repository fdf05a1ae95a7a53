"""Pictures: the one reader that the whole project uses, resizing and padding.

A picture is an (H, W, 3) uint8 array in BGR order (OpenCV's), upright: the EXIF orientation has been applied.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from helpers.decoding import Inspection, decode_image, inspect_image, size_from_header
from helpers.errors import UserError
from helpers.image_files import find_images as find_images  # from where everything about pictures comes

log = logging.getLogger(__name__)

PAD_VALUE = 114  # the grey that the tutorial pads with and subtracts
_told: set[tuple[str, str]] = set()  # notes on pictures that have been logged


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in its padded square: `padded = original * scale + offset`, in pixels.

    `offset_x` and `offset_y` can end in .5, as in the tutorial's CNTK inputs; pixels use the rounded-down offset.
    """

    scale: float
    offset_x: float
    offset_y: float


def read_image(path: Path | str) -> NDArray[np.uint8]:
    """Return the picture in `path` as upright (H, W, 3) uint8 BGR; see `helpers.decoding.decode_image`.

    Raises `UserError`, naming the file, for anything that is not a whole picture. What is odd about it is logged, once.
    """
    pixels, notes = decode_image(read_bytes(path), str(path))
    for note in notes:
        if (str(path), note) not in _told:
            log.warning("%s: %s", path, note)
    notes_told(path, notes)
    return pixels


def read_part(path: Path | str, part: tuple[int, int, int, int] | None) -> NDArray[np.uint8]:
    """Return what `read_image` does, or of that the `part` x1 y1 x2 y2, inclusive pixels."""
    image = read_image(path)
    if part is None:
        return image
    left, top, right, bottom = part
    return image[top : bottom + 1, left : right + 1]


def notes_told(path: Path | str, notes: tuple[str, ...]) -> None:
    """Remember that the user knows of these notes, so that `read_image` does not repeat them."""
    _told.update((str(path), note) for note in notes)


def inspect_picture(path: Path | str) -> Inspection:
    """Return size and notes of the picture in `path`; reads it whole and raises `UserError` as `read_image` would."""
    return inspect_image(read_bytes(path), str(path))


def image_size(path: Path | str) -> tuple[int, int]:
    """Return (width, height) in pixels of the upright picture, as `read_image` gives it, from its header.

    Raises `UserError` as `read_image` does, but for pixels that are damaged behind a whole header.
    """
    path = Path(path)
    with _readable(path):
        return size_from_header(path)


def require_picture(image: NDArray) -> None:
    """Raise ValueError unless `image` is a picture: (H, W, 3) uint8 with at least one pixel."""
    if not isinstance(image, np.ndarray):
        raise ValueError(f"image: expected an array (H, W, 3) uint8, got {type(image).__name__}")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"image: expected (H, W, 3) uint8 with at least one pixel, got {image.shape} {image.dtype}")


def resize_to_max_dim(image: NDArray[np.uint8], max_dim: int) -> tuple[NDArray[np.uint8], float]:
    """Return `image` shrunk so that its longest side is `max_dim` pixels, and the scale; never enlarged (scale <= 1).

    Each side keeps at least one pixel, so the scale is exact for the longest side only.
    """
    height, width = image.shape[:2]
    scale = max_dim / max(height, width)
    if scale >= 1:
        return image, 1.0
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale  # type: ignore[return-value]


def square_placement(width: int, height: int, size: int) -> Placement:
    """Return where a picture of `width` x `height` pixels lies in its padded square of `size` pixels."""
    scale = size / max(width, height)
    return Placement(scale, (size - round(width * scale)) / 2, (size - round(height * scale)) / 2)


def pad_to_square(image: NDArray[np.uint8], size: int, fill: int = PAD_VALUE) -> tuple[NDArray[np.uint8], Placement]:
    """Return `image` scaled to fit a `size` x `size` square, centred, the rest filled with `fill`; and its placement.

    Shrinking averages the pixels under each new one, enlarging interpolates linearly.
    """
    height, width = image.shape[:2]
    placement = square_placement(width, height, size)
    new_size = (max(1, round(width * placement.scale)), max(1, round(height * placement.scale)))
    if new_size != (width, height):
        method = cv2.INTER_AREA if placement.scale < 1 else cv2.INTER_LINEAR
        image = cv2.resize(image, new_size, interpolation=method)  # type: ignore[assignment]
    padded = np.full((size, size, 3), fill, np.uint8)
    top, left = int(placement.offset_y), int(placement.offset_x)
    padded[top : top + new_size[1], left : left + new_size[0]] = image[: size - top, : size - left]
    return padded, placement


def write_image(path: Path, image: NDArray[np.uint8], jpeg_quality: int = 90) -> None:
    """Write (H, W, 3) uint8 BGR `image`; the format follows the extension; any character in the path is fine."""
    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if path.suffix.lower() in (".jpg", ".jpeg", ".jfif") else []
    good, data = cv2.imencode(".jpg" if path.suffix.lower() == ".jfif" else path.suffix, image, options)
    if not good:
        raise UserError(f"{path}: OpenCV cannot write pictures as {path.suffix or 'a file without extension'}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())


def read_bytes(path: Path | str) -> bytes:
    """Return the content of a picture file, read by Python: paths with any character work on every system.

    Raises `UserError` that says what happened.
    """
    path = Path(path)
    with _readable(path):
        return path.read_bytes()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Make a `UserError` of what keeps `path` from being read, the empty file included."""
    try:
        if path.is_file() and path.stat().st_size == 0:
            raise UserError(f"{path}: the file is empty (0 bytes)")
        yield
    except FileNotFoundError:
        raise UserError(f"{path}: no such picture") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
