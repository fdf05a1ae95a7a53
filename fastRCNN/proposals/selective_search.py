"""Selective Search: boxes that may hold an object, from a segmentation whose regions are merged step by step.

J. R. R. Uijlings, K. E. A. van de Sande, T. Gevers, A. W. M. Smeulders: Selective search for object recognition.
IJCV 104(2), 2013. This module chooses among the implementations; letters in shapes: H, W picture; R boxes.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fastRCNN.proposals.fast_regions import LONGEST_SIDE, fast_regions
from fastRCNN.proposals.other_proposals import dlib_boxes, opencv_boxes, package_boxes
from fastRCNN.proposals.package_regions import package_regions
from fastRCNN.proposals.segmentation import felzenszwalb

METHODS = ("selectivesearch", "fast", "package", "opencv", "opencv-quality", "dlib")
MOST_SCALES = 100


def selective_search(
    image: NDArray[np.uint8],
    *,
    method: str = "selectivesearch",
    scale: float = 100,
    sigma: float = 1.2,
    min_size: int = 20,
    k_values: tuple[float, float, int] = (50, 500, 6),
    max_merging_iterations: int = 20,
    max_rois: int | None = None,
) -> NDArray[np.int32]:
    """Return boxes, (R, 4) int32 x1 y1 x2 y2 in inclusive pixels of `image`; neither filtered nor thinned out.

    image: (H, W, 3) uint8 BGR, already small: about 200 pixels on the longest side. Never changed.
    method:
      "selectivesearch"  the boxes of the PyPI package of that name, the same ones in the same order, about 17 times
                         faster; uses scale, sigma, min_size
      "package"          that package itself; same parameters
      "fast"             our own, more and better boxes in less time (`fast_regions`); uses k_values, min_size
      "opencv", "opencv-quality"   `cv2.ximgproc` of opencv-contrib, its fast and its quality mode, its own parameters
      "dlib"             `dlib.find_candidate_object_locations`; uses k_values, min_size, max_merging_iterations
    scale, sigma: of the segmentation, see `segmentation.felzenszwalb`. min_size: smallest segment, pixels. k_values:
    first, last and number of the segmentation scales, 100 at most. max_rois: keep only that many, the first; None keeps
    all. "fast" ranks its boxes by how likely they are to be of use (see there); the package lists segments before
    merged regions; OpenCV's and dlib's are in a fixed random order. `best_first` puts any of them in order.

    Each method gives the same boxes for the same picture every time. A picture of one colour gives one box, the whole
    picture ("selectivesearch", "fast", "package"). "fast" gives no box twice.
    Raises ValueError for anything but an (H, W, 3) uint8 picture and for parameters out of range, `UserError` when a
    library is not installed.
    """
    image = _checked_image(image)
    if min_size < 1 or sigma < 0 or scale < 0:
        raise ValueError(f"expected min_size >= 1, sigma >= 0, scale >= 0, got {min_size}, {sigma}, {scale}")
    first, last, number = k_values
    if not 0 < first <= last < np.inf or not 1 <= number <= MOST_SCALES or number != int(number):
        raise ValueError(
            "k_values: expected first, last, number with 0 < first <= last and a whole number from 1 to "
            f"{MOST_SCALES}, got {k_values}"
        )
    if max_rois is not None and max_rois < 1:
        raise ValueError(f"max_rois: expected None or at least 1, got {max_rois}")
    k_values = (first, last, int(number))
    searches: dict[str, Callable[[], NDArray[np.int32]]] = {
        "selectivesearch": lambda: package_regions(
            image, felzenszwalb(image, scale=scale, sigma=sigma, min_size=min_size)
        ),
        "fast": lambda: fast_regions(image, k_values=k_values, min_size=min_size),
        "package": lambda: package_boxes(image, scale=scale, sigma=sigma, min_size=min_size),
        "opencv": lambda: opencv_boxes(image, quality=False),
        "opencv-quality": lambda: opencv_boxes(image, quality=True),
        "dlib": lambda: dlib_boxes(
            image, k_values=k_values, min_size=min_size, max_merging_iterations=max_merging_iterations
        ),
    }
    if method not in searches:
        raise ValueError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
    return searches[method]()[:max_rois]


def best_first(boxes: NDArray[np.int32], *, method: str) -> NDArray[np.int32]:
    """Return (R, 4) `boxes` of `selective_search(method=method)`, the ones most likely to be of use first.

    "fast" has ranked them. "selectivesearch" and "package" list regions as they come about: here the last ones come
    first, so that merged regions stand before mere segments, as in Uijlings et al. (25 ROIs in this order cover 0.34 of
    the objects in the bundled training pictures, in the package's order 0.24, in random order 0.28). The others know
    nothing of a rank; their fixed random order is as good as any. What a network proposes has an order.
    """
    return boxes[::-1] if method in ("selectivesearch", "package") else boxes


def _checked_image(image: NDArray) -> NDArray[np.uint8]:
    """Return `image` as a writable array without gaps, or raise ValueError that says what was expected."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        got = f"{image.shape} {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"image: expected (H, W, 3) uint8 BGR, got {got}")
    if image.size == 0 or max(image.shape) > LONGEST_SIDE:
        raise ValueError(f"image: expected 1 to {LONGEST_SIDE} pixels in width and height, got {image.shape}")
    return np.require(image, requirements=["C", "W"])  # Numba would compile anew for other arrays
