"""ROIs of Pascal VOC that others have computed: Selective Search as published with Fast R-CNN, one .mat file per list.

    selective_search_data/voc_2007_trainval.mat, voc_2007_test.mat, voc_2012_trainval.mat

The folder lies in the devkit or beside it. Such a file has a cell of boxes for each picture, in the order of
ImageSets/Main/<list>.txt: y1 x1 y2 x2, counted from 1, inclusive. As py-faster-rcnn does (`lib/datasets/pascal_voc.py`)
boxes that stand twice count once, and those with a side of less than two pixels not at all.
Letters in shapes: R boxes of a picture.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.datasets.pascal_voc import names_in_list, sets_of
from helpers.boxes import as_boxes, clip_boxes, widths_heights
from helpers.errors import UserError

FOLDER = "selective_search_data"
_NAME = re.compile(r"voc_(\d{4})_(\w+)\.mat")
_SMALLEST = 2  # pixels


class PrecomputedRois:
    """The published boxes of the pictures of a VOC folder, by the pictures' keys; one .mat file in memory at a time."""

    def __init__(self, folder: Path | None) -> None:
        """folder: the devkit, or one of its years; None, or no VOC folder: no boxes."""
        self._places: dict[str, tuple[Path, int]] = {}
        self._lists: dict[Path, int] = {}
        self._loaded: tuple[Path | None, list[NDArray]] = (None, [])
        self.without: dict[str, None] = {}  # the keys of pictures that `rois` found no usable box of
        years = {path.name.removeprefix("VOC"): path for path in sets_of(folder).values()} if folder else {}
        for place in dict.fromkeys(parent for path in years.values() for parent in (path, *list(path.parents)[:2])):
            for file in sorted((place / FOLDER).glob("voc_*.mat")):
                match = _NAME.fullmatch(file.name)
                if match and match[1] in years and file.name not in {path.name for path in self._lists}:
                    self._add(file, years[match[1]], match[2])

    def _add(self, file: Path, year: Path, list_name: str) -> None:
        if not (year / "ImageSets" / "Main" / f"{list_name}.txt").is_file():
            return
        names = names_in_list(year, list_name)
        self._lists[file] = len(names)
        for position, name in enumerate(names):
            self._places.setdefault(f"{year.name}/{name}", (file, position))

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def file_of(self, key: str) -> Path:
        """Return the file that holds the boxes of the picture with this key."""
        return self._places[key][0]

    def files_of(self, keys: Iterable[str]) -> list[Path]:
        """Return the files that hold boxes of pictures with these `keys`."""
        return list(dict.fromkeys(self._places[key][0] for key in keys if key in self._places))

    def rois(self, key: str, width: int, height: int) -> NDArray[np.int32]:
        """Return (R, 4) int32 x1 y1 x2 y2, 0-based, inclusive, inside a picture of `width` x `height`; R >= 1.

        The order is that of the file, best first as Selective Search ranks. A picture without a usable box gets one
        that is the whole of it, and is one of those `without`. Raises `UserError` for a file that is no such file or
        does not belong to its list.
        """
        file, position = self._places[key]
        if self._loaded[0] != file:
            self._loaded = (None, [])  # not two of them at once
            self._loaded = (file, _read(file, self._lists[file]))
        rois = rois_of_cell(self._loaded[1][position], width, height, f"{file}: picture {position + 1}, {key}")
        if len(rois):
            return rois
        self.without[key] = None
        return np.array([[0, 0, width - 1, height - 1]], np.int32)


def rois_of_cell(cell: ArrayLike, width: int, height: int, where: str = "boxes") -> NDArray[np.int32]:
    """Return the boxes (R, 4) x1 y1 x2 y2 of one `cell`, (N, 4) y1 x1 y2 x2 from 1.

    >>> rois_of_cell([[1, 2, 30, 40], [1, 2, 30, 40], [5, 5, 5, 9]], 50, 50).tolist()
    [[1, 0, 39, 29]]
    """
    table = np.asarray(cell)
    if table.ndim != 2 or table.shape[1] != 4 or table.dtype.kind not in "uif" or not np.isfinite(table).all():
        raise UserError(f"{where}: expected rows of four numbers, y1 x1 y2 x2. {_ADVICE}")
    boxes = as_boxes(table[:, (1, 0, 3, 2)].astype(np.float64) - 1)  # signed first: a 0 would become 65535
    if len(boxes) and (
        (boxes[:, :2] > boxes[:, 2:]).any() or (boxes < -1).any() or (boxes[:, 2:] > (width, height)).any()
    ):
        raise UserError(f"{where}: boxes outside the picture of {width}x{height} pixels. {_ADVICE}")
    rois = clip_boxes(np.rint(boxes).astype(np.int32), width, height)
    _, first = np.unique(rois, axis=0, return_index=True)
    rois = rois[np.sort(first)]
    widths, heights = widths_heights(rois)
    return rois[(widths >= _SMALLEST) & (heights >= _SMALLEST)]


_ADVICE = "Get selective_search_data again, or set datasetPrecomputedRois = False for ROIs of our own"


def _read(file: Path, expected: int) -> list[NDArray]:
    """Return the cells of a .mat file."""
    from scipy.io import loadmat  # only where such files are

    try:
        content = loadmat(file, variable_names=["boxes"])
    except Exception as error:  # scipy raises what it meets: ValueError, TypeError, zlib.error, NotImplementedError
        raise UserError(f"{file}: cannot be read as a MATLAB file ({error}). {_ADVICE}") from None
    cells = content.get("boxes")
    if cells is None or cells.dtype != object:
        raise UserError(f"{file}: expected cells named boxes in it. {_ADVICE}")
    found = list(cells.ravel())
    if len(found) != expected:
        raise UserError(f"{file}: boxes of {len(found)} pictures, but its list has {expected}. {_ADVICE}")
    return found
