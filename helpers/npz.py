"""npz files that can be mapped into memory, and give the same bytes for the same content.

An npz is a zip of npy files. Stored without compression, an array's bytes lie in one piece in the file, so the
operating system can map them: a network of 230 MB opens in a millisecond, several processes share one copy, and an
array that is never used is never read.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpers.artifacts import atomic_write

_ALIGNMENT = 64  # bytes; what vector instructions and numpy's own npy files use
_PADDING_ID = 0xD935  # the id of a zip extra field that holds nothing but padding, as Android's zipalign writes it
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # before each member of a zip; last two fields: lengths of name and extra
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the time stamp of every member: the same content gives the same bytes


def write_npz(path: Path, arrays: Mapping[str, NDArray]) -> None:
    """Write `arrays`, in their order, to the npz `path`, at once or not at all: uncompressed, aligned to 64 bytes."""
    with atomic_write(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for key, array in arrays.items():
            info = zipfile.ZipInfo(key + ".npy", date_time=_EARLIEST)
            info.create_system, info.external_attr = 3, 0o644 << 16  # the same on every system
            contiguous = np.ascontiguousarray(array).reshape(np.shape(array))
            npy = io.BytesIO()
            np.lib.format.write_array_header_1_0(npy, np.lib.format.header_data_from_array_1_0(contiguous))
            assert archive.fp is not None
            data = archive.fp.tell() + _LOCAL_HEADER.size + len(info.filename.encode()) + 4 + npy.tell()
            info.extra = struct.pack("<HH", _PADDING_ID, padding := -data % _ALIGNMENT) + bytes(padding)
            info.file_size = npy.tell() + contiguous.nbytes
            with archive.open(info, "w") as member:
                member.write(npy.getvalue())
                member.write(contiguous.reshape(-1).view(np.uint8).data)


def data_offset(path: Path, info: zipfile.ZipInfo) -> int:
    """Return where the bytes of the stored member `info` begin in the zip file `path`.

    They begin behind the member's local header, whose name and extra field have lengths of their own.
    """
    with path.open("rb") as file:
        file.seek(info.header_offset)
        fields = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    return info.header_offset + _LOCAL_HEADER.size + fields[-2] + fields[-1]


def is_intact(path: Path, member: str) -> bool:
    """Return whether the bytes of `member` in the npz `path` have the checksum that was written with them.

    A map of the file reads past the checksum. Comparing it takes 3 ms for 8 MB; what is compressed is compared when it
    is unpacked, so here that counts as intact.
    """
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
    if info.compress_type != zipfile.ZIP_STORED or not info.file_size:
        return True
    data = np.memmap(path, np.uint8, "r", data_offset(path, info), (info.file_size,))
    return zlib.crc32(data.data) == info.CRC
