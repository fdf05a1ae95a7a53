"""Step 2's files, both ways: text that CNTK's readers take and that a person can read.

    <set>.txt            i <tab> absolute picture path <tab> 0
    <set>.rois.txt       i |rois x y w h x y w h ...      relative to the padded square; unused places 0 0 0 0
    <set>.roilabels.txt  i |roiLabels 1 0 0 ...           one-hot per ROI, filler is background; 0 0 0: ignored
    <set>.nrRois.txt     number of real ROIs of picture i

Source: `getCntkInputs` and `cntk_fillInputs` of the tutorial's helpers. Letters in shapes: R real ROIs of a picture.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.artifacts import Artifacts, atomic_write
from helpers.boxes import as_boxes
from helpers.errors import UserError
from helpers.images import square_placement


@dataclass(frozen=True)
class CntkRecord:
    """One picture: `rois` (R, 4) float64 x y w h relative to the padded square, `labels` (R,) int64, -1: ignored.

    boxes: (R, 4) x1 y1 x2 y2, the same ROIs in pixels of the picture; None where they are not asked for: step 2's files
    do not hold them (`fastRCNN.pipeline.tiled_records`).
    """

    index: int
    image_path: Path
    rois: NDArray[np.float64]
    labels: NDArray[np.int64]
    boxes: NDArray[np.float64] | None = None

    def absolute_rois(self, pad_size: int) -> NDArray[np.float32]:
        """Return (R, 4) float32 x1 y1 x2 y2 in pixels of the padded square of `pad_size` pixels."""
        return absolute_rois(self.rois, pad_size)


def absolute_rois(relative: ArrayLike, pad_size: int) -> NDArray[np.float32]:
    """Return (R, 4) float32 x1 y1 x2 y2 in pixels of the padded square, for (R, 4) relative x y w h."""
    rois = as_boxes(relative)
    corners = np.concatenate([rois[:, :2], rois[:, :2] + rois[:, 2:]], axis=1) * pad_size
    return (np.rint(corners * 2) / 2).astype(np.float32)  # steps of half a pixel: undoes the division exactly


def relative_rois(rois: ArrayLike, width: int, height: int, pad_size: int) -> NDArray[np.float64]:
    """Return (R, 4) float64 x y w h relative to the padded square, for `rois` in a picture of `width` x `height`.

    Coordinates are scaled by pad_size / longest side and rounded (half to even), then the padding offset (can end in
    .5) is added, then divided by `pad_size`; w = x2 - x1.

    A picture of 800 x 600 in a square of 1000 is enlarged by 1.25 and has 125 rows of padding above and below:

    >>> relative_rois([[80, 40, 160, 120]], 800, 600, 1000).round(3).tolist()
    [[0.1, 0.175, 0.1, 0.1]]
    """
    place = square_placement(width, height, pad_size)
    boxes = np.rint(as_boxes(rois) * place.scale) + (place.offset_x, place.offset_y) * 2
    boxes /= pad_size
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def expected_bytes(nr_pictures: int, *, nr_rois: int, nr_classes: int) -> int:
    """Return about how large step 2's files of so many pictures will be: their lines are filled up to `nr_rois`."""
    return nr_pictures * nr_rois * (2 * nr_classes + _BYTES_OF_A_ROI)


def write_cntk_inputs(
    artifacts: Artifacts, image_set: str, records: Iterable[CntkRecord], *, nr_rois: int, nr_classes: int
) -> None:
    """Write the four files of `image_set`, each atomically; pictures in the order of `records`."""
    with ExitStack() as stack:
        paths = [stack.enter_context(atomic_write(path)) for path in input_files(artifacts, image_set)]
        files = [stack.enter_context(path.open("w", encoding="utf-8", newline="\n")) for path in paths]
        image_map, rois_file, labels_file, numbers = files
        for record in records:
            if len(record.rois) > nr_rois:
                raise ValueError(f"{len(record.rois)} ROIs are more than nr_rois = {nr_rois}")
            rois = " ".join(map(repr, record.rois.ravel().tolist()))
            labels = np.zeros(nr_rois, np.int64)
            labels[: len(record.labels)] = record.labels
            one_hot = np.full(2 * nr_rois * nr_classes, ord(" "), np.uint8)  # "1 0 0 0 1 0 ...": two bytes each
            one_hot[::2] = (labels[:, None] == np.arange(nr_classes)).ravel() + ord("0")
            filler = " 0.0" * (4 * (nr_rois - len(record.rois)))
            image_map.write(f"{record.index}\t{record.image_path}\t0\n")
            rois_file.write(f"{record.index} |rois {(rois + filler).lstrip()}\n")
            labels_file.write(f"{record.index} |roiLabels {one_hot[:-1].tobytes().decode()}\n")
            numbers.write(f"{len(record.rois)}\n")
        for file in files:
            file.close()  # before atomic_write renames


