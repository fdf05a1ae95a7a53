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
    if array.dtype != np.float16:
        return array.astype(np.float32, copy=False)
    halves = np.ascontiguousarray(array).reshape(-1).view(np.int16)
    result, odd = np.empty(len(halves), np.float32), False
    result_bits, twice = result.view(np.int32), np.empty(min(len(halves), _BLOCK), np.uint16)
    for begin in range(0, len(halves), _BLOCK):  # a block stays in the processor's nearer caches
        block, bits, numbers = (each[begin : begin + _BLOCK] for each in (halves, result_bits, result))
        np.left_shift(block, np.int32(13), out=bits)  # the sign fills the four highest bits,
        np.bitwise_and(bits, _SIGN_AND_NUMBER, out=bits)  # of which three go
        np.multiply(numbers, _OFFSET, out=numbers)
        doubled = np.left_shift(block.view(np.uint16), np.uint16(1), out=twice[: len(block)])
        odd = odd or doubled.max() >= 0xF800  # infinite, or none: those come out wrong
    return array.astype(np.float32) if odd else result.reshape(array.shape)


def stored(rows: NDArray[np.float32], kind: str) -> NDArray[np.floating]:
    """Return `rows` as they are stored in files of `kind`, "float16" or "float32"."""
    return narrowed(rows) if kind == "float16" else rows


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
