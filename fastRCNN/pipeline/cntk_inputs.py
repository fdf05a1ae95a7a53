"""Step 2's files, both ways: text that CNTK's readers take and that a person can read.

    <set>.txt            i <tab> absolute picture path <tab> 0
    <set>.rois.txt       i |rois x y w h x y w h ...      relative to the padded square; unused places 0 0 0 0
    <set>.roilabels.txt  i |roiLabels 1 0 0 ...           one-hot per ROI, filler is background; 0 0 0: ignored
    <set>.nrRois.txt     number of real ROIs of picture i

Source: `getCntkInputs` and `cntk_fillInputs` of the tutorial's helpers. Letters in shapes: R real ROIs of a picture.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
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
    """One picture: `rois` (R, 4) float64 x y w h relative to the padded square, `labels` (R,) int64, -1: ignored."""

    index: int
    image_path: Path
    rois: NDArray[np.float64]
    labels: NDArray[np.int64]

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
            rois = np.zeros((nr_rois, 4))
            rois[: len(record.rois)] = record.rois
            labels = np.zeros(nr_rois, np.int64)
            labels[: len(record.labels)] = record.labels
            one_hot = (labels[:, None] == np.arange(nr_classes)).astype(np.int64)
            image_map.write(f"{record.index}\t{record.image_path}\t0\n")
            rois_file.write(f"{record.index} |rois {' '.join(map(str, rois.ravel().tolist()))}\n")
            labels_file.write(f"{record.index} |roiLabels {' '.join(map(str, one_hot.ravel().tolist()))}\n")
            numbers.write(f"{len(record.rois)}\n")
        for file in files:
            file.close()  # before atomic_write renames


def read_cntk_inputs(
    artifacts: Artifacts, image_set: str, pictures: Sequence[Path], *, nr_rois: int, nr_classes: int
) -> Iterator[CntkRecord]:
    """Yield the records of step 2's files, filler cut off.

    `pictures`: those of the data set, in order. The files name them by absolute paths, as CNTK's readers need, which a
    folder that was copied or moved has from its former place; so the records have the paths of `pictures`.
    Raises `UserError`, naming file and line, where the files are missing, damaged, disagree with each other, with
    `pictures`, or with `nr_rois` and `nr_classes`.
    """
    paths = input_files(artifacts, image_set)
    for path in paths:
        if not path.is_file():
            raise UserError(f"{path}: not there yet. Run 2_cntkGenerateInputs.py first")
    tables = [path.read_text(encoding="utf-8").splitlines() for path in paths]
    if len({len(table) for table in tables}) != 1:
        counts = ", ".join(f"{path.name} {len(table)}" for path, table in zip(paths, tables, strict=True))
        raise UserError(f"{paths[0].parent}: the files differ in their number of lines ({counts}). {_AGAIN}")
    if len(tables[0]) != len(pictures):
        raise UserError(f"{paths[0]}: {len(tables[0])} pictures, but the data set has {len(pictures)}. {_AGAIN}")
    for number, (entry, rois_line, labels_line, count_line) in enumerate(zip(*tables, strict=True), start=1):
        where = [f"{path}:{number}" for path in paths]
        fields = entry.split("\t")
        if len(fields) != 3 or not fields[0].isdigit():
            raise UserError(f"{where[0]}: expected number, picture path and 0, separated by tabs. {_AGAIN}")
        count = _numbers(count_line.split(), 1, where[3])[0]
        if not 0 <= count <= nr_rois:
            raise UserError(f"{where[3]}: {count:g} ROIs, expected at most cntk_nrRois = {nr_rois}. {_AGAIN}")
        rois = _values(rois_line, "rois", fields[0], 4 * nr_rois, where[1]).reshape(nr_rois, 4)
        one_hot = _values(labels_line, "roiLabels", fields[0], nr_classes * nr_rois, where[2])
        table = one_hot.reshape(nr_rois, nr_classes)
        labels = np.where(table.any(axis=1), table.argmax(axis=1), -1)
        path = pictures[number - 1]
        if path.parts[-2:] not in [kind(fields[1]).parts[-2:] for kind in (PurePosixPath, PureWindowsPath)]:
            raise UserError(f"{where[0]}: picture {fields[1]}, but the data set has {path} in its place. {_AGAIN}")
        yield CntkRecord(int(fields[0]), path, rois[: int(count)], labels[: int(count)])


class LineDigests(NamedTuple):
    """Of one picture in step 2's files: digests of its ROIs, which do not know its number, and of their labels."""

    rois: str
    labels: str


def line_digests(artifacts: Artifacts, image_set: str) -> list[LineDigests]:
    """Return the digests of all pictures in step 2's files, in order; of files that are not there none."""
    _, rois, labels, counts = input_files(artifacts, image_set)
    if not all(path.is_file() for path in (rois, labels, counts)):
        return []
    texts = [path.read_bytes().splitlines() for path in (rois, labels, counts)]
    return [
        LineDigests(_digest(of_rois.partition(b"|")[2] + count), _digest(of_labels.partition(b"|")[2]))
        for of_rois, of_labels, count in zip(*texts, strict=False)
    ]


def _digest(line: bytes) -> str:
    return hashlib.blake2b(line, digest_size=8).hexdigest()


_AGAIN = "Run 2_cntkGenerateInputs.py again"


def input_files(artifacts: Artifacts, image_set: str) -> tuple[Path, Path, Path, Path]:
    """Return the four files of `image_set`: pictures, ROIs, labels, numbers."""
    of = artifacts
    return of.image_map(image_set), of.rois_txt(image_set), of.roi_labels_txt(image_set), of.nr_rois_txt(image_set)


def _values(line: str, name: str, index: str, expected: int, where: str) -> NDArray[np.float64]:
    """Return the numbers of a line `<index> |<name> numbers...`."""
    head = line.split(" ", 2)
    if len(head) != 3 or head[0] != index or head[1] != f"|{name}":
        raise UserError(f"{where}: expected a line that starts with '{index} |{name}'. {_AGAIN}")
    return _numbers(head[2].split(), expected, where)


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
