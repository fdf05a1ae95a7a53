"""The solver: liblinear (scikit-learn, run to a tight tolerance) is the oracle; optimality is also checked as such."""

import logging

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.svm import LinearSVC

from fastRCNN.svm import linear_svm
from fastRCNN.svm.linear_svm import solve

SCALE = 0.4


def make_problem(seed: int, n: int = 120, features: int = 30, positives: int = 15):
    """Return (n, features) float32 embeddings of similar direction that overlap, signs, and balanced weights."""
    rng = np.random.default_rng(seed)
    rows = (np.abs(rng.normal(3, 1, features)) + rng.normal(0, 1, (n, features))).astype(np.float32)
    signs = np.where(np.arange(n) < positives, 1.0, -1.0)
    rows[:positives] += 0.5
    weights = np.where(signs > 0, n / (2 * positives), n / (2 * (n - positives)))
    return rows, signs, weights


def solve_all(rows, signs, costs, **options):
    return solve(rows, np.arange(len(rows)), signs, costs, **{"scale": SCALE, **options})


def check_optimality(rows, signs, costs, solution, loss, atol=2e-6):
    """The conditions of Karush, Kuhn and Tucker, in float64, from the rows and the duals alone."""
    z = solution.duals
    margins = (SCALE**2 * rows.astype(np.float64) @ rows.astype(np.float64).T + 100) @ z
    np.testing.assert_allclose(solution.margins, margins, atol=atol)
    np.testing.assert_allclose(solution.weights, SCALE**2 * z @ rows, atol=1e-9)
    np.testing.assert_allclose(solution.bias, 100 * z.sum(), atol=1e-9)
    slack = 1 - signs * margins - (0 if loss == "hinge" else np.abs(z) / (2 * costs))
    assert (signs * z >= 0).all()
    assert (slack[z == 0] <= atol).all()
    if loss == "hinge":
        assert (np.abs(z) <= costs * (1 + 1e-12)).all()
        at_cost = np.abs(z) >= costs * (1 - 1e-12)
        assert (slack[at_cost] >= -atol).all()
        assert np.abs(slack[(z != 0) & ~at_cost]).max(initial=0) <= atol
    else:
        assert np.abs(slack[z != 0]).max(initial=0) <= atol


@pytest.fixture(params=[None, 8])
def set_size(request, monkeypatch):
    """Working sets that hold the whole problem, and small ones, so that it is decomposed."""
    if request.param:
        monkeypatch.setattr(linear_svm, "_SMALLEST_SET", dict.fromkeys(linear_svm._SMALLEST_SET, request.param))
    return request.param


