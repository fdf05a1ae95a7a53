"""float16 and back, as NumPy does it, several times as fast; and which of both an embedding file has.

A float16 has 11 significant bits: all of a bfloat16, whose 8 bits lose none between 7.6e-6 and 65504, and more than
enough of a float32 (what it does to the average precision stands in DIFFERENCES.md). Files are half as large.
Letters in shapes: n numbers of an array of any shape.
"""

import numpy as np
from numpy.typing import NDArray

from fastRCNN.compiling import compiled

LARGEST = 65504.0  # of a float16
_BLOCK = 1 << 16  # numbers
_SIGN_AND_NUMBER = np.int32(-0x70000001)  # all bits but the three below the highest
_OFFSET = np.float32(2.0**112)  # between the exponents of both; exact, also for the smallest
_INFINITE = 0x7C00  # the bits of it; those of what is no number are larger


def choose_type(wanted: str, *, may_round: bool = True) -> str:
    """Return "float16" or "float32" for `wanted`, which may also be "auto": float16 where what is kept `may_round`."""
    if wanted not in ("auto", "float16", "float32"):
        raise ValueError(f"wanted: expected 'auto', 'float16' or 'float32', got {wanted!r}")
    return ("float16" if may_round else "float32") if wanted == "auto" else wanted


def narrowed(array: NDArray[np.float32]) -> NDArray[np.floating]:
    """Return `array` as float16, rounded to the nearest; as it is where a number is too large for that."""
    flat = np.ascontiguousarray(array, np.float32).reshape(-1)
    if len(flat) == 0 or not max(float(flat.max()), -float(flat.min())) <= LARGEST:
        return array if len(flat) else array.astype(np.float16)
    bits = np.empty(len(flat), np.uint16)
    _narrow(flat, flat.view(np.uint32), bits)
    return bits.view(np.float16).reshape(array.shape)


def widened(array: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return `array` as float32: itself where it is that, the same numbers where it is float16."""
    return _widened(array)[0]


def widened_if_finite(array: NDArray[np.floating]) -> NDArray[np.float32] | None:
    """Return what `widened` does; None where a number is infinite, or not a number."""
    result, finite = _widened(array)
    if finite is None:
        flat = result.reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):  # one fast pass; large numbers alone are looked at twice
            finite = bool(np.isfinite(np.dot(flat, flat)) or np.isfinite(result).all())
    return result if finite else None


def _widened(array: NDArray[np.floating]) -> tuple[NDArray[np.float32], bool | None]:
    """Return `array` as float32, and whether all is finite; None: nobody looked."""
    if array.dtype != np.float16:
        return array.astype(np.float32, copy=False), None
    halves = np.ascontiguousarray(array).reshape(-1).view(np.int16)
    result = np.empty(len(halves), np.float32)
    finite = _widen(halves, result.view(np.int32), result) < _INFINITE  # others come out wrong
    return (result.reshape(array.shape) if finite else array.astype(np.float32)), bool(finite)


def stored(rows: NDArray[np.float32], kind: str) -> NDArray[np.floating]:
    """Return `rows` as they are stored in files of `kind`, "float16" or "float32"."""
    return narrowed(rows) if kind == "float16" else rows


def _widen_numpy(halves: NDArray, bits: NDArray, result: NDArray) -> int:
    """Do what `_widen` does: slower, but there at once."""
    largest, twice = 0, np.empty(min(len(halves), _BLOCK), np.uint16)
    for begin in range(0, len(halves), _BLOCK):  # a block stays in the processor's nearer caches
        block, of_bits, numbers = (each[begin : begin + _BLOCK] for each in (halves, bits, result))
        np.left_shift(block, np.int32(13), out=of_bits)
        np.bitwise_and(of_bits, _SIGN_AND_NUMBER, out=of_bits)
        np.multiply(numbers, _OFFSET, out=numbers)
        doubled = np.left_shift(block.view(np.uint16), np.uint16(1), out=twice[: len(block)])
        largest = max(largest, int(doubled.max()) >> 1)
    return largest


@compiled(what="conversion from float16", seconds=1, stand_in=_widen_numpy)
def _widen(halves, bits, result):
    """Write the float16 whose bits are `halves` (n,) int16 to `result` (n,) float32, which `bits` (n,) int32 are of.

    Return the largest of the bits without their sign: from _INFINITE on, some came out wrong.
    """
    largest = 0
    for begin in range(0, len(halves), 4096):  # a block stays in the processor's nearest cache between the loops
        of_halves, of_bits, of_result = halves[begin:][:4096], bits[begin:][:4096], result[begin:][:4096]
        for k in range(len(of_halves)):  # the sign fills the four highest bits, of which three go
            of_bits[k] = (np.int32(of_halves[k]) << np.int32(13)) & _SIGN_AND_NUMBER
        for k in range(len(of_halves)):
            of_result[k] *= _OFFSET
        for k in range(len(of_halves)):
            largest = max(largest, np.int32(of_halves[k]) & 0x7FFF)
    return largest


def _narrow_numpy(numbers: NDArray, bits: NDArray, result: NDArray) -> None:
    """Do what `_narrow` does: slower, but there at once."""
    result[:] = numbers.astype(np.float16).view(np.uint16)


@compiled(what="conversion to float16", seconds=2, stand_in=_narrow_numpy)
def _narrow(numbers, bits, result):
    """Write the float16 of `numbers` (n,), given also as their bits, to `result` (n,) uint16; none is above LARGEST."""
    shifted = np.empty(4096, np.float32)  # a block stays in the processor's nearest cache between the loops
    shifted_bits = shifted.view(np.uint32)
    for begin in range(0, len(bits), 4096):
        count = min(4096, len(bits) - begin)
        of_numbers, of_bits, of_result = numbers[begin:][:count], bits[begin:][:count], result[begin:][:count]
        of_shifted, of_shifted_bits = shifted[:count], shifted_bits[:count]
        for k in range(count):  # to a multiple of 2^-24, the last bit of what lies between 1/2 and 1
            of_shifted[k] = abs(of_numbers[k]) + np.float32(0.5)
        for k in range(count):  # from 2^-14 on: 13 bits fewer, half to even, another offset of the exponent
            size = of_bits[k] & 0x7FFFFFFF
            normal = ((size + 0xFFF + ((size >> 13) & 1)) >> 13) - (112 << 10)
            small = of_shifted_bits[k] - 0x3F000000
            of_result[k] = ((of_bits[k] >> 16) & 0x8000) | (normal if size >= 0x38800000 else small)
