"""What the four numbers of a box mean, recognised over a whole data set: one box alone fits several conventions.

The tutorial's is x1 y1 x2 y2 in pixels, 0-based and inclusive. Letters in shapes: M boxes.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SLACK = 1.0  # pixels: x2 = width, 1-based coordinates and rounding up are cut, not refused
_SMALLEST = 8  # pixels: pictures with a smaller side can have boxes that look like fractions
_FEW = 20  # whole numbers up to 100 in large pictures may be chance, so many of them are not
_PERCENT_SIDE = 200  # pixels: in smaller pictures percents look like any boxes

Columns = tuple[NDArray, NDArray, NDArray, NDArray]


def fits(boxes: NDArray[np.float64], sizes: NDArray) -> NDArray[np.bool_]:
    """Return (M,): whether each of (M, 4) `boxes` is x1 y1 x2 y2 within its picture, (M, 2) width and height."""
    left, top, right, bottom = boxes.T
    return _inside((left, top, right, bottom), sizes)


def recognise(boxes: NDArray[np.float64], sizes: NDArray) -> str:
    """Return the name of the convention that all `boxes` (M, 4) follow, where it is not the tutorial's; else "".

    `sizes` (M, 2): width and height of the picture of each. Several names that fit are joined by "or". Without a doubt
    (all boxes fit as they are, and are no fractions or percents) the answer is "".
    """
    if len(boxes) == 0:
        return ""
    small = _fractions(boxes, sizes) or _percents(boxes, sizes)
    if small or fits(boxes, sizes).all():
        return small
    return " or ".join(name for name, columns in _ORDERS.items() if _inside(columns(boxes), sizes).all())


def _fractions(boxes: NDArray, sizes: NDArray) -> str:
    decimal = (boxes != np.rint(boxes)).any()
    if not (decimal and boxes.min() >= 0 and boxes.max() <= 1 and sizes.min() >= _SMALLEST):
        return ""
    return f"fractions of width and height, {_order_of(boxes, 1)}"


def _percents(boxes: NDArray, sizes: NDArray) -> str:
    """Boxes that would all lie in the top left 100 pixels of large pictures, and fill these 100."""
    if boxes.min() < 0 or boxes.max() > 100 or sizes.min() < _PERCENT_SIDE:
        return ""
    decimal = (boxes != np.rint(boxes)).any()
    fills = boxes[:, 0::2].max() > 50 and boxes[:, 1::2].max() > 50
    if not fills or not (decimal or len(boxes) >= _FEW):
        return ""
    return f"percents of width and height, {_order_of(boxes, 100)}"


def _order_of(boxes: NDArray, unit: float) -> str:
    """Return the order of the columns of relative boxes; y1 x1 y2 x2 cannot be told from x1 y1 x2 y2 there."""
    low, high = -unit / 1000, np.full((len(boxes), 2), unit * 1.001)
    names = [name for name, columns in _RELATIVE.items() if _between(columns(boxes), low, high).all()]
    return " or ".join(names[:2]) or "of an order that is not known"


def _inside(columns: Columns, sizes: NDArray) -> NDArray[np.bool_]:
    """Return (M,): whether x1 y1 x2 y2 in these columns, rounded, are boxes within `sizes`, but for `SLACK` pixels."""
    left, top, right, bottom = map(np.rint, columns)
    return _between((left, top, right, bottom), -SLACK, sizes - 1 + SLACK)


def _between(columns: Columns, low: float, high: NDArray) -> NDArray[np.bool_]:
    left, top, right, bottom = columns
    ordered = (right >= left) & (bottom >= top)
    return ordered & (left >= low) & (top >= low) & (right <= high[:, 0]) & (bottom <= high[:, 1])


def _with_size(boxes: NDArray) -> Columns:
    left, top, width, height = boxes.T
    return left, top, np.where(width > 0, left + width, -np.inf), np.where(height > 0, top + height, -np.inf)


def _around_centre(boxes: NDArray) -> Columns:
    x, y, width, height = boxes.T
    ends = np.where((width > 0) & (height > 0), 0, -np.inf)
    return x - width / 2, y - height / 2, x + width / 2 + ends, y + height / 2 + ends


_Orders = dict[str, Callable[[NDArray], Columns]]
_COMMON: _Orders = {
    "x y width height (COCO)": _with_size,
    "x1 x2 y1 y2 (VoTT 2)": lambda boxes: tuple(boxes[:, [0, 2, 1, 3]].T),
    "centre x, centre y, width, height (YOLO)": _around_centre,
}
_RELATIVE: _Orders = {"x1 y1 x2 y2": lambda boxes: tuple(boxes.T), **_COMMON}
_ORDERS: _Orders = {**_COMMON, "y1 x1 y2 x2 (TensorFlow)": lambda boxes: tuple(boxes[:, [1, 0, 3, 2]].T)}
