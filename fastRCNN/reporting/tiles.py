"""Pictures of a page with a title and a line of text, as HTML that holds the picture itself."""

import base64
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Tile:
    """A picture of a page: (H, W, 3) uint8 BGR, a title and a line of text below it."""

    image: NDArray[np.uint8]
    title: str
    text: str


def tile_html(tile: Tile, style: str, *, quality: int) -> str:
    """Return the HTML of `tile` with its picture as a JPEG of `quality`; `style`: the class of the picture."""
    good, data = cv2.imencode(".jpg", tile.image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not good:
        raise ValueError(f"{tile.title}: the picture cannot be encoded")
    height, width = tile.image.shape[:2]
    source = "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
    return (
        f'<figure class="tile"><img class="{style}" loading="lazy" width="{width}" height="{height}" src="{source}" '
        f'alt="{escape(f"{tile.title}: {tile.text}")}"><figcaption><b>{escape(tile.title)}</b>'
        f"<span>{escape(tile.text)}</span></figcaption></figure>"
    )
