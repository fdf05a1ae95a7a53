"""Lines of text as ink, for whoever draws.

Text is set in DejaVu Sans Bold, which matplotlib brings along; a text with letters that it lacks in the first font of
this system that has them (`helpers.fonts`).
"""

from bisect import bisect_left
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from helpers.fonts import bundled_font, font_for


def text_mask(text: str, size: float, room: float = np.inf) -> NDArray[np.float32]:
    """Return the ink of one line of text, (h, w) float32 in 0..1, as high as the font's line.

    size: of the letters, in pixels. room: the longest w; what does not fit ends in "...".
    """
    font, available = _font(font_for(text) or bundled_font(), size), max(1, int(min(room, 1 << 20)))
    if font.getlength(text) > available:  # the longest beginning that leaves room for the dots
        text = text[
            : bisect_left(range(1, len(text) + 1), True, key=lambda n: font.getlength(text[:n] + "…") > available)
        ]
        text += "…"
    ascent, descent = font.getmetrics()
    bitmap, offset = font.getmask2(text, mode="L", anchor="ls")
    width, height = bitmap.size
    ink = np.zeros(
        (ascent + descent, max(1, int(np.ceil(font.getlength(text))), width + max(0, offset[0]))), np.float32
    )
    top, left = ascent + offset[1], max(0, offset[0])
    values = np.array(bitmap, dtype=np.float32).reshape(height, width) / 255
    visible = values[max(0, -top) : max(0, ink.shape[0] - top)]
    ink[max(0, top) : max(0, top) + len(visible), left : left + width] = visible
    return ink[:, :available]


@lru_cache(maxsize=16)
def _font(path: Path, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)