class CntkInputs(Sequence[CntkRecord]):
    """The records of step 2's files, filler cut off: each is read when it is asked for, so that none is kept.

    `pictures`: those of the data set, in order. The files name them by absolute paths, as CNTK's readers need, which a
    folder that was copied or moved has from its former place; so the records have the paths of `pictures`.
    Raises `UserError`, naming file and line, where the files are missing, damaged, disagree with each other, with
    `pictures`, or with `nr_rois` and `nr_classes`. The two small files are looked at first; the other two, gigabytes
    where pictures are many, when the first record is asked for: a start that finds everything up to date asks for none.
    """

    def __init__(
        self, artifacts: Artifacts, image_set: str, pictures: Sequence[Path], *, nr_rois: int, nr_classes: int
    ) -> None:
        """Look whether the files are there, and whether the small ones speak of as many pictures."""
        self._files, self._pictures = input_files(artifacts, image_set), pictures
        self._nr_rois, self._nr_classes = nr_rois, nr_classes
        for path in self._files:
            if not path.is_file():
                raise UserError(f"{path}: not there yet. Run 2_cntkGenerateInputs.py first")
        image_map, _, _, numbers = self._files
        self._entries = image_map.read_text(encoding="utf-8").splitlines()
        self._counts = numbers.read_text(encoding="utf-8").splitlines()
        if len(self._entries) != len(self._counts):
            self._require_as_many_lines(*(len(_line_starts(path)) - 1 for path in self._files[1:3]))
        if len(self._entries) != len(pictures):
            raise UserError(
                f"{image_map}: {len(self._entries)} pictures, but the data set has {len(pictures)}. {_AGAIN}"
            )

    @cached_property
    def _starts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where each line of the ROIs and of the labels begins, and their ends: (pictures + 1,) each."""
        rois, labels = (_line_starts(path) for path in self._files[1:3])
        self._require_as_many_lines(len(rois) - 1, len(labels) - 1)
        return rois, labels

    def _require_as_many_lines(self, of_rois: int, of_labels: int) -> None:
        lengths = [len(self._entries), of_rois, of_labels, len(self._counts)]
        if len(set(lengths)) != 1:
            counts = ", ".join(f"{path.name} {length}" for path, length in zip(self._files, lengths, strict=True))
            raise UserError(f"{self._files[0].parent}: the files differ in their number of lines ({counts}). {_AGAIN}")

    def __len__(self) -> int:
        return len(self._entries)

    def count(self, place: int) -> int:  # type: ignore[override]  # not how often a record is in it
        """Return the number of ROIs of the record at `place`, without reading them."""
        where = f"{self._files[3]}:{place + 1}"
        number = _numbers(self._counts[place].split(), 1, where)[0]
        if not 0 <= number <= self._nr_rois:
            raise UserError(f"{where}: {number:g} ROIs, expected at most cntk_nrRois = {self._nr_rois}. {_AGAIN}")
        return int(number)

    def __getitem__(self, place):  # type: ignore[no-untyped-def]  # a number gives a record, a slice a list of them
        if isinstance(place, slice):
            return [self[each] for each in range(len(self))[place]]
        place = range(len(self))[place]
        where = [f"{path}:{place + 1}" for path in self._files]
        fields = self._entries[place].split("\t")
        if len(fields) != 3 or not fields[0].isdigit():
            raise UserError(f"{where[0]}: expected number, picture path and 0, separated by tabs. {_AGAIN}")
        count = self.count(place)
        rois = _values(self._line(1, place), "rois", fields[0], 4 * self._nr_rois, where[1]).reshape(-1, 4)
        one_hot = _values(
            self._line(2, place), "roiLabels", fields[0], self._nr_classes * self._nr_rois, where[2]
        ).reshape(-1, self._nr_classes)[:count]
        labels = np.where(one_hot.any(axis=1), one_hot.argmax(axis=1), -1)
        path = self._pictures[place]
        if path.parts[-2:] not in [kind(fields[1]).parts[-2:] for kind in (PurePosixPath, PureWindowsPath)]:
            raise UserError(f"{where[0]}: picture {fields[1]}, but the data set has {path} in its place. {_AGAIN}")
        return CntkRecord(int(fields[0]), path, rois[:count].copy(), labels)

    def _line(self, file: int, place: int) -> str:
        begin, end = self._starts[file - 1][place : place + 2].tolist()
        with self._files[file].open("rb") as opened:
            opened.seek(begin)
            return opened.read(end - begin).decode("utf-8", errors="replace").rstrip("\r\n")


class Chosen(Sequence[CntkRecord]):
    """Some of `records`, by their places; each is read when it is asked for."""

    def __init__(self, records: Sequence[CntkRecord], places: Sequence[int]) -> None:
        self._records, self._places = records, places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # a number gives a record, a slice a list of them
        if isinstance(index, slice):
            return [self._records[place] for place in self._places[index]]
        return self._records[self._places[index]]


class FirstRois(Sequence[CntkRecord]):
    """`records` with the first `nr_rois` ROIs of each; each is read when it is asked for."""

    def __init__(self, records: Sequence[CntkRecord], nr_rois: int) -> None:
        self._records, self._nr_rois = records, nr_rois

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # a number gives a record, a slice a list of them
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        record, most = self._records[index], self._nr_rois
        boxes = None if record.boxes is None else record.boxes[:most]
        return replace(record, rois=record.rois[:most], labels=record.labels[:most], boxes=boxes)


def read_cntk_inputs(
    artifacts: Artifacts, image_set: str, pictures: Sequence[Path], *, nr_rois: int, nr_classes: int
) -> CntkInputs:
    """Return the records of step 2's files, see `CntkInputs`."""
    return CntkInputs(artifacts, image_set, pictures, nr_rois=nr_rois, nr_classes=nr_classes)


