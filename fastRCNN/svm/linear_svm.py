"""A linear SVM, solved to its unique optimum: what scikit-learn's `LinearSVC` approaches, faster.

    minimise  1/2 |w|^2 + 1/2 v^2 + sum_i c_i max(0, 1 - y_i (w . x_i + B v)),      bias b = B v

with x_i = s f_i the scaled embedding and B the intercept scaling. Its dual has a variable per example, and bounds only:

    minimise  1/2 z' K z - y . z,   0 <= y_i z_i <= c_i,   K_ij = s^2 f_i . f_j + B^2,      w = sum_i z_i x_i

With the squared hinge the bounds c_i become infinite and K_ii grows by 1 / (2 c_i).

Of thousands of variables a dozen end between their bounds. So the solver never has the whole of K, but decomposes
(Osuna, Freund and Girosi, "An improved training algorithm for support vector machines", NNSP 1997; Joachims, "Making
large-scale SVM learning practical", 1999). It repeats:
1. The margins of the examples, from the weights. It ends when no variable violates optimality by more than `tolerance`.
2. A working set: the variables that promise most by rising, and as many that do by falling.
3. The optimum over the working set, the others fixed; then the weights.
A working set that does not do in some rounds is doubled; when it holds everything, step 3 is the whole problem.

Most variables are at a bound and stay there. So where examples are many, some rounds look at that part of them alone
which was nearest to violating optimality when all were looked at (Joachims calls it shrinking), until these are ten
times as good; then at all again. It never ends but with all.

Embeddings are so alike that every K_ij is nearly the same number. A method that moves one variable at a time
(liblinear's, Hsieh et al., ICML 2008) then creeps, because every step shifts the margins of all examples alike. Moving
two variables in opposite directions does not. So step 3 repeats, as LIBSVM does (Fan, Chen and Lin, "Working Set
Selection Using Second Order Information", JMLR 2005), but with a box instead of an equation for the two:
a. i: the variable that violates optimality most. j: the one whose opposite move, with i, promises the largest decrease.
b. The optimum over z_i and z_j within their bounds, exactly.
c. The margins of the working set, from rows i and j of K.

The weights are unique, so start and order change only the time.
Letters in shapes: P rows, D features, n training examples of a class, q variables of a working set.
"""

import logging
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastRCNN.compiling import compiled, inline_kernel

_log = logging.getLogger(__name__)
_SMALLEST_SET, _LARGEST_SET = {"hinge": 256, "squared_hinge": 2048}, 4096  # squared: no upper bounds, all are free
_SET_GROWTH = 20  # a working set of q costs q^2, a look at all n: q^2 is this times n, where that is more
_SHRINK_FROM, _SHRINK_TO = 4096, 8  # examples; to one in so many
_PATIENCE = 16, 64  # rounds before the working set is doubled: of few examples, and of so many that it is large already
_MAX_STEPS = 10_000_000  # on one working set


@dataclass(frozen=True)
class Solution:
    """The optimum of one class.

    weights: (D,) float64, for unscaled embeddings: s w. bias: b.
    duals: (n,) float64, the variables z_i: 0 for an easy example, +-c_i for one on the wrong side of its margin.
    margins: (n,) float64, f . weights + bias of each example.
    violation: the largest violation of the optimality conditions that is left, in units of the margin.
    rounds: how often margins were computed, of all examples or of those nearest to violating optimality.
    """

    weights: NDArray[np.float64]
    bias: float
    duals: NDArray[np.float64]
    margins: NDArray[np.float64]
    violation: float
    rounds: int


