"""From the bytes of a picture file to pixels: the one decoder of the project.

Pillow knows the formats, their transparency, orientation and damage. Three-channel and grey JPEGs go through simplejpeg
(libjpeg-turbo, the same pixels, twice as fast): it alone says when the decoder had to guess, which Pillow and
OpenCV keep to themselves. What is damaged is refused; what is merely odd is read, with a note.

A decoded picture is (H, W, 3) uint8 BGR, upright.
"""

import io
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from helpers.errors import UserError

if TYPE_CHECKING:
    from PIL import Image  # imported where a picture is opened, which not each step does

MAX_PIXELS = 178_000_000  # beyond this a "picture" is a decompression bomb or a mistake; about Pillow's own limit
_FORMATS = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "PNG", "BMP": "BMP", "WEBP": "WebP", "TIFF": "TIFF"}
_TO_OPEN = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")  # MPO opens as JPEG
_NAMES = "JPEG, PNG, BMP, WebP or TIFF"
_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"BM": "BMP",
    b"RIFF": "WebP",
    b"II*": "TIFF",
    b"MM\0*": "TIFF",
}
_SMALL = 4_000_000  # pixels: below this the header is believed
_PIXELS_PER_BYTE = {"JPEG": 1000, "BMP": 130}  # more than the format can pack: a damaged header asks for memory
# libjpeg's warnings (jerror.h); of several it keeps the last, so many left-over bytes of a scan stand for damage in it
_HARMLESS = re.compile(
    r"extraneous bytes before marker 0x(?!c4|da)|JFIF revision|Adobe color|ICC profile|Invalid SOS|progression"
)
_DAMAGE = re.compile(r"extraneous bytes|premature end|bad Huffman|bad arithmetic|instead of RST|Unexpected marker")
_MANY_BYTES = re.compile(r"\d{3,} extraneous bytes")
_ORIENTATION = 0x0112
_DARK = 64  # of 256: a 16-bit picture that ends below this holds 14 bits or fewer
_opening = threading.Lock()  # recording Python's warnings is for one thread at a time


@dataclass(frozen=True)
class Inspection:
    """What is known of a picture without keeping its pixels: the upright size, and what is odd about the file.

    turned: whether EXIF says that the pixels are stored in another orientation.
    """

    width: int
    height: int
    notes: tuple[str, ...] = ()
    turned: bool = False


@dataclass
class _Opened:
    image: "Image.Image"
    kind: str
    orientation: int  # what is left to be done
    turned: bool
    notes: list[str]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, upright."""
        width, height = self.image.size
        return (height, width) if self.orientation >= 5 else (width, height)


def decode_image(data: bytes, name: str) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Return the upright picture (H, W, 3) uint8 BGR in the bytes of a file, and notes on what is odd about it.

    Grey becomes three equal channels, 16 bit becomes 8, transparency is laid over white, EXIF orientation is applied
    (all eight), of several pictures the first is taken. `name` is what errors call it. Raises `UserError` for whatever
    is not a whole picture; memory is a few times that of the pixels its header announces, `MAX_PIXELS` at most.
    """
    with _opened(io.BytesIO(data), len(data), name) as opened:
        pixels = _jpeg_pixels(data, opened, name) if opened.kind == "JPEG" else None
        if pixels is None:
            pixels = _pillow_pixels(data, opened)
        return _upright(pixels, opened.orientation), tuple(opened.notes)


def inspect_image(data: bytes, name: str) -> Inspection:
    """Return size and notes as `decode_image` would find them, for less: a JPEG is decoded at an eighth of its size.

    Raises `UserError` as `decode_image` does.
    """
    with _opened(io.BytesIO(data), len(data), name) as opened:
        if opened.kind != "JPEG" or _jpeg_pixels(data, opened, name, reduced=True) is None:
            _pillow_pixels(data, opened)
        return Inspection(*opened.size, tuple(opened.notes), opened.turned)


def size_from_header(path: Path) -> tuple[int, int]:
    """Return (width, height) in pixels of the upright picture in `path`, its pixels unread where the format allows.

    Raises `UserError` for what is no picture by its header.
    """
    with path.open("rb") as file, _opened(file, path.stat().st_size, str(path)) as opened:
        return opened.size


@contextmanager
def _opened(file: BinaryIO, nr_bytes: int, name: str) -> Iterator[_Opened]:
    """Open a picture with its header checked. Whatever goes wrong with it, here or later, becomes a `UserError`."""
    from PIL import Image

    start = file.read(8)
    kind = next((kind for signature, kind in _SIGNATURES.items() if start.startswith(signature)), "")
    try:
        image, notes = _open_quietly(file)
        kind = _FORMATS[str(image.format)]
        with image:
            orientation = _orientation(image, notes)
            to_do = 1 if kind == "TIFF" else orientation  # Pillow turns a TIFF by itself
            opened = _Opened(image, kind, to_do, orientation > 1, notes)
            _check_size(opened, nr_bytes)
            if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
                notes.append(f"it holds {image.n_frames} pictures, of which the first is used")  # type: ignore[attr-defined]
            yield opened
    except UserError as error:
        raise UserError(f"{name}: {error}") from error.__cause__
    except Image.DecompressionBombError:
        raise UserError(f"{name}: it has more than {MAX_PIXELS // 1_000_000} megapixels; shrink it") from None
    except Image.UnidentifiedImageError:
        if kind:
            raise UserError(f"{name}: the {kind} picture is damaged: its header cannot be read") from None
        raise UserError(f"{name}: not a {_NAMES} picture (the file's first bytes are {start!r})") from None
    except Exception as error:  # decoders raise anything for damaged bytes: struct.error, SyntaxError, IndexError ...
        if "truncated" in str(error).lower():
            raise UserError(f"{name}: the {kind} picture is cut off in the middle; copy it again") from error
        raise UserError(f"{name}: the {kind} picture is damaged and cannot be decoded ({error})") from error


