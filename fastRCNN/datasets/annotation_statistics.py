"""How large and how slender the annotated objects are, and the ROI limits that fit them.

Relative means relative to the longest side of the picture, as in the parameters `roi_*`; width is x2 - x1 + 1, but in
the limits x2 - x1, as the ROI filter takes it. Letters in shapes: N boxes.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.boxes import widths_heights

SIDE_MARGIN = 1.2  # a ROI may be this much smaller or larger than any object, per side ...
FEW_OBJECTS = 2.0  # ... and by this / N more: the fewer objects are known, the further the next one may be off
ANY_SIZE = {  # the tutorial's limits for any picture, where no object is known
    "roi_minDimRel": 0.01,
    "roi_maxDimRel": 1.0,
    "roi_minNrPixelsRel": 0.0,
    "roi_maxNrPixelsRel": 1.0,
    "roi_maxAspectRatio": 4.0,
}
PERCENTILES = (0, 1, 5, 25, 50, 75, 95, 99, 100)


@dataclass(frozen=True, eq=False)
class BoxStatistics:
    """Sides, areas and aspect ratios of N boxes, each (N,) float64; `aspect_ratios` are width / height."""

    widths: NDArray[np.float64]
    heights: NDArray[np.float64]
    longest_sides: NDArray[np.float64]

    @property
    def areas(self) -> NDArray[np.float64]:
        """(N,) square pixels."""
        return self.widths * self.heights

    @property
    def aspect_ratios(self) -> NDArray[np.float64]:
        """(N,) width / height."""
        return self.widths / self.heights

    def columns(self) -> dict[str, NDArray[np.float64]]:
        """Return what a reader wants to see percentiles of, by name: pixels, then relative to the longest side."""
        return {
            "width": self.widths,
            "height": self.heights,
            "area": self.areas,
            "width, rel.": self.widths / self.longest_sides,
            "height, rel.": self.heights / self.longest_sides,
            "area, rel.": self.areas / self.longest_sides**2,
            "width : height": self.aspect_ratios,
        }


def box_statistics(boxes: ArrayLike, longest_sides: ArrayLike) -> BoxStatistics:
    """Return the statistics of (N, 4) `boxes` in pictures with (N,) `longest_sides` in pixels."""
    widths, heights = widths_heights(boxes)
    return BoxStatistics(widths, heights, np.asarray(longest_sides, dtype=np.float64))


def fitting_roi_parameters(statistics: BoxStatistics) -> dict[str, float]:
    """Return ROI limits (by their names in PARAMETERS.py) that let every object pass, with room for ROIs.

    Sides may be smaller or larger than those of any object by `SIDE_MARGIN` + `FEW_OBJECTS` / N. Objects one pixel wide
    or high pass no filter and count for nothing; without others the limits are `ANY_SIZE`.

    The margin was chosen by fitting limits to 1 to 40 training pictures of groceries, blood cells and animals, and
    looking which objects of others pass and are covered by 200 ROIs: less drops objects, more crowds ROIs out.
    """
    widths, heights = statistics.widths - 1, statistics.heights - 1
    solid = (widths > 0) & (heights > 0)
    if not solid.any():
        return dict(ANY_SIZE)
    widths, heights, longest = widths[solid], heights[solid], statistics.longest_sides[solid]
    margin = SIDE_MARGIN + FEW_OBJECTS / len(widths)
    shorter, longer = np.minimum(widths, heights), np.maximum(widths, heights)
    areas = widths * heights / longest**2
    return {
        "roi_minDimRel": _floor((shorter / longest).min() / margin),
        "roi_maxDimRel": min(1.0, _ceil((longer / longest).max() * margin)),
        "roi_minNrPixelsRel": _floor(areas.min() / margin**2),
        "roi_maxNrPixelsRel": min(1.0, _ceil(areas.max() * margin**2)),
        "roi_maxAspectRatio": min(1000.0, math.ceil((longer / shorter).max() * margin * 10) / 10),
    }


def _floor(value: float) -> float:
    """Round down to two significant digits."""
    return _rounded(value, math.floor)


def _ceil(value: float) -> float:
    """Round up to two significant digits."""
    return _rounded(value, math.ceil)


def _rounded(value: float, direction) -> float:
    if value <= 0:
        return 0.0
    digits = 1 - math.floor(math.log10(value))
    return round(
        direction(value * 10**digits * (1 + (1e-9 if direction is math.floor else -1e-9))) / 10**digits, digits
    )
