"""Step 3's output files, one npz per picture: written with aligned, uncompressed numbers, read by memory map.

Such a file is what `np.savez` makes (a zip archive with one member, `arr_0.npy`), and `np.load` opens it. The numbers
are float32, or float16 for half the disk, and come back as float32. They start at a multiple of 64 bytes, so that a
matrix product can run on a mapped float32 file without copying it. Files that `np.savez_compressed` made, the published
format, are read as well, at the price of unpacking them on every read.
Letters in shapes: R rows in the file (with --compat tutorial filler included), n real ROIs, D features.
"""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.pipeline.half_floats import widened, widened_if_finite
from helpers.errors import UserError
from helpers.npz import data_offset, is_intact, write_npz

_MEMBER = "arr_0.npy"
_ADVICE = "Delete it, then run 3_runCntk.py again: it writes what is missing."
_ANEW = "Run 3_runCntk.py --restart: it writes all these files anew."


def write_embeddings(path: str | Path, array: ArrayLike) -> None:
    """Write an (R, D) array to the npz file `path`, float16 as it is, all else as float32.

    The file is old or new, never half; same numbers, same bytes.
    """
    array = np.asarray(array)
    if array.dtype != np.float16:
        array = array.astype(np.float32, copy=False)
    if array.ndim != 2:
        raise ValueError(f"array: expected shape (R, D), got {array.shape}")
    write_npz(Path(path), {"arr_0": array})


def read_embeddings(path: str | Path) -> NDArray[np.float32]:
    """Return all rows of one npz file, (R, D) float32, filler included; a read-only memory map when possible.

    Raises `UserError` that names the file when it is missing, damaged, or holds something else.
    """
    return widened(_open_embeddings(Path(path)))


def _open_embeddings(path: Path) -> NDArray[np.floating]:
    """Return what `read_embeddings` does, in the numbers of the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            if _MEMBER not in archive.namelist():
                found = ", ".join(archive.namelist()) or "nothing"
                raise UserError(f"{path}: expected an array named arr_0, found {found}. {_ADVICE}")
            entry = archive.getinfo(_MEMBER)
            with archive.open(entry) as member:
                array = _map_member(path, entry, member) if entry.compress_type == zipfile.ZIP_STORED else None
            if array is None:
                with archive.open(entry) as member:
                    array = np.lib.format.read_array(member, allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"{path}: not found. This picture has no embeddings yet: run 3_runCntk.py first.") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, EOFError, OSError, RuntimeError) as error:
        raise UserError(f"{path}: not a readable npz file ({error}). {_ADVICE}") from None
    if array.ndim != 2 or array.dtype.kind != "f":
        raise UserError(
            f"{path}: expected an array of numbers (ROIs, features), found {array.dtype} {array.shape}. {_ADVICE}"
        )
    return array


def can_be_read(path: str | Path) -> bool:
    """Return whether `path` is there and holds rows; what is damaged, by a power cut say, can be written again."""
    try:
        _open_embeddings(Path(path))
    except UserError:
        return False
    return True


def _map_member(path: Path, entry: zipfile.ZipInfo, member: IO[bytes]) -> NDArray | None:
    """Return a memory map of an uncompressed member, or None when it is not aligned or not in C order."""
    version = np.lib.format.read_magic(member)
    if version != (1, 0):
        return None
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(member)
    offset = data_offset(path, entry) + member.tell()
    if fortran_order or dtype.hasobject or offset % max(dtype.itemsize, 1) or 0 in shape:
        return None
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape)


class EmbeddingFiles(Sequence[NDArray[np.float32]]):
    """The real embeddings of each picture, read when asked for: a sequence of (n_i, D) float32 arrays.

    paths: npz files in the order of the pictures.
    nr_rows: n_i, the number of real ROIs of each picture; the file may hold more rows, which are filler.

    Nothing is kept in memory: an item lives as long as the caller holds it. Treat items as read-only: they may be
    memory maps. Raises `UserError` that names the file when a row is missing, the files differ in D, a number is not
    finite, or the checksum of the numbers, compared once, is another.
    """

    def __init__(self, paths: Sequence[str | Path], nr_rows: Sequence[int]) -> None:
        if len(paths) != len(nr_rows):
            raise ValueError(f"expected one number of rows per file, got {len(paths)} files and {len(nr_rows)} numbers")
        self.paths = [Path(path) for path in paths]
        self.nr_rows = [int(number) for number in nr_rows]
        self._dimension: int | None = None
        self._checked: set[int] = set()

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def dimension(self) -> int:
        """D, the same for all files; 0 when there is no file."""
        if self._dimension is None:
            self._dimension = _open_embeddings(self.paths[0]).shape[1] if self.paths else 0
        return self._dimension

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # an int gives an array, a slice a list of arrays
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        index = range(len(self))[index]  # negative indices, IndexError
        path, expected = self.paths[index], self.nr_rows[index]
        array = _open_embeddings(path)
        if len(array) < expected:
            raise UserError(f"{path}: expected at least {expected} rows (real ROIs), found {len(array)}. {_ANEW}")
        if array.shape[1] != self.dimension:
            raise UserError(
                f"{path}: expected {self.dimension} features per ROI as in {self.paths[0].name}, found "
                f"{array.shape[1]}: the files come from different networks. {_ANEW}"
            )
        array = array[:expected]
        if index in self._checked:
            return np.asarray(widened(array))
        if not is_intact(path, _MEMBER):
            raise UserError(f"{path}: damaged, its numbers do not fit the checksum in the file. {_ADVICE}")
        rows = widened_if_finite(array)
        if rows is None:
            wrong = np.flatnonzero(~np.isfinite(array).all(axis=1))
            raise UserError(f"{path}: expected finite numbers, found NaN or infinity in row {wrong[0]}. {_ANEW}")
        self._checked.add(index)
        return np.asarray(rows)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        return (self[i] for i in range(len(self)))
