"""Weight files: one npz that numpy can open, whose arrays are mapped into memory instead of read.

The arrays lie uncompressed in the file (`helpers.npz`): opening a network of 230 MB takes a millisecond.
`WeightFile` also reads what `numpy.savez_compressed` wrote. Nothing is ever unpickled.
"""

import json
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from helpers.errors import UserError
from helpers.npz import data_offset, write_npz

HEADER_KEY = "header"
_LONGEST_DESCRIPTOR = 24  # bytes that some programs write behind a member


def write_weight_file(path: Path, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write `header` (JSON) and `arrays`, in their order, to the npz `path`: at once or not at all."""
    write_npz(path, {HEADER_KEY: np.array(json.dumps(header, ensure_ascii=False)), **arrays})


@dataclass(frozen=True)
class _Member:
    """One array of the file."""

    info: zipfile.ZipInfo
    shape: tuple[int, ...]
    dtype: np.dtype
    fortran_order: bool
    start: int  # bytes of the npy file before the array's own


class WeightFile(Mapping[str, np.ndarray]):
    """The arrays of an npz by name, as float32 (float16 is converted), and its JSON header.

    Only names, shapes and types are read when it opens. An array is mapped when it is asked for; the first time its
    checksum is compared. A compressed one is read instead. The map is private to who asked: writing to an array
    changes neither the file nor what others see.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._members: dict[str, _Member] = {}
        self._compared: set[str] = set()  # arrays whose checksum was right
        self.header: dict[str, Any] = {}
        if not self.path.is_file():
            found = "a folder" if self.path.is_dir() else "no such file"
            raise UserError(f"{self.path}: expected a weight file, found {found}.")
        try:
            with zipfile.ZipFile(self.path) as archive:
                for info in archive.infolist():
                    with archive.open(info) as stream:
                        self._add(info, stream)
                self._require_whole_list(archive)
                self.header = self._read_header(archive)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
            raise UserError(
                f"{self.path}: expected a weight file (npz), found one that cannot be read ({error}). "
                "It is damaged, was cut short or is something else: copy, download or make it again."
            ) from error

    def _add(self, info: zipfile.ZipInfo, stream: Any) -> None:
        """Read the npy header of one member: shape and type, not the array."""
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, fortran_order, dtype = np.lib.format.read_array_header_2_0(stream)
        key = info.filename.removesuffix(".npy")
        if dtype.hasobject:
            raise UserError(f"{self.path}: expected numbers in {key!r}, found pickled objects, which are never loaded.")
        if key != HEADER_KEY and (dtype.kind != "f" or dtype.itemsize > 4):
            raise UserError(f"{self.path}: expected float32 or float16 in {key!r}, found {dtype}.")
        start = stream.tell()
        if info.file_size != start + math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{key!r} holds {info.file_size - start} bytes, its shape {shape} needs others")
        self._members[key] = _Member(info, shape, dtype, fortran_order, start)

    def _require_whole_list(self, archive: zipfile.ZipFile) -> None:
        """Raise ValueError where the archive holds more than it lists: damage can hide an entry in another one."""
        last = max(archive.infolist(), key=lambda info: info.header_offset, default=None)
        end = data_offset(self.path, last) + last.compress_size if last else 0
        if archive.start_dir - end > _LONGEST_DESCRIPTOR:
            raise ValueError(f"{archive.start_dir - end} bytes of it belong to no array")

    def _read_header(self, archive: zipfile.ZipFile) -> dict[str, Any]:
        member = self._members.pop(HEADER_KEY, None)
        if member is None:
            raise UserError(
                f"{self.path}: expected a member {HEADER_KEY!r} that describes the network, found only "
                f"{sorted(self._members)[:8]}. Another program's npz? resources/import_network.py makes weight files."
            )
        with archive.open(member.info) as stream:
            text = np.lib.format.read_array(stream, allow_pickle=False)
        header = json.loads(str(text))
        if not isinstance(header, dict):
            raise ValueError(f"its header is JSON, but {type(header).__name__} instead of an object")
        return header

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every array, without reading one."""
        return {key: member.shape for key, member in self._members.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, key: str) -> np.ndarray:
        member = self._members[key]
        try:
            stored = self._map(member) if member.info.compress_type == zipfile.ZIP_STORED else self._read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
            raise UserError(
                f"{self.path}: array {key!r} is damaged ({error}): delete it, and copy, download or make it again."
            ) from error
        return np.require(stored, np.float32, ["C", "A", "W"])

    def _read(self, member: _Member) -> np.ndarray:
        with zipfile.ZipFile(self.path) as archive, archive.open(member.info) as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)

    def _map(self, member: _Member) -> np.ndarray:
        """Map a stored member."""
        offset = data_offset(self.path, member.info)
        whole = np.memmap(self.path, np.uint8, "c", offset, (member.info.file_size,))
        if member.info.filename not in self._compared:
            if zlib.crc32(whole.data) != member.info.CRC:
                raise zipfile.BadZipFile("its checksum differs")
            self._compared.add(member.info.filename)
        flat = np.asarray(whole)[member.start :].view(member.dtype)
        return flat.reshape(member.shape, order="F" if member.fortran_order else "C")
