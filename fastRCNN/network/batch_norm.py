"""Batch normalisation that no longer learns, as plain weights.

    y = gamma * (x - mean) / sqrt(variance + eps) + beta

With fixed mean and variance that is one factor and one summand for each channel: a `Scale` layer, or, behind a
convolution or linear layer, a part of its weights. Ioffe, Szegedy: Batch Normalization, 2015.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class BatchNorm(NamedTuple):
    """Its arrays, each (C,), and eps, as training programs keep them."""

    gamma: ArrayLike
    beta: ArrayLike
    mean: ArrayLike
    variance: ArrayLike
    eps: float = 1e-5

    def as_scale(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return weight and bias (C,) of a `Scale` layer."""
        factor, summand = self.numbers()
        return factor.astype(np.float32), summand.astype(np.float32)

    def folded_into(
        self, weight: NDArray[np.float32], bias: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return weight (C, ...) and bias (C,) of the layer before, with this behind it; computed in double precision.

        Exact but for rounding, where nothing stands between the two.
        """
        factor, summand = self.numbers()
        folded = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
        before = 0 if bias is None else bias
        return folded.astype(np.float32), (before * factor + summand).astype(np.float32)

    def numbers(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return factor and summand (C,) in double precision."""
        gamma, beta, mean, variance = (np.asarray(each, np.float64) for each in self[:4])
        factor = gamma / np.sqrt(variance + self.eps)
        return factor, beta - mean * factor