@pytest.mark.parametrize("C", [1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("seed", [0, 1])
def test_same_weights_as_liblinear(seed, loss, C, set_size):
    rows, signs, weights = make_problem(seed)
    oracle = LinearSVC(C=C, loss=loss, class_weight="balanced", intercept_scaling=10, tol=1e-9, max_iter=10**7,
                       random_state=3, dual=True).fit(rows.astype(np.float64) * SCALE, signs)  # fmt: skip
    solution = solve_all(rows, signs, C * weights, loss=loss)
    np.testing.assert_allclose(solution.weights / SCALE, oracle.coef_[0], atol=2e-5 * np.linalg.norm(oracle.coef_))
    np.testing.assert_allclose(solution.bias, oracle.intercept_[0], atol=2e-5)
    assert solution.violation <= 1e-6
    assert (solution.rounds > 5) == (set_size is not None)
    check_optimality(rows, signs, C * weights, solution, loss)


def test_same_objective_as_a_quadratic_program():
    """scipy's bounded minimiser on the dual as it stands in the module's text."""
    rows, signs, weights = make_problem(7, n=40, positives=8)
    costs = 0.01 * weights
    kernel = SCALE**2 * rows.astype(np.float64) @ rows.astype(np.float64).T + 100
    program = minimize(
        lambda z: (0.5 * z @ kernel @ z - signs @ z, kernel @ z - signs), np.zeros(40), jac=True, method="L-BFGS-B",
        bounds=[(0, c) if y > 0 else (-c, 0) for y, c in zip(signs, costs, strict=True)],
        options={"maxiter": 100_000, "maxfun": 100_000, "ftol": 0, "gtol": 1e-9},
    )  # fmt: skip
    z = solve_all(rows, signs, costs).duals
    assert 0.5 * z @ kernel @ z - signs @ z == pytest.approx(program.fun, rel=1e-6)
    np.testing.assert_allclose(kernel @ z, kernel @ program.x, atol=1e-3)


def test_many_examples_of_which_few_are_used(set_size):
    """Slots in any order, of a pool that holds others too; more examples than the smallest working set."""
    rows, signs, weights = make_problem(2, n=1500, positives=90)
    costs = 0.003 * weights
    pool = np.full((4000, 30), np.nan, np.float32)
    slots = np.random.default_rng(0).permutation(4000)[:1500]
    pool[slots] = rows
    solution = solve(pool, slots, signs, costs, scale=SCALE)
    assert solution.rounds > 2
    check_optimality(rows, signs, costs, solution, "hinge")


def test_by_hand():
    """Two examples x = +1 and -1, B = 1: K = [[2, 0], [0, 2]], so z = +-1/2, w = 1, b = 0, or z = +-c when c < 1/2."""
    rows = np.array([[1.0], [-1.0]], np.float32)
    for cost, expected in ((10.0, 0.5), (0.1, 0.1)):
        solution = solve_all(rows, np.array([1.0, -1.0]), np.full(2, cost), scale=1.0, intercept_scaling=1.0)
        np.testing.assert_allclose(solution.duals, [expected, -expected], atol=1e-7)
        np.testing.assert_allclose(solution.margins, [2 * expected, -2 * expected], atol=1e-6)
        np.testing.assert_allclose([*solution.weights, solution.bias], [2 * expected, 0], atol=1e-6)


def test_a_row_that_counts_twice_has_twice_the_cost():
    rows, signs, weights = make_problem(3)
    doubled = solve_all(
        np.vstack([rows, rows[-40:]]), np.append(signs, signs[-40:]), 0.01 * np.append(weights, weights[-40:])
    )
    costs = 0.01 * weights * np.where(np.arange(120) >= 80, 2, 1)
    counted = solve_all(rows, signs, costs)
    np.testing.assert_allclose(counted.margins, doubled.margins[:120], atol=1e-5)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_start_changes_nothing_but_the_time(loss, set_size):
    rows, signs, weights = make_problem(4)
    costs = 0.01 * weights
    cold = solve_all(rows, signs, costs, loss=loss)
    rng = np.random.default_rng(0)
    for start in ((rng.normal(size=30), 3.0), (np.zeros(30), -50.0), (cold.weights, cold.bias)):
        warm = solve_all(rows, signs, costs, loss=loss, start=start)
        np.testing.assert_allclose(warm.margins, cold.margins, atol=1e-5)
        check_optimality(rows, signs, costs, warm, loss)


def test_a_good_start_saves_most_of_the_work(monkeypatch):
    """Small working sets, so that the optimum of many examples is far from nothing and near to itself."""
    monkeypatch.setattr(linear_svm, "_SMALLEST_SET", {"hinge": 8})
    rows, signs, weights = make_problem(2, n=1500, positives=90)
    cold = solve_all(rows, signs, 0.003 * weights)
    warm = solve_all(rows, signs, 0.003 * weights, start=(cold.weights, cold.bias))
    assert 3 * warm.rounds < cold.rounds


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_looking_at_a_part_of_the_examples_ends_at_the_optimum_of_all(monkeypatch, loss):
    monkeypatch.setattr(linear_svm, "_SMALLEST_SET", dict.fromkeys(linear_svm._SMALLEST_SET, 8))
    monkeypatch.setattr(linear_svm, "_SET_GROWTH", 0)
    rows, signs, weights = make_problem(2, n=1500, positives=90)
    costs = 0.003 * weights
    looks = []
    multiply = linear_svm._multiply
    monkeypatch.setattr(linear_svm, "_multiply", lambda *a: (looks.append(len(a[1])), multiply(*a)))
    whole = solve_all(rows, signs, costs, loss=loss)
    assert set(looks) == {1500}
    monkeypatch.setattr(linear_svm, "_SHRINK_FROM", 100)
    looks.clear()
    part = solve_all(rows, signs, costs, loss=loss)
    assert looks[-1] == 1500 and min(looks) < 400
    assert part.violation <= 1e-6
    check_optimality(rows, signs, costs, part, loss)
    np.testing.assert_allclose(part.margins, whole.margins, atol=1e-5)


def test_margins_are_those_of_all_examples_also_when_rounds_run_out(monkeypatch):
    monkeypatch.setattr(linear_svm, "_SMALLEST_SET", {"hinge": 8})
    monkeypatch.setattr(linear_svm, "_SET_GROWTH", 0)
    monkeypatch.setattr(linear_svm, "_SHRINK_FROM", 100)
    rows, signs, weights = make_problem(2, n=1500, positives=90)
    for rounds in range(3, 8):
        solution = solve_all(rows, signs, 0.003 * weights, max_rounds=rounds)
        np.testing.assert_allclose(solution.margins, rows @ solution.weights + solution.bias, atol=1e-9)
        errors, size = solution.margins - signs, np.abs(solution.duals)
        may_grow, may_shrink = size < 0.003 * weights, size > 0
        rise = np.where(np.where(signs > 0, may_grow, may_shrink), -errors, 0)
        fall = np.where(np.where(signs > 0, may_shrink, may_grow), errors, 0)
        assert solution.violation == pytest.approx(max(rise.max(), fall.max())), "of what is returned, and of all"


def test_working_sets_grow_with_the_examples():
    assert [linear_svm._smallest_set("hinge", n) for n in (100, 4096, 5000, 20_000, 10**7)] == [
        256,
        256,
        316,
        632,
        4096,
    ]
    assert [linear_svm._smallest_set("squared_hinge", n) for n in (100, 20_000, 10**6)] == [2048, 2048, 4096]


def test_the_start_puts_what_is_on_the_wrong_side_at_its_cost():
    """Margins 2 and 0 of positives, -2, 0.5 and 3 of negatives: wrong are 0, 0.5 and 3; the bias balances them."""
    margins, signs = np.array([2.0, 0, -2, 0.5, 3]), np.array([1.0, 1, -1, -1, -1])
    assert linear_svm._start(margins, signs, np.array([1.0, 2, 1, 1, 1]), True, 0.0).tolist() == [0, 2, 0, -1, -1]
    # costs 9 and 2 against 10 and 1: a bias lower by 1 makes the 2 wrong as well (sum 0), by 1.5 the 0.5 right (sum 10)
    duals = linear_svm._start(margins, signs, np.array([9.0, 2, 1, 10, 1]), True, 9.0)
    assert duals.tolist() in ([9, 2, 0, -10, -1], [9, 2, 0, 0, -1])
    # squared: 2 (1 + t) of a negative at t = margin, 2 (1 - t) of a positive; equal at t = 0
    duals = linear_svm._start(np.array([0.4, 0.4]), np.array([1.0, -1.0]), np.ones(2), False, 0.0)
    np.testing.assert_allclose(duals, [2, -2], atol=1e-9)


def test_working_sets_are_doubled_until_one_holds_everything(monkeypatch):
    """With 2 variables at a time it would take thousands of rounds."""
    monkeypatch.setattr(linear_svm, "_SMALLEST_SET", {"hinge": 2})
    rows, signs, weights = make_problem(5)
    solution = solve_all(rows, signs, weights)
    assert solution.violation <= 1e-6 and solution.rounds <= 7 * 16 + 3
    monkeypatch.setattr(linear_svm, "_LARGEST_SET", 2)
    assert solve_all(rows, signs, weights, max_rounds=7 * 16 + 3).violation > 1e-6


def test_arguments_stay_as_they_are():
    rows, signs, weights = make_problem(5)
    slots, costs, start = np.arange(120), 0.01 * weights, np.ones(30)
    before = [array.copy() for array in (rows, slots, signs, costs, start)]
    solve(rows, slots, signs, costs, scale=SCALE, start=(start, 1.0))
    for array, old in zip((rows, slots, signs, costs, start), before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_equal_rows_with_opposite_signs():
    """K is singular: nothing tells the examples apart, so every margin is the same number."""
    solution = solve_all(np.ones((6, 4), np.float32), np.array([1.0, -1, 1, -1, 1, -1]), np.ones(6), scale=1.0)
    assert solution.violation <= 1e-6
    np.testing.assert_allclose(solution.margins, np.full(6, solution.margins[0]), atol=1e-12)


def test_running_out_of_rounds_is_said(caplog, monkeypatch):
    rows, signs, weights = make_problem(6)
    monkeypatch.setattr(linear_svm, "_SMALLEST_SET", {"hinge": 4})
    with caplog.at_level(logging.WARNING, "fastRCNN.svm.linear_svm"):
        solution = solve_all(rows, signs, weights, max_rounds=3)
    assert "SVM: stopped with margins up to" in caplog.text
    assert solution.violation > 1e-6


def test_unknown_loss():
    with pytest.raises(ValueError, match="expected 'hinge' or 'squared_hinge', got 'l1'"):
        solve_all(np.ones((2, 2), np.float32), np.ones(2), np.ones(2), loss="l1")
