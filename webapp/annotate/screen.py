"""Pictures as the screen shows them: upright JPEG, not larger than asked for; boxes stay in original pixels."""

import threading
from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from helpers.errors import UserError
from helpers.images import read_image, resize_to_max_dim

STEPS = (96, 1600, 3200, 6400)  # longest sides, pixels: the list, the screen, and closer looks
_DECODED = 2  # whole pictures kept in memory
_ENCODED_BYTES = 64 << 20


class Screen:
    """Reads pictures and remembers the last ones, decoded and encoded."""

    def __init__(self) -> None:
        self._decoded: OrderedDict[tuple, NDArray[np.uint8]] = OrderedDict()
        self._encoded: OrderedDict[tuple, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._reading = threading.Lock()  # one at a time: a large picture takes much memory while it is decoded

    def picture(self, path: Path) -> NDArray[np.uint8]:
        """Return the upright picture, (H, W, 3) uint8 BGR; `UserError` when it cannot be read."""
        with self._reading:
            key = _key(path)
            with self._lock:
                if key in self._decoded:
                    self._decoded.move_to_end(key)
                    return self._decoded[key]
            image = read_image(path)
            with self._lock:
                self._decoded[key] = image
                while len(self._decoded) > _DECODED:
                    self._decoded.popitem(last=False)
            return image

    def jpeg(self, path: Path, longest: int) -> bytes:
        """Return the picture as JPEG with a longest side of the first of `STEPS` from `longest` on, never enlarged."""
        step = next((step for step in STEPS if step >= longest), STEPS[-1])
        key = (*_key(path), step)
        with self._lock:
            if key in self._encoded:
                self._encoded.move_to_end(key)
                return self._encoded[key]
        small, _ = resize_to_max_dim(self.picture(path), step)
        good, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 90])
        if not good:
            raise UserError(f"{path}: cannot be shown as a JPEG picture")
        encoded = data.tobytes()
        with self._lock:
            self._encoded[key] = encoded
            while sum(map(len, self._encoded.values())) > _ENCODED_BYTES and len(self._encoded) > 1:
                self._encoded.popitem(last=False)
        return encoded


def _key(path: Path) -> tuple:
    try:
        status = path.stat()
    except OSError:
        return (path,)
    return (path, status.st_mtime_ns, status.st_size)
