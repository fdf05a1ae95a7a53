"""Messages between the tutorial and its CNTK worker: a JSON header and raw arrays, over a pipe.

Both sides import this file, so it keeps to what Python 3.6 knows, the standard library and numpy.

A message: b"CNTK", two little-endian uint32 (bytes of the header, 0), the header as UTF-8 JSON, then the bytes of each
array in C order. The header lists the arrays under "arrays" as [name, dtype, shape].
"""

import json
import struct

import numpy as np

_START = struct.Struct("<4sII")
_MAGIC = b"CNTK"
_DTYPES = ("float32", "float64", "uint8", "int32", "int64")


class BrokenLink(Exception):
    """The other side is gone, or what came is no message."""


def write_message(stream, header, arrays=None):
    """Write `header` (a dictionary that JSON takes) and `arrays` (name -> array) to the binary `stream`."""
    ready = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
    listed = []
    for name, array in ready.items():
        if array.dtype.name not in _DTYPES:
            raise TypeError(f"{name}: expected one of {_DTYPES}, got {array.dtype}")
        listed.append([name, array.dtype.name, list(np.shape(arrays[name]))])
    text = json.dumps(dict(header, arrays=listed)).encode("utf-8")
    try:
        stream.write(_START.pack(_MAGIC, len(text), 0) + text)
        for array in ready.values():
            stream.write(array.reshape(-1).view(np.uint8).data)
        stream.flush()
    except (OSError, ValueError) as error:  # a closed pipe, here or there
        raise BrokenLink(str(error)) from error


def read_message(stream):
    """Return the next (header, arrays) of the binary `stream`; None when the other side has closed it."""
    start = _read(stream, _START.size, at_start=True)
    if start is None:
        return None
    magic, length, _ = _START.unpack(start)
    if magic != _MAGIC:
        raise BrokenLink(f"expected a message, got {bytes(start)!r}")
    header = json.loads(_read(stream, length).decode("utf-8"))
    arrays = {}
    for name, dtype, shape in header.pop("arrays"):
        if dtype not in _DTYPES:
            raise BrokenLink(f"{name}: an array of {dtype}")
        count = 1
        for side in shape:
            count *= side
        raw = _read(stream, count * np.dtype(dtype).itemsize)
        arrays[name] = np.frombuffer(raw, dtype).reshape(shape)
    return header, arrays


def _read(stream, count, at_start=False):
    """Return exactly `count` bytes as a bytearray; None when the stream ends before the first and `at_start`."""
    buffer = bytearray(count)
    view, have = memoryview(buffer), 0
    while have < count:
        try:
            got = stream.readinto(view[have:])
        except (OSError, ValueError) as error:
            raise BrokenLink(str(error)) from error
        if not got:
            if at_start and have == 0:
                return None
            raise BrokenLink(f"the stream ended after {have} of {count} bytes")
        have += got
    return buffer
