"""A linear SVM, solved to its unique optimum: what scikit-learn's `LinearSVC` approaches, faster.

    minimise  1/2 |w|^2 + 1/2 v^2 + sum_i c_i max(0, 1 - y_i (w . x_i + B v)),      bias b = B v

with x_i = s f_i the scaled embedding and B the intercept scaling. Its dual has a variable per example, and bounds only:

    minimise  1/2 z' K z - y . z,   0 <= y_i z_i <= c_i,   K_ij = s^2 f_i . f_j + B^2,      w = sum_i z_i x_i

With the squared hinge the bounds c_i become infinite and K_ii grows by 1 / (2 c_i).

Embeddings are so alike that every K_ij is nearly the same number. A method that moves one variable at a time
(liblinear's, Hsieh et al., ICML 2008) then creeps, because every step shifts the margins of all examples alike. Moving
two variables in opposite directions does not. So the solver repeats, as LIBSVM does (Fan, Chen and Lin, "Working Set
Selection Using Second Order Information", JMLR 2005), but with a box instead of an equation for the two:
1. i: the variable that violates optimality most. j: the one whose opposite move, with i, promises the largest decrease.
2. The optimum over z_i and z_j within their bounds, exactly.
3. The margins of all examples, from rows i and j of the inner products.
It ends when no variable violates optimality by more than `tolerance`. The weights are unique, so start and order
change only the time. Inner products come from the `FeaturePool`, where all classes share them; when the pool is too
large, from the class's own rows; and when a class alone is too large, liblinear's method works on the rows.
Letters in shapes: P rows of the pool, D features, n training examples of a class.
"""

import functools
import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastRCNN.compiling import compiled, inline_kernel
from fastRCNN.feature_pool import FeaturePool

_log = logging.getLogger(__name__)
_MAX_SWEEPS = 20_000


@dataclass(frozen=True)
class Solution:
    """The optimum of one class.

    duals: (n,) float64, the variables z_i: 0 for an easy example, +-c_i for one on the wrong side of its margin.
    margins: (n,) float64, w . x + b of each example.
    violation: the largest violation of the optimality conditions that is left, in units of the margin.
    """

    duals: NDArray[np.float64]
    margins: NDArray[np.float64]
    violation: float


def solve(
    pool: FeaturePool,
    slots: NDArray[np.int64],
    signs: NDArray[np.float64],
    costs: NDArray[np.float64],
    *,
    scale: float,
    intercept_scaling: float = 10.0,
    loss: str = "hinge",
    start: NDArray[np.float64] | None = None,
    tolerance: float = 1e-6,
    max_steps: int = 10_000_000,
) -> Solution:
    """Train on the n examples in `slots` of `pool`, whose inner products are up to date, with `signs` +1 or -1.

    costs: (n,) float64, the loss weight c_i of each example; an example that counts m times has m times the cost.
    scale: s, what an embedding is multiplied with.
    loss: "hinge" or "squared_hinge".
    start: (n,) float64, duals of a similar problem (default: zeros).
    """
    ridge = np.zeros(len(slots))
    if loss == "squared_hinge":
        costs, ridge = np.full(len(slots), np.inf), 1 / (2 * costs)
    elif loss != "hinge":
        raise ValueError(f"loss: expected 'hinge' or 'squared_hinge', got {loss!r}")
    lowest, highest = np.where(signs > 0, 0.0, -costs), np.where(signs > 0, costs, 0.0)
    duals = np.zeros(len(slots)) if start is None else np.clip(start, lowest, highest)
    square = scale * scale
    moments = pool.moments[slots]
    constant = square * pool.center_square + intercept_scaling**2
    diagonal = square * (pool.squares[slots] + 2 * moments) + constant + ridge

    if pool.has_gram or len(slots) <= pool.gram_limit:
        gram, index = (pool.gram, slots) if pool.has_gram else (_own_gram(pool, slots), np.arange(len(slots)))
        inner = np.zeros(len(slots))
        _add_rows(gram, index, duals, index, inner)
        margins = square * (inner + duals @ moments + moments * duals.sum()) + constant * duals.sum()
        errors = margins - signs + ridge * duals
        violation = _solve_pairs(
            gram,
            index,
            lowest,
            highest,
            ridge,
            moments,
            diagonal,
            square,
            constant,
            duals,
            errors,
            tolerance,
            max_steps,
        )
        margins = errors + signs - ridge * duals
    else:
        margins = np.zeros(len(slots))
        violation = _solve_rows(
            pool.rows, slots, signs, lowest, highest, ridge, moments, diagonal, square, constant, duals, margins,
            tolerance, _MAX_SWEEPS,
        )  # fmt: skip
    if violation > tolerance:
        _log.warning("SVM: stopped with margins up to %.1e from the optimum", violation)
    return Solution(duals, margins, violation)


def _own_gram(pool: FeaturePool, slots: NDArray[np.int64]) -> NDArray[np.float32]:
    rows = pool.rows[slots]
    return rows @ rows.T


@compiled(what="the SVM solver", seconds=9)
def _add_rows(gram, rows, factors, index, result):
    """Add factor times gram[row, index] to `result`, (n,) float64, in place, for all `rows`."""
    for i in range(len(rows)):
        factor = factors[i]
        if factor != 0.0:
            row = gram[rows[i]]
            for k in range(len(index)):
                result[k] += factor * row[index[k]]