def _line_starts(path: Path) -> NDArray[np.int64]:
    """Return where each line of a file begins, and its end: (lines + 1,)."""
    ends, at = [np.zeros(1, np.int64)], 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            ends.append(at + 1 + np.flatnonzero(np.frombuffer(block, np.uint8) == _LINE_END))
            at += len(block)
    starts = np.concatenate(ends)
    return starts if starts[-1] == at else np.append(starts, at)  # the last line may lack its end


class LineDigests(NamedTuple):
    """Of one picture in step 2's files: digests of its ROIs, which do not know its number, and of their labels."""

    rois: str
    labels: str


def line_digests(artifacts: Artifacts, image_set: str) -> list[LineDigests]:
    """Return the digests of all pictures in step 2's files, in order; of files that are not there none."""
    _, *paths = input_files(artifacts, image_set)
    if not all(path.is_file() for path in paths):
        return []
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("rb")) for path in paths]
        lines = ((line.rstrip(b"\r\n") for line in file) for file in files)
        return [
            LineDigests(_digest(of_rois.partition(b"|")[2] + count), _digest(of_labels.partition(b"|")[2]))
            for of_rois, of_labels, count in zip(*lines, strict=False)
        ]


def _digest(line: bytes) -> str:
    return hashlib.blake2b(line, digest_size=8).hexdigest()


_AGAIN = "Run 2_cntkGenerateInputs.py again"
_PLAIN = re.compile(r"[0-9.e+ -]+")  # what numpy reads without complaint, unless it is misplaced
_BLOCK = 1 << 24
_BYTES_OF_A_ROI = 48  # four numbers; measured on random ROIs: 43
_LINE_END = 10


def input_files(artifacts: Artifacts, image_set: str) -> tuple[Path, Path, Path, Path]:
    """Return the four files of `image_set`: pictures, ROIs, labels, numbers."""
    of = artifacts
    return of.image_map(image_set), of.rois_txt(image_set), of.roi_labels_txt(image_set), of.nr_rois_txt(image_set)


def _values(line: str, name: str, index: str, expected: int, where: str) -> NDArray:
    """Return the numbers of a line `<index> |<name> numbers...`."""
    head = line.split(" ", 2)
    if len(head) != 3 or head[0] != index or head[1] != f"|{name}":
        raise UserError(f"{where}: expected a line that starts with '{index} |{name}'. {_AGAIN}")
    if len(head[2]) == 2 * expected - 1 and (digits := _single_digits(head[2])) is not None:
        return digits
    if not _PLAIN.fullmatch(head[2]):
        return _numbers(head[2].split(), expected, where)
    try:
        values = np.fromstring(head[2], np.float64, sep=" ")  # five times as fast as by words
    except (ValueError, DeprecationWarning):  # of what is no number, as NumPy's version has it; the words tell
        values = np.zeros(0)
    whole = len(values) == expected and np.isfinite(values).all()
    return values if whole else _numbers(head[2].split(), expected, where)


def _single_digits(text: str) -> NDArray[np.uint8] | None:
    """Return the numbers of "1 0 0 1 ...", None where it is not such a text."""
    codes = np.frombuffer(text.encode(), np.uint8)
    digits = codes[::2] - np.uint8(ord("0"))
    return digits if (digits <= 9).all() and (codes[1::2] == ord(" ")).all() else None


def _numbers(words: Sequence[str], expected: int, where: str) -> NDArray[np.float64]:
    if len(words) != expected:
        raise UserError(f"{where}: expected {expected} numbers, found {len(words)}. {_AGAIN}")
    try:
        values = np.array(words, np.float64)
    except ValueError:
        raise UserError(f"{where}: not all values are numbers. {_AGAIN}") from None
    if not np.isfinite(values).all():
        raise UserError(f"{where}: not all values are finite. {_AGAIN}")
    return values
