"""Box proposals by other people's libraries: `selectivesearch`, OpenCV contrib, dlib; imported when asked for.

Letters in shapes: H, W picture; R boxes. All give (R, 4) int32 x1 y1 x2 y2 in inclusive pixels.
"""

import warnings

import cv2
import numpy as np
from numpy.typing import NDArray

from helpers.errors import UserError


def package_boxes(image: NDArray[np.uint8], *, scale: float, sigma: float, min_size: int) -> NDArray[np.int32]:
    """Return the boxes of the PyPI package `selectivesearch` (A. Koshiba) for an (H, W, 3) uint8 picture, in its order.

    Its rectangle is left, top, right - left, bottom - top, of the outermost pixels; so right = left + "width".
    """
    with warnings.catch_warnings():  # it calls scikit-image in ways that newer versions of that warn of
        warnings.simplefilter("ignore")
        try:
            import selectivesearch
        except ImportError as missing:
            raise UserError(
                f'ss_method "package" needs a library that is not installed ({missing}).\n'
                "Install it with: pip install selectivesearch scikit-image\n"
                'or use ss_method "selectivesearch", which gives the same boxes without it.'
            ) from missing
        _, regions = selectivesearch.selective_search(image, scale=scale, sigma=sigma, min_size=min_size)
    boxes = np.array([region["rect"] for region in regions], np.int32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def opencv_boxes(image: NDArray[np.uint8], *, quality: bool) -> NDArray[np.int32]:
    """Return the boxes of OpenCV contrib's Selective Search, fast or quality mode, for an (H, W, 3) uint8 BGR picture.

    OpenCV orders them with C's rand(), which nobody seeds; here they get an order that is random but always the same.
    """
    if not hasattr(cv2, "ximgproc"):
        raise UserError(
            f'ss_method "opencv" needs cv2.ximgproc, which the installed OpenCV {cv2.__version__} does not have.\n'
            "Install the one that does, in place of it: pip uninstall opencv-python opencv-python-headless\n"
            'then: pip install opencv-contrib-python; or use ss_method "fast".'
        )
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(image)
    if quality:
        search.switchToSelectiveSearchQuality()
    else:
        search.switchToSelectiveSearchFast()
    boxes = np.array(search.process(), np.int32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2] - 1
    return _shuffled(boxes)


def dlib_boxes(
    image: NDArray[np.uint8], *, k_values: tuple[float, float, int], min_size: int, max_merging_iterations: int
) -> NDArray[np.int32]:
    """Return the boxes of dlib's `find_candidate_object_locations` for an (H, W, 3) uint8 BGR picture.

    It finds nothing in a picture that is one pixel wide or high; the box is the whole picture then.
    """
    try:
        import dlib
    except ImportError as missing:
        raise UserError(
            'ss_method "dlib" needs dlib, which is not installed.\n'
            "Install it with: pip install dlib (it is compiled for some minutes and needs CMake and a C++ compiler)\n"
            'or use ss_method "fast".'
        ) from missing
    rectangles: list = []
    dlib.find_candidate_object_locations(
        np.ascontiguousarray(image[:, :, ::-1]),
        rectangles,
        kvals=k_values,
        min_size=min_size,
        max_merging_iterations=max_merging_iterations,
    )
    boxes = [(r.left(), r.top(), r.right(), r.bottom()) for r in rectangles]
    whole = (0, 0, image.shape[1] - 1, image.shape[0] - 1)
    return _shuffled(np.array(boxes or [whole], np.int32))


def _shuffled(boxes: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the different `boxes` in a random order that depends on nothing but them."""
    boxes = np.unique(boxes, axis=0)
    return boxes[np.random.default_rng(0).permutation(len(boxes))]
