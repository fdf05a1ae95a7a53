"""What the published layers of CNTK's Faster R-CNN example made of random inputs, where that recording is at hand."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from fastRCNN.rpn.anchors import anchors_of_map

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "parity_faster"


class Recording(NamedTuple):
    """The recorded arrays by name, with what all tests derive from them."""

    arrays: dict[str, NDArray]
    anchors: NDArray[np.float64]  # (H * W * 9, 4), row by row, cell by cell
    area: tuple[float, float, float, float]  # the picture inside its padding
    objects: NDArray[np.float64]  # (G, 5) x1 y1 x2 y2 class
    scale: float  # from the original to the network's picture

    def by_anchor(self, name: str, numbers: int = 1) -> NDArray:
        """An array (9 * numbers, H, W) as (H * W * 9, numbers)."""
        array = self.arrays[name]
        return array.reshape(9, numbers, *array.shape[1:]).transpose(2, 3, 0, 1).reshape(-1, numbers)


def recording(name: str) -> Recording:
    """Return a recording; the test is skipped where there is none."""
    path = FOLDER / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"needs the recording {path.name}, which is not part of the repository")
    with np.load(path) as file:
        arrays = dict(file)
    padded_w, padded_h, width, height, original_w, _ = arrays["dims"].tolist()
    left, top = (padded_w - width) / 2, (padded_h - height) / 2
    objects = arrays["gt"].astype(np.float64)
    objects = objects[(objects[:, 2] > objects[:, 0]) & (objects[:, 3] > objects[:, 1])]
    anchors = anchors_of_map(arrays["anchors"], *arrays["prob"].shape[1:])
    return Recording(arrays, anchors, (left, top, left + width, top + height), objects, width / original_w)
