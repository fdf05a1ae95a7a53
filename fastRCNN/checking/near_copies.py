"""Pictures that are nearly the same: saved again, scaled, brightened, or taken twice with the same view.

A difference hash: the picture, grey and shrunk to 17 x 16, tells for each of 256 places whether the next pixel is
brighter. Copies differ in few of these bits, other pictures in about half. Measured on 465 pictures:
saved again as JPEG of quality 20, or at half the size, 95 % differ from the original by 18 or less; two photos of the
same blood cells by 24; different photos of one shelf by 55 and more, the bundled renderings by 47. Crops are not found.
Letters in shapes: P pictures.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from helpers.images import require_picture

SIDE = 16
DISTANCE = 28  # bits of 256
_FLAT = 2.0  # grey levels between neighbours: pictures with less contrast have no hash worth comparing
_AT_ONCE = 1024


def difference_hash(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 32 bytes for `image` (H, W, 3) uint8; all 0 for a flat one."""
    require_picture(image)
    grey = cv2.cvtColor(cv2.resize(image, (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    steps = np.diff(grey.astype(np.int16), axis=1)
    if np.abs(steps).mean() < _FLAT:
        return np.zeros(SIDE * SIDE // 8, np.uint8)
    return np.packbits(steps > 0)


def near_copies(hashes: NDArray[np.uint8], *, distance: int = DISTANCE) -> list[tuple[int, int, int]]:
    """Return (first, second, bits that differ) of all pairs of `hashes` (P, 32) that differ by `distance` or less.

    Pairs stand in the order of the pictures. Flat pictures have no copies.
    """
    usable = np.flatnonzero(hashes.any(axis=1))
    bits = np.unpackbits(hashes[usable], axis=1).astype(np.float32) * 2 - 1
    pairs = []
    for start in range(0, len(usable), _AT_ONCE):
        differing = (SIDE * SIDE - bits[start : start + _AT_ONCE] @ bits[start:].T) / 2
        for row, column in np.argwhere(np.triu(differing <= distance, k=1)).tolist():
            pairs.append((int(usable[start + row]), int(usable[start + column]), int(differing[row, column])))
    return pairs
