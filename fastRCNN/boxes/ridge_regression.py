"""Ridge regression of box targets on embeddings, with one look at all rows for whatever is asked of them.

The inner products of the rows are what takes long. So they are computed once, in float32, and serve both the choice of
the ridge (`fastRCNN.boxes.ridge_choice`) and the fit. Letters in shapes: N ROIs, D features of a ROI, n of the N.
"""

import math

import numpy as np
from numpy.typing import NDArray

_ROUNDS, _NOTHING = 10, 1e-10
_SIZE = 10  # root mean square distance of scaled rows from their centre


class RidgeRegression:
    """Fits for `rows` (N, D) float32, for one set of them at least.

    Ridges are factors of the squared weights for rows whose root mean square distance from their centre is 10, so that
    they mean the same for every network. A bias is not shrunk.
    """

    def __init__(self, rows: NDArray[np.float32]) -> None:
        self.centre = rows.mean(axis=0)
        self.rows = rows - self.centre
        self.scale = _factor(np.dot(self.rows.ravel(), self.rows.ravel()) / len(rows))
        self.rows *= self.scale
        self.dual = len(rows) < rows.shape[1]  # the smaller of the two systems
        self._products = self.rows @ self.rows.T if self.dual else None

    def products(self, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the inner products (n, n) of the rows `chosen` (n,), centred and scaled as if there were no others."""
        if self._products is None:
            of_chosen = self.rows[chosen]
            products = (of_chosen @ of_chosen.T).astype(np.float64)
        else:
            products = self._products[np.ix_(chosen, chosen)].astype(np.float64)
        means = products.mean(axis=0)
        products -= means
        products -= (means - means.mean())[:, None]
        return products * _factor(np.trace(products) / len(chosen)) ** 2

    def fit(self, targets: NDArray[np.floating], ridge: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return weights (4, D) and biases (4,) float32 for `targets` (N, 4)."""
        middle = targets.mean(axis=0)
        products = self._products if self._products is not None else self.rows.T @ self.rows
        system = products.astype(np.float64)
        system[np.diag_indices(len(system))] += ridge
        goal = targets - middle if self.dual else self.rows.T @ (targets - middle)
        solution = _solved(system, goal).astype(np.float32)
        weights = np.ascontiguousarray(self.scale * (self.rows.T @ solution if self.dual else solution).T)
        return weights, (middle - weights @ self.centre).astype(np.float32)


def _solved(system: NDArray[np.float64], goal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x with `system` (n, n) x = `goal` (n, 4), system symmetric and positive definite; system is overwritten.

    Cholesky's factors in float32 take half the time; what is wrong then is solved again, three times or so, until
    nothing is left. Where that does not come to an end (a ridge that is tiny beside the products), float64 does it.
    """
    from scipy.linalg import lapack, solve  # only here: it takes a moment to import

    # transposed, it is the same matrix, in the order of LAPACK: nothing is copied
    factors, failed = lapack.spotrf(system.astype(np.float32).T, lower=1, clean=0, overwrite_a=1)
    solution = np.zeros_like(goal, np.float64)
    for _ in range(0 if failed else _ROUNDS):
        left = goal - system @ solution
        if np.abs(left).max() <= _NOTHING * np.abs(goal).max():
            return solution
        solution += lapack.spotrs(factors, left.astype(np.float32), lower=1)[0]
    return solve(system, goal, assume_a="pos", overwrite_a=True, check_finite=False)


def _factor(mean_square: float) -> np.float32:
    """Return what rows at this mean square distance from their centre are multiplied with."""
    return np.float32(_SIZE / math.sqrt(mean_square) if mean_square > 0 else 1)
