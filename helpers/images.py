"""Pictures: finding them, the one reader that the whole project uses, resizing and padding.

A picture is an (H, W, 3) uint8 array in BGR order (OpenCV's), upright: the EXIF orientation has been applied.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from helpers.errors import UserError, raise_collected

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp")
MAX_PIXELS = 200_000_000  # beyond this a "picture" is a decompression bomb or a mistake
PAD_VALUE = 114  # the grey that the tutorial pads with and subtracts

_SIGNATURES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"BM": "BMP"}


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in its padded square: `padded = original * scale + offset`, in pixels.

    `offset_x` and `offset_y` can end in .5, as in the tutorial's CNTK inputs; pixels use the rounded-down offset.
    """

    scale: float
    offset_x: float
    offset_y: float


def find_images(folder: Path) -> list[Path]:
    """Return the pictures of `folder` sorted by name; extensions .jpg .jpeg .png .bmp in any case.

    Raises `UserError` for two pictures with the same stem (they would share annotation and ROI files) and for names
    with a tab or line break (CNTK's map files are separated by them).
    """
    if not folder.is_dir():
        return []
    images = sorted(p for p in folder.iterdir() if p.suffix.lower() in EXTENSIONS and not p.name.startswith("."))
    faults = [
        f"{p}: a tab or line break in the name breaks CNTK's map file" for p in images if set(p.name) & set("\t\r\n")
    ]
    seen: dict[str, Path] = {}
    for image in images:
        if image.stem in seen:
            faults.append(f"{image}: same stem as {seen[image.stem].name}; both would use {image.stem}.bboxes.tsv")
        seen[image.stem] = image
    raise_collected(faults, f"{len(faults)} picture name(s) cannot be used:", "Rename these pictures.")
    return images


def read_image(path: Path | str) -> NDArray[np.uint8]:
    """Return the picture in `path` as upright (H, W, 3) uint8 BGR.

    Grey becomes three equal channels, 16 bit becomes 8, transparency is laid over white. EXIF orientation is applied
    (all eight). Raises `UserError`, naming the file, for anything that is not a whole picture.
    """
    path = Path(path)
    data = _read_bytes(path)
    kind, _, _ = _checked_header(data, path)
    buffer = np.frombuffer(data, np.uint8)
    picture = cv2.imdecode(buffer, cv2.IMREAD_COLOR)  # applies EXIF, 16 bit -> 8, grey -> BGR, drops alpha
    if picture is None:
        raise UserError(f"{path}: the {kind} picture is damaged and cannot be decoded")
    upright = np.asarray(picture, np.uint8)
    return _over_white(buffer, upright) if kind == "PNG" and _has_transparency(data) else upright


def image_size(path: Path | str) -> tuple[int, int]:
    """Return (width, height) in pixels of the upright picture, as `read_image` gives it; a JPEG is not decoded.

    Raises `UserError` as `read_image` does, but for a JPEG whose pixels are damaged though its header is not.
    """
    path = Path(path)
    data = _read_bytes(path)
    kind, width, height = _checked_header(data, path)
    if kind == "JPEG":
        return (height, width) if _lies_on_its_side(data) else (width, height)
    height, width = read_image(path).shape[:2]
    return width, height


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
    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if path.suffix.lower() in (".jpg", ".jpeg") else []
    good, data = cv2.imencode(path.suffix, image, options)
    if not good:
        raise UserError(f"{path}: OpenCV cannot write pictures as {path.suffix or 'a file without extension'}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())


def _read_bytes(path: Path) -> bytes:
    """Read by Python, not by OpenCV: paths with any character work on every system, and errors say what happened."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such picture") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if not data:
        raise UserError(f"{path}: the file is empty (0 bytes)")
    return data


def _checked_header(data: bytes, path: Path) -> tuple[str, int, int]:
    """Return kind, width and height as stored; `UserError` for what is no picture, cut off, or too large to decode."""
    kind = _kind(data)
    if kind is None:
        raise UserError(f"{path}: not a JPEG, PNG or BMP picture (the file's first bytes are {data[:8]!r})")
    if _is_truncated(data, kind):
        raise UserError(f"{path}: the {kind} picture is cut off in the middle; copy it again")
    width, height = _stored_size(data, path)
    if width == 0 or height == 0:
        raise UserError(f"{path}: the {kind} picture is damaged: its header says {width}x{height} pixels")
    if width * height > MAX_PIXELS:
        raise UserError(f"{path}: {width}x{height} pixels is more than {MAX_PIXELS // 1_000_000} megapixels; shrink it")
    return kind, width, height


def _kind(data: bytes) -> str | None:
    return next((kind for signature, kind in _SIGNATURES.items() if data.startswith(signature)), None)


def _is_truncated(data: bytes, kind: str) -> bool:
    """OpenCV fills a cut-off JPEG with grey and says nothing, so the end marker is looked for here."""
    if kind == "JPEG":
        scan = next((at for marker, at in _jpeg_segments(data) if marker == 0xDA), len(data))
        return data.find(b"\xff\xd9", scan) < 0  # only behind the scan: an embedded thumbnail has its own end marker
    return kind == "PNG" and b"IEND" not in data[-65536:]


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield (marker, position) of the segments of a JPEG file up to the first scan."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF or data[at + 1] == 0xFF:  # stray or fill byte
            at += 1
            continue
        marker = data[at + 1]
        yield marker, at
        if marker == 0xDA:
            return
        stands_alone = marker == 0x01 or 0xD0 <= marker <= 0xD8
        at += 2 if stands_alone else 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _lies_on_its_side(data: bytes) -> bool:
    """Return whether OpenCV swaps width and height of a JPEG file when it applies the EXIF orientation.

    OpenCV itself is asked, by a small picture with the same APP1 segments: readers differ over damaged EXIF blocks,
    several of them, and an orientation in XMP only, and a size that is not the decoder's would misplace every box.
    """
    blocks = [
        data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")]
        for marker, at in _jpeg_segments(data)
        if marker == 0xE1
    ]
    if not blocks:
        return False
    wide = _wide_jpeg()
    turned = cv2.imdecode(np.frombuffer(wide[:2] + b"".join(blocks) + wide[2:], np.uint8), cv2.IMREAD_COLOR)
    return turned is not None and turned.shape[0] > turned.shape[1]


@cache
def _wide_jpeg() -> bytes:
    return cv2.imencode(".jpg", np.zeros((8, 16, 3), np.uint8))[1].tobytes()


def _stored_size(data: bytes, path: Path) -> tuple[int, int]:
    """Return (width, height) from the header alone, so that a bomb is refused before it is decoded."""
    if data.startswith(b"\x89PNG"):
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data.startswith(b"BM"):
        width, height = (int.from_bytes(data[at : at + 4], "little", signed=True) for at in (18, 22))
        return abs(width), abs(height)
    for marker, at in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start-of-frame segment
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
    raise UserError(f"{path}: the JPEG picture is damaged: it has no frame header")


def _has_transparency(data: bytes) -> bool:
    return data[25] in (4, 6) or b"tRNS" in data[:4096]  # PNG colour types with alpha, or a transparent palette entry


def _over_white(buffer: NDArray[np.uint8], opaque: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay a transparent PNG over white; what lies under full transparency is arbitrary and must not become edges."""
    raw = cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED)
    if raw is None or raw.ndim != 3 or raw.shape[2] != 4 or raw.shape[:2] != opaque.shape[:2]:
        return opaque
    alpha = raw[:, :, 3:].astype(np.float32) / (255 if raw.dtype == np.uint8 else 65535)
    return np.rint(opaque * alpha + 255 * (1 - alpha)).astype(np.uint8)
