"""How large and how slender the annotated objects are, and the ROI limits that fit them.

Relative means relative to the longest side of the picture, as in the parameters `roi_*`; width is x2 - x1 + 1 here,
while the ROI filter, as the tutorial's, takes x2 - x1. Letters in shapes: N boxes.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.boxes import widths_heights

SIDE_MARGIN = 1.2  # a ROI may be this much smaller or larger than any object, per side
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
    """Return values of the ROI limits (by their names in PARAMETERS.py) that let every object pass, with room for ROIs
    whose sides are 20 % smaller or larger. Raises ValueError without objects."""
    if len(statistics.widths) == 0:
        raise ValueError("statistics: expected at least one object, got none")
    sides = np.concatenate([statistics.widths, statistics.heights]) / np.tile(statistics.longest_sides, 2)
    areas = statistics.areas / statistics.longest_sides**2
    ratios = np.maximum(statistics.aspect_ratios, 1 / statistics.aspect_ratios)
    # the filter's width is one pixel less than ours
    one_pixel = 1 / float(statistics.longest_sides.min())
    smallest = max(0.0, float(sides.min()) / SIDE_MARGIN - one_pixel)
    return {
        "roi_minDimRel": _floor(smallest),
        "roi_maxDimRel": min(1.0, _ceil(float(sides.max()) * SIDE_MARGIN)),
        "roi_minNrPixelsRel": _floor(
            max(0.0, float(areas.min()) / SIDE_MARGIN**2 - 2 * one_pixel * float(sides.max()))
        ),
        "roi_maxNrPixelsRel": min(1.0, _ceil(float(areas.max()) * SIDE_MARGIN**2)),
        "roi_maxAspectRatio": math.ceil(float(ratios.max()) * SIDE_MARGIN * 10) / 10,
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
