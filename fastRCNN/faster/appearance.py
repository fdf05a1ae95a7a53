"""How a picture may look at another time: other colours, out of focus, with noise. Boxes stay where they are."""

import cv2
import numpy as np
from numpy.typing import NDArray

from helpers.images import PAD_VALUE

_BLUR = 0.5, 2.0  # pixels of the network's picture: smallest and largest standard deviation
_NOISE = 2.0, 12.0  # of 256 values


def recoloured(image: NDArray[np.uint8], rng: np.random.Generator, strength: float) -> NDArray[np.uint8]:
    """Return `image` with brightness, contrast, saturation and the balance of its channels changed, by one matrix."""
    brightness, contrast, saturation = 1 + strength * rng.uniform(-1, 1, 3)
    balance = 1 + strength / 4 * rng.uniform(-1, 1, 3)
    grey = np.tile([0.114, 0.587, 0.299], (3, 1))  # of BGR, ITU-R BT.601
    matrix = saturation * np.eye(3) + (1 - saturation) * grey
    matrix = contrast * brightness * balance[:, None] * matrix
    shift = np.full((3, 1), (1 - contrast) * PAD_VALUE)
    changed: NDArray[np.uint8] = cv2.transform(image, np.hstack([matrix, shift]))  # type: ignore[assignment]
    return changed


def blurred(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return `image` out of focus, a little or clearly: smoothed by a Gaussian of 0.5 to 2 pixels."""
    soft: NDArray[np.uint8] = cv2.GaussianBlur(image, (0, 0), rng.uniform(*_BLUR))  # type: ignore[assignment]
    return soft


def noisy(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return `image` with normal noise added to each value, of a standard deviation of 2 to 12."""
    deviation = np.float32(rng.uniform(*_NOISE))
    values = image + deviation * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
