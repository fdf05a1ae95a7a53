"""Local response normalisation without the power function: AlexNet's layer, an order of magnitude faster on a CPU.

    y[c] = x[c] / (k + alpha / size * sum of x[i]^2 over the `size` channels around c) ^ beta

beta is 0.75 in every published AlexNet, and t^-0.75 = 1 / sqrt(t * sqrt(t)), which the processor's vector units know.
Source: Krizhevsky et al. 2012, section 3.3; alpha is divided by `size`, as Caffe and PyTorch do.
"""

import numpy as np
from numpy.typing import NDArray

from fastRCNN.compiling import compiled


def local_response_norm(
    x: NDArray[np.float32], *, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> NDArray[np.float32]:
    """Return (P, C) float32: `x` (P, C), one row of C channels for each pixel, normalised across channels."""
    if x.ndim != 2 or x.dtype != np.float32:
        raise ValueError(f"x: expected (P, C) float32, got {x.shape} {x.dtype}")
    y = np.empty_like(x)
    _normalise(np.ascontiguousarray(x), size, np.float32(alpha / size), np.float32(beta), np.float32(k), y)
    return y


@compiled(what="local response normalisation", seconds=2)
def _normalise(x, size, alpha, beta, k, y):  # type: ignore[no-untyped-def]
    """Fill `y` in place. Squares stand in a row with zeros at both ends, so that no channel is a special case."""
    pixels, channels = x.shape
    before = size // 2
    squares = np.zeros(channels + size - 1, np.float32)
    sums = np.empty(channels, np.float32)
    for pixel in range(pixels):
        for c in range(channels):
            squares[before + c] = x[pixel, c] * x[pixel, c]
        sums[:] = 0
        for shift in range(size):
            for c in range(channels):
                sums[c] += squares[c + shift]
        if beta == np.float32(0.75):
            for c in range(channels):
                t = k + alpha * sums[c]
                y[pixel, c] = x[pixel, c] / np.sqrt(t * np.sqrt(t))
        else:
            for c in range(channels):
                y[pixel, c] = x[pixel, c] * (k + alpha * sums[c]) ** -beta
