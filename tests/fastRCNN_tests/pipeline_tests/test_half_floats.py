"""float16 and back: bit for bit what NumPy gives."""

import numpy as np
import pytest

from fastRCNN.pipeline import half_floats
from fastRCNN.pipeline.half_floats import LARGEST, choose_type, narrowed, stored, widened, widened_if_finite


@pytest.fixture(params=["compiled", "numpy"])
def kernels(request, monkeypatch):
    """Compiled code, and what stands in for it."""
    if request.param == "numpy":
        monkeypatch.setattr(half_floats, "_narrow", half_floats._narrow_numpy)
        monkeypatch.setattr(half_floats, "_widen", half_floats._widen_numpy)
    else:
        import numba  # noqa: F401 - from now on nothing stands in


def test_every_float16_is_widened(kernels):
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    assert widened(finite).tobytes() == finite.astype(np.float32).tobytes()
    np.testing.assert_array_equal(widened(every.reshape(256, 256)), every.astype(np.float32).reshape(256, 256))
    assert widened(finite[:0]).shape == (0,)
    long = np.tile(finite, 3)  # several blocks, the last one not full
    assert widened(long).tobytes() == long.astype(np.float32).tobytes()
    for odd in (np.inf, -np.inf, np.nan):
        long[7] = odd
        np.testing.assert_array_equal(widened(long), long.astype(np.float32))


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_only_finite_numbers_are_widened(kernels, kind):
    rows = np.linspace(-1000, 1000, 200_000).astype(kind).reshape(100, 2000)
    found = widened_if_finite(rows)
    assert found is not None and found.dtype == np.float32
    np.testing.assert_array_equal(found, rows)
    for place in ((0, 0), (50, 3), (99, 1999)):
        for odd in (np.inf, -np.inf, np.nan, -np.nan):
            broken = rows.copy()
            broken[place] = odd
            assert widened_if_finite(broken) is None


def test_large_numbers_are_finite():
    rows = np.full((2, 3), 1e30, np.float32)  # their squares are not
    assert widened_if_finite(rows) is rows


def test_float32_is_narrowed_to_the_nearest(kernels):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 200_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    some = bits[np.isfinite(bits) & (np.abs(bits) <= LARGEST)]
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    ties = (halves[1:] + halves[:-1]) / 2  # exactly between two
    small = rng.normal(0, 3e-5, 50_000).astype(np.float32)
    for numbers in (some, halves, -halves, ties, -ties, small):
        expected = numbers.astype(np.float16)
        assert np.isfinite(expected).all()
        assert narrowed(numbers).tobytes() == expected.tobytes()


def test_shapes_and_slices():
    rows = np.arange(24, dtype=np.float32).reshape(4, 6)
    for part in (rows, rows[:2], rows[:, 1:3], rows[:0], rows.T):
        there = narrowed(part)
        assert there.dtype == np.float16 and there.shape == part.shape
        np.testing.assert_array_equal(widened(there), part)
    assert widened(rows) is rows


@pytest.mark.parametrize("large", [65520.0, -70000.0, np.inf, np.nan])
def test_what_is_too_large_stays_float32(large):
    rows = np.array([[1, 2], [3, large]], np.float32)
    assert narrowed(rows) is rows
    assert narrowed(np.array([[LARGEST, -LARGEST]], np.float32)).dtype == np.float16


def test_bfloat16_loses_nothing():
    """8 significant bits from 2^-17 to 65504."""
    bits = np.random.default_rng(1).integers(0, 1 << 15, 100_000).astype(np.uint32) << 16
    numbers = bits.view(np.float32)
    numbers = numbers[(numbers >= 2.0**-17) & (numbers <= LARGEST)]
    assert len(numbers) > 10_000
    np.testing.assert_array_equal(widened(narrowed(numbers)), numbers)


def test_which_type():
    assert [choose_type("auto", may_round=may) for may in (True, False)] == ["float16", "float32"]
    assert choose_type("auto") == "float16"
    assert [choose_type(kind, may_round=False) for kind in ("float16", "float32")] == ["float16", "float32"]
    with pytest.raises(ValueError, match="expected 'auto', 'float16' or 'float32', got 'half'"):
        choose_type("half")
    rows = np.ones((2, 2), np.float32)
    assert stored(rows, "float32") is rows and stored(rows, "float16").dtype == np.float16