@inline_kernel
def _best_pair(a, b, c, first, second, low_x, high_x, low_y, high_y):
    """Return x, y that minimise first x + second y + (a x^2 + b y^2) / 2 + c x y within the box."""
    determinant = a * b - c * c
    if determinant > 1e-9 * a * b:
        x, y = (c * second - b * first) / determinant, (c * first - a * second) / determinant
        if low_x <= x <= high_x and low_y <= y <= high_y:
            return x, y
    best, best_x, best_y = np.inf, 0.0, 0.0  # the optimum lies on an edge
    for edge in range(4):
        if edge < 2:
            x = low_x if edge == 0 else high_x
            y = min(max(-(second + c * x) / b, low_y), high_y)
        else:
            y = low_y if edge == 2 else high_y
            x = min(max(-(first + c * y) / a, low_x), high_x)
        if np.isfinite(x) and np.isfinite(y):
            value = first * x + second * y + 0.5 * (a * x * x + b * y * y) + c * x * y
            if value < best:
                best, best_x, best_y = value, x, y
    return best_x, best_y


@compiled(what="the SVM solver", seconds=9)
def _solve_pairs(
    gram, index, lowest, highest, ridge, moments, diagonal, square, constant, duals, errors, tolerance, max_steps
):
    """Steps 1 to 3 of the module's text; `duals` and `errors` (the gradient) in place. Return the violation left."""
    n = len(duals)
    violation = 0.0
    for _ in range(max_steps):
        # 1. the pair: i violates optimality most
        riser, faller = -1, -1
        smallest, largest = np.inf, -np.inf
        for k in range(n):
            if duals[k] < highest[k] and errors[k] < smallest:
                smallest, riser = errors[k], k
            if duals[k] > lowest[k] and errors[k] > largest:
                largest, faller = errors[k], k
        violation = max(-smallest, largest, 0.0)
        if violation <= tolerance:
            break
        rises = -smallest >= largest
        i = riser if rises else faller
        row_i = gram[index[i]]
        j, most = -1, 0.0
        for k in range(n):
            difference = errors[k] - errors[i] if rises else errors[i] - errors[k]
            if difference > 0.0 and (duals[k] > lowest[k] if rises else duals[k] < highest[k]):
                shared = square * (row_i[index[k]] + moments[i] + moments[k]) + constant
                gain = difference * difference / max(diagonal[i] + diagonal[k] - 2 * shared, 1e-9)
                if gain > most:
                    j, most = k, gain
        # 2. the optimum of the two
        if j < 0:
            j, step_j = i, 0.0
            step_i = min(max(-errors[i] / diagonal[i], lowest[i] - duals[i]), highest[i] - duals[i])
        else:
            shared = square * (row_i[index[j]] + moments[i] + moments[j]) + constant
            step_i, step_j = _best_pair(
                diagonal[i], diagonal[j], shared, errors[i], errors[j], lowest[i] - duals[i], highest[i] - duals[i],
                lowest[j] - duals[j], highest[j] - duals[j],
            )  # fmt: skip
        # 3. the margins
        row_j = gram[index[j]]
        factor_i, factor_j = square * step_i, square * step_j
        factor_moment = factor_i + factor_j
        offset = factor_i * moments[i] + factor_j * moments[j] + constant * (step_i + step_j)
        for k in range(n):
            errors[k] += factor_i * row_i[index[k]] + factor_j * row_j[index[k]] + factor_moment * moments[k] + offset
        errors[i] += ridge[i] * step_i
        errors[j] += ridge[j] * step_j
        duals[i] = _at_bound(duals[i] + step_i, lowest[i], highest[i])
        duals[j] = _at_bound(duals[j] + step_j, lowest[j], highest[j])
    return violation


@inline_kernel
def _at_bound(value, low, high):
    """Return `value`, or the bound that it equals but for rounding."""
    nearly = 1e-14 * (high - low) if np.isfinite(high - low) else 0.0
    return high if value >= high - nearly else low if value <= low + nearly else value


@functools.partial(inline_kernel, fastmath=True)
def _dot(row, vector):
    value = 0.0
    for p in range(len(vector)):
        value += row[p] * vector[p]
    return value


@compiled(what="the SVM solver", seconds=9)
def _solve_rows(
    rows,
    slots,
    signs,
    lowest,
    highest,
    ridge,
    moments,
    diagonal,
    square,
    constant,
    duals,
    margins,
    tolerance,
    max_sweeps,
):
    """liblinear's method: one variable at a time, with the weights at hand. `duals` and `margins` in place.

    A sweep visits what moved in the one before; when nothing moves any more, everything is visited again.
    """
    n = len(duals)
    weights = np.zeros(rows.shape[1])
    total, first = 0.0, 0.0
    for k in range(n):
        total += duals[k]
        first += duals[k] * moments[k]
        if duals[k] != 0.0:
            for p in range(len(weights)):
                weights[p] += duals[k] * rows[slots[k]][p]
    active = np.arange(n)
    violation = np.inf
    for _ in range(max_sweeps):
        complete = len(active) == n
        nr_active, worst = 0, 0.0
        for i in range(len(active)):
            k = active[i]
            row = rows[slots[k]]
            margins[k] = square * (_dot(row, weights) + first + moments[k] * total) + constant * total
            error = margins[k] - signs[k] + ridge[k] * duals[k]
            if (duals[k] >= highest[k] and error <= 0.0) or (duals[k] <= lowest[k] and error >= 0.0):
                continue
            worst = max(worst, abs(error))
            if abs(error) <= tolerance:
                continue
            active[nr_active] = k
            nr_active += 1
            value = _at_bound(duals[k] - error / diagonal[k], lowest[k], highest[k])
            step = value - duals[k]
            duals[k] = value
            total += step
            first += step * moments[k]
            for p in range(len(weights)):
                weights[p] += step * row[p]
        if complete:
            violation = worst
            if nr_active == 0:
                break
        active = active[:nr_active].copy() if nr_active > 0 else np.arange(n)
    return violation
