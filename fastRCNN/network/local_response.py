"""Local response normalisation without the power function: AlexNet's layer, an order of magnitude faster on a CPU.

    y[c] = x[c] / (k + alpha / size * sum of x[i]^2 over the `size` channels around c) ^ beta

beta is 0.75 in every published AlexNet, and t^-0.75 = 1 / sqrt(t * sqrt(t)), which the processor's vector units know.
Source: Krizhevsky et al. 2012, section 3.3; alpha is divided by `size`, as Caffe and PyTorch do.

A bfloat16 number is the upper half of a float32. NumPy does not know the type, so such arrays come as the same bits in
int16, and are computed in float32.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.compiling import compiled


def local_response_norm(
    x: NDArray[Any], *, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> NDArray[Any]:
    """Return (P, C): `x` (P, C), one row of C channels for each pixel, normalised across channels.

    `x` is float32, or int16 with the bits of bfloat16 numbers; the result is of the same kind.
    """
    if x.ndim != 2 or x.dtype not in (np.float32, np.int16):
        raise ValueError(f"x: expected (P, C) float32, or int16 with the bits of bfloat16, got {x.shape} {x.dtype}")
    y = np.empty(x.shape, x.dtype)
    as_bits = np.int32 if x.dtype == np.float32 else np.int16
    x = np.ascontiguousarray(x).view(as_bits)
    _normalise(x, size, np.float32(alpha / size), np.float32(beta), np.float32(k), y.view(as_bits))
    return y


@compiled(what="local response normalisation", seconds=2, fastmath={"arcp", "contract"})
def _normalise(x, size, alpha, beta, k, y):  # type: ignore[no-untyped-def]
    """Fill `y` in place; both hold the bits of numbers, 32 or the upper 16 of them.

    One row at a time stays in the processor's nearest cache. Squares have zeros at both ends, so that no channel is a
    special case. AlexNet's size has a loop of its own: the same sums, but in registers.
    """
    pixels, channels = x.shape
    before = size // 2
    missing = np.uint32(32 - 8 * x.itemsize)  # bits of a float32 that are not stored
    bits = np.empty(channels, np.uint32)
    row = bits.view(np.float32)
    squares = np.zeros(channels + size - 1, np.float32)
    sums = np.empty(channels, np.float32)
    for pixel in range(pixels):
        for c in range(channels):
            bits[c] = np.uint32(x[pixel, c]) << missing
        for c in range(channels):
            squares[before + c] = row[c] * row[c]
        if size == 5:
            for c in range(channels):
                sums[c] = squares[c] + squares[c + 1] + squares[c + 2] + squares[c + 3] + squares[c + 4]
        else:
            sums[:] = 0
            for shift in range(size):
                for c in range(channels):
                    sums[c] += squares[c + shift]
        if beta == np.float32(0.75):
            for c in range(channels):
                t = k + alpha * sums[c]
                row[c] = row[c] / np.sqrt(t * np.sqrt(t))
        else:
            for c in range(channels):
                row[c] = row[c] * (k + alpha * sums[c]) ** -beta
        if missing:
            for c in range(channels):  # to the nearest, halves to even
                bits[c] += np.uint32(0x7FFF) + ((bits[c] >> np.uint32(16)) & np.uint32(1))
        for c in range(channels):
            y[pixel, c] = bits[c] >> missing
