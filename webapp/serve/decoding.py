"""A client's bytes as a picture: the same decoder as the scripts', behind checks of kind and size.

What a picture claims to be is read from its first bytes; file names and content types of clients are not believed.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from helpers.decoding import decode_image
from helpers.errors import UserError
from webapp.problems import Problem

NAME = "the picture"  # in messages: clients' file names are not used
ACCEPTED = ("JPEG", "PNG", "WEBP", "BMP")
_SIGNATURES = (  # (offset, first bytes, kind)
    (0, b"\xff\xd8\xff", "JPEG"), (0, b"\x89PNG\r\n\x1a\n", "PNG"), (8, b"WEBP", "WEBP"), (0, b"BM", "BMP"),
    (0, b"GIF8", "GIF"), (0, b"II*\x00", "TIFF"), (0, b"MM\x00*", "TIFF"), (0, b"II+\x00", "TIFF"),
    (4, b"ftypavif", "AVIF"), (4, b"ftypavis", "AVIF"), (4, b"ftyphei", "HEIC"), (4, b"ftypmif1", "HEIF"),
    (0, b"\x00\x00\x01\x00", "ICO"), (0, b"%PDF", "PDF"), (0, b"8BPS", "Photoshop"),
    (0, b"\x00\x00\x00\x0cjP", "JPEG 2000"), (0, b"\xffO\xffQ", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"), (0, b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
)  # fmt: skip


def kind_of(data: bytes) -> str:
    """Return the kind of picture that the first bytes of `data` say, or ""."""
    return next((kind for at, start, kind in _SIGNATURES if data[at : at + len(start)] == start), "")


def decode(data: bytes, *, max_pixels: int) -> NDArray[np.uint8]:
    """Return the picture in `data` as (H, W, 3) uint8 BGR, upright, as `helpers.images.read_image` gives it.

    Raises `Problem`: "not-a-picture" for what is none or is damaged, "media-type" for kinds that are not accepted,
    "too-large" for more than `max_pixels` pixels, before a pixel is decoded.
    """
    kind = kind_of(data)
    if not kind:
        raise Problem("not-a-picture", "The bytes are no JPEG, PNG, WebP or BMP picture." if data else "No bytes came.")
    if kind not in ACCEPTED:
        raise Problem("media-type", f"This is a {kind} file; JPEG, PNG, WebP and BMP are read.")
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as header:  # reads the header alone
            width, height = header.size
    except Image.DecompressionBombError:
        raise Problem("too-large", f"The picture has more than the {max_pixels:,} pixels allowed.") from None
    except Exception:  # Pillow raises many kinds for a damaged header; all of them mean this
        raise Problem("not-a-picture", f"The {kind} picture is damaged: its header cannot be read.") from None
    if width * height > max_pixels:
        raise Problem("too-large", f"The picture has {width} x {height} pixels; {max_pixels:,} are allowed.")
    try:
        return decode_image(data, NAME)[0]
    except UserError as fault:
        raise Problem("not-a-picture", f"{str(fault)[:1].upper()}{str(fault)[1:]}.") from None