def solve(
    rows: NDArray[np.float32],
    slots: NDArray[np.int64],
    signs: NDArray[np.float64],
    costs: NDArray[np.float64],
    *,
    scale: float,
    intercept_scaling: float = 10.0,
    loss: str = "hinge",
    start: tuple[NDArray[np.float64], float] | None = None,
    tolerance: float = 1e-6,
    max_rounds: int = 1000,
) -> Solution:
    """Train on the n examples `rows[slots]`, of (P, D) float32 embeddings, with `signs` +1 or -1.

    costs: (n,) float64, the loss weight c_i of each example; an example that counts m times has m times the cost.
    scale: s, what an embedding is multiplied with.
    loss: "hinge" or "squared_hinge".
    start: weights (D,) and bias of a similar problem, as a `Solution` has them.
    """
    if loss not in ("hinge", "squared_hinge"):
        raise ValueError(f"loss: expected 'hinge' or 'squared_hinge', got {loss!r}")
    hinge, square, constant = loss == "hinge", scale * scale, intercept_scaling**2
    ridge = np.zeros(len(slots)) if hinge else 1 / (2 * costs)
    bounds = costs if hinge else np.full(len(slots), np.inf)
    lowest, highest = np.where(signs > 0, 0.0, -bounds), np.where(signs > 0, bounds, 0.0)
    chosen = np.zeros(0, np.int64)
    duals, weights, margins = np.zeros(len(slots)), np.zeros(rows.shape[1]), np.zeros(len(slots))
    if start is not None:
        _multiply(rows, slots, start[0], margins)
        margins += start[1]
        duals = _start(margins, signs, costs, hinge, start[1] / constant)
        _add_rows(rows, slots, square * duals, weights)
    everything = np.arange(len(slots))
    active, goal, smallest = everything, tolerance, _smallest_set(loss, len(slots))
    patience = _PATIENCE[len(slots) > _SHRINK_FROM]
    for rounds in range(1, max_rounds + 1):
        # 1. the margins of the active examples
        bias = constant * float(duals.sum())
        if len(active) == len(slots):
            _multiply(rows, slots, weights, margins)
            margins += bias
        else:
            part = np.empty(len(active))
            _multiply(rows, slots[active], weights, part)
            margins[active] = part + bias
        of = duals[active]
        errors = margins[active] - signs[active] + ridge[active] * of  # the gradient
        rise, fall = np.where(of < highest[active], -errors, -np.inf), np.where(of > lowest[active], errors, -np.inf)
        violation = max(0.0, float(rise.max()), float(fall.max()))
        if violation <= goal:
            if len(active) == len(slots):
                break
            active, goal = everything, tolerance
            continue
        # 2. the working set
        half = min(smallest * 2 ** min((rounds - 1) // patience, 16), _LARGEST_SET) // 2
        last = chosen
        places = np.union1d(_largest(rise, half, -violation), _largest(fall, half, -violation))
        chosen, errors = active[places], errors[places]
        nr_near = max(len(slots) // _SHRINK_TO, 4 * half)
        if len(active) == len(slots) > max(_SHRINK_FROM, nr_near):
            active = np.sort(np.argpartition(-np.maximum(rise, fall), nr_near)[:nr_near])
            goal = max(tolerance, 0.1 * violation)
        # 3. its optimum
        moved = duals[chosen]
        if not np.array_equal(chosen, last):
            kernel = _kernel(rows[slots[chosen]], square, constant)
            kernel.flat[:: len(chosen) + 1] += ridge[chosen]
        _solve_pairs(
            kernel, lowest[chosen], highest[chosen], moved, errors, max(0.5 * tolerance, 0.01 * violation),
            _MAX_STEPS,
        )  # fmt: skip
        _add_rows(rows, slots[chosen], square * (moved - duals[chosen]), weights)
        duals[chosen] = moved
    else:
        bias = constant * float(duals.sum())
        _multiply(rows, slots, weights, margins)
        margins += bias
        errors = margins - signs + ridge * duals  # of all, after the last step
        violation = max(0.0, *(-errors[duals < highest]).tolist(), *errors[duals > lowest].tolist())
        if violation > tolerance:
            _log.warning("SVM: stopped with margins up to %.1e from the optimum", violation)
    return Solution(weights, bias, duals, margins, violation, rounds)


def _smallest_set(loss: str, n: int) -> int:
    """Return how many of n variables the first working sets have."""
    larger = math.isqrt(_SET_GROWTH * n) if n > _SHRINK_FROM else 0
    return max(_SMALLEST_SET[loss], min(larger, _LARGEST_SET))


def _start(
    margins: NDArray[np.float64], signs: NDArray[np.float64], costs: NDArray[np.float64], hinge: bool, total: float
) -> NDArray[np.float64]:
    """Return duals, (n,), as margins like these have them at an optimum: with the hinge, the cost on the wrong side.

    The bias is moved (by bisection) until they add up to `total`: the costs have changed since the margins were those
    of an optimum, and what is too much on one side moves the margins of all.
    """
    reach = float(np.abs(margins).max()) + 2  # beyond it all of one sign are on the wrong side, and none of the other
    low, high = -reach, reach
    for _ in range(40):
        shift = 0.5 * (low + high)
        slack = 1 - signs * (margins + shift)
        duals = signs * costs * ((slack > 0) if hinge else 2 * np.maximum(0, slack))
        low, high = (shift, high) if duals.sum() > total else (low, shift)
    return duals


def _largest(values: NDArray[np.float64], count: int, above: float) -> NDArray[np.int64]:
    """Return the indices of the `count` largest values, and none that is not `above`; of equal ones, the first."""
    order = np.argsort(-values, kind="stable")[:count]
    return order[values[order] > above]


def _kernel(rows: NDArray[np.float32], square: float, constant: float) -> NDArray[np.float64]:
    """Return K of these embeddings, (q, q) float64.

    Embeddings point in similar directions: without their mean, float32 inner products keep some two more digits.
    """
    mean = rows.mean(axis=0, dtype=np.float32)
    rows -= mean
    moments = rows @ mean
    kernel = (rows @ rows.T).astype(np.float64)
    kernel += moments
    kernel += moments[:, None]
    kernel += mean @ mean
    kernel *= square
    kernel += constant
    return kernel


@compiled(what="the SVM solver", seconds=9, fastmath=True)
def _multiply(rows, slots, weights, result):
    """Write the product of `rows[slots]` and `weights` to `result`, (n,) float64; four rows share a look at weights."""
    n = len(slots)
    for k in range(0, n - 3, 4):
        row_0, row_1, row_2, row_3 = rows[slots[k]], rows[slots[k + 1]], rows[slots[k + 2]], rows[slots[k + 3]]
        value_0, value_1, value_2, value_3 = 0.0, 0.0, 0.0, 0.0
        for p in range(len(weights)):
            weight = weights[p]
            value_0 += row_0[p] * weight
            value_1 += row_1[p] * weight
            value_2 += row_2[p] * weight
            value_3 += row_3[p] * weight
        result[k], result[k + 1], result[k + 2], result[k + 3] = value_0, value_1, value_2, value_3
    for k in range(n // 4 * 4, n):
        row, value = rows[slots[k]], 0.0
        for p in range(len(weights)):
            value += row[p] * weights[p]
        result[k] = value


@compiled(what="the SVM solver", seconds=9)
def _add_rows(rows, slots, factors, weights):
    """Add factor times row to `weights`, (D,) float64, in place, for all `slots`."""
    for k in range(len(slots)):
        factor = factors[k]
        if factor != 0.0:
            row = rows[slots[k]]
            for p in range(len(weights)):
                weights[p] += factor * row[p]


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
def _solve_pairs(kernel, lowest, highest, duals, errors, tolerance, max_steps):
    """Steps a to c of the module's text; `duals` and `errors` (the gradient) in place."""
    n = len(duals)
    for _ in range(max_steps):
        # a. the pair: i violates optimality most
        riser, faller = -1, -1
        smallest, largest = np.inf, -np.inf
        for k in range(n):
            if duals[k] < highest[k] and errors[k] < smallest:
                smallest, riser = errors[k], k
            if duals[k] > lowest[k] and errors[k] > largest:
                largest, faller = errors[k], k
        if max(-smallest, largest) <= tolerance:
            break
        rises = -smallest >= largest
        i = riser if rises else faller
        row_i = kernel[i]
        j, most = -1, 0.0
        for k in range(n):
            difference = errors[k] - errors[i] if rises else errors[i] - errors[k]
            if difference > 0.0 and (duals[k] > lowest[k] if rises else duals[k] < highest[k]):
                gain = difference * difference / max(row_i[i] + kernel[k, k] - 2 * row_i[k], 1e-9)
                if gain > most:
                    j, most = k, gain
        # b. the optimum of the two
        if j < 0:
            j, step_j = i, 0.0
            step_i = min(max(-errors[i] / row_i[i], lowest[i] - duals[i]), highest[i] - duals[i])
        else:
            step_i, step_j = _best_pair(
                row_i[i], kernel[j, j], row_i[j], errors[i], errors[j], lowest[i] - duals[i], highest[i] - duals[i],
                lowest[j] - duals[j], highest[j] - duals[j],
            )  # fmt: skip
        # c. the margins
        row_j = kernel[j]
        for k in range(n):
            errors[k] += step_i * row_i[k] + step_j * row_j[k]
        duals[i] = _at_bound(duals[i] + step_i, lowest[i], highest[i])
        duals[j] = _at_bound(duals[j] + step_j, lowest[j], highest[j])


@inline_kernel
def _at_bound(value, low, high):
    """Return `value`, or the bound that it equals but for rounding."""
    nearly = 1e-14 * (high - low) if np.isfinite(high - low) else 0.0
    return high if value >= high - nearly else low if value <= low + nearly else value