def _open_quietly(file: BinaryIO) -> tuple["Image.Image", list[str]]:
    """Return the opened file and Pillow's warnings about it."""
    from PIL import Image

    with _opening, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = Image.open(file, formats=_TO_OPEN)
        if image.format != "PNG":
            image.getexif()  # read now, so that warnings about it are caught; a PNG would be decoded for it
    told = (each for each in caught if not issubclass(each.category, Image.DecompressionBombWarning))
    return image, [f"the decoder says: {each.message}" for each in told]


def _orientation(image: "Image.Image", notes: list[str]) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception as error:
        notes.append(f"its EXIF block is damaged ({error}), so its orientation is not known")
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _check_size(opened: _Opened, nr_bytes: int) -> None:
    """Refuse what cannot be, or cannot be held, before memory is asked for."""
    width, height = opened.size
    if width < 1 or height < 1:
        raise UserError(f"the {opened.kind} picture is damaged: its header says {width}x{height} pixels")
    if width * height > MAX_PIXELS:
        raise UserError(f"{width}x{height} pixels is more than {MAX_PIXELS // 1_000_000} megapixels; shrink it")
    most = max(_SMALL, nr_bytes * _PIXELS_PER_BYTE.get(opened.kind, MAX_PIXELS))
    if width * height > most:
        raise UserError(
            f"the {opened.kind} picture is damaged: its header says {width}x{height} pixels, which {nr_bytes} bytes "
            "cannot hold"
        )


def _jpeg_pixels(data: bytes, opened: _Opened, name: str, reduced: bool = False) -> NDArray[np.uint8] | None:
    """Return the pixels as stored, or None where Pillow has to make them (four channels, odd headers)."""
    colours = "CMYK" if opened.image.mode == "CMYK" else "BGR"
    scale = {"min_height": 1, "min_width": 1, "min_factor": 8} if reduced else {}
    try:
        pixels = simplejpeg.decode_jpeg(data, colours, **scale)
    except ValueError as error:
        text = str(error)
        if _HARMLESS.search(text) and not _MANY_BYTES.search(text):
            opened.notes.append(f"the decoder says: {text}")
            return None
        if "Premature end of JPEG file" in text:
            raise UserError("the JPEG picture is cut off in the middle; copy it again") from error
        if _DAMAGE.search(text):
            raise UserError(f"the JPEG picture is damaged in the middle ({text}); copy it again") from error
        return None
    return pixels if colours == "BGR" else None


def _pillow_pixels(data: bytes, opened: _Opened) -> NDArray[np.uint8]:
    image = opened.image
    if opened.kind == "PNG":
        _check_png_sums(data)
    image.load()
    if image.mode == "F":
        raise UserError("its pixels are floating-point numbers of unknown range; save it with 8 bits")
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise UserError("its pixels are 32-bit numbers of unknown range; save it with 8 bits")
        grey = (values >> 8).astype(np.uint8)
        _note_darkness(opened, int(values.max()))
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        pixels = _over_white(rgba)
    else:
        pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
    if _is_deep(data, opened):
        _note_darkness(opened, int(pixels.max()) * 257)
    return pixels


def _check_png_sums(data: bytes) -> None:
    """Raise for a PNG whose check sums do not fit: in loading, Pillow does not look at those of the pixels."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=("PNG",)) as second:
        second.verify()


def _is_deep(data: bytes, opened: _Opened) -> bool:
    """Return whether the file stores 16 bits a channel, of which Pillow gives the upper 8."""
    if opened.kind == "PNG":
        return data[24] == 16
    bits = opened.image.tag_v2.get(258, (8,)) if opened.kind == "TIFF" else (8,)  # type: ignore[attr-defined]
    return max(bits) == 16


def _note_darkness(opened: _Opened, brightest: int) -> None:
    if brightest >> 8 < _DARK:
        factor = 1 << (16 - max(1, brightest.bit_length()))
        dark = f"its 16-bit values end at about {brightest} of 65535, so it is read nearly black"
        opened.notes.append(f"{dark}: multiply them by {factor}")


def _over_white(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return BGR over white; what lies under full transparency is arbitrary and must not become edges."""
    bgr = rgba[:, :, 2::-1]
    if (rgba[:, :, 3] == 255).all():
        return np.ascontiguousarray(bgr)
    alpha = rgba[:, :, 3:].astype(np.float32) / 255
    return np.rint(bgr * alpha + 255 * (1 - alpha)).astype(np.uint8)


def _upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return `pixels` turned as EXIF asks; the same array where nothing is to do."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):  # upside down, behind the swap of the axes
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
