"""Draws boxes and labels on a copy of a picture. No window, no system font.

A picture is (H, W, 3) uint8 BGR. The first seven colours are Okabe and Ito's, the others were chosen to lie as far as
possible from those before them, for people with and without colour blindness.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.boxes import as_boxes
from helpers.lettering import text_mask

Color = tuple[int, int, int]  # blue, green, red

_PALETTE_RGB = (
    *((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (213, 94, 0), (86, 180, 233), (240, 228, 66)),
    *((150, 0, 30), (195, 225, 150), (135, 0, 90), (105, 240, 240), (60, 60, 255), (90, 0, 180), (255, 0, 90)),
    *((105, 150, 255), (60, 240, 195), (210, 180, 90), (75, 45, 150), (45, 105, 60), (120, 85, 60)),
)
GROUND_TRUTH_COLOR: Color = (255, 255, 255)
NEUTRAL_COLOR: Color = (150, 150, 150)
_HALO: Color = (24, 24, 24)
_SUBPIXEL_BITS = 4


def class_color(number: int) -> Color:
    """Return the colour of class `number`: grey for 0 (background), else one of twenty, repeating."""
    if number <= 0:
        return NEUTRAL_COLOR
    red, green, blue = _PALETTE_RGB[(number - 1) % len(_PALETTE_RGB)]
    return blue, green, red


def draw_boxes(
    image: NDArray[np.uint8],
    boxes: ArrayLike,
    labels: Sequence[str] | None = None,
    scores: Sequence[float] | NDArray | None = None,
    *,
    colors: Sequence[Color] | Color | None = None,
    dashed: Sequence[bool] | NDArray | None = None,
    thickness: float | None = None,
    text_size: float | None = None,
) -> NDArray[np.uint8]:
    """Return a copy of `image` with (N, 4) `boxes` (pixels of `image`, may be fractions) and a chip of text at each.

    labels: N texts, "" for no chip. scores: N numbers, written behind the label with two decimals (NaN: no number);
    boxes with a higher score lie on top and their chips choose their place first. colors: one colour for all, or N
    (default: the palette in order). dashed: N flags. thickness and text_size in pixels; by default they follow the
    size of the picture.

    Chips stay inside the picture and avoid each other where there is room.
    """
    canvas = np.ascontiguousarray(image).copy()
    boxes = as_boxes(boxes)
    number = len(boxes)
    palette = _one_each(colors, number)
    texts = _texts(labels, scores, number)
    flags = np.zeros(number, bool) if dashed is None else np.asarray(dashed, bool)
    if len(flags) != number:
        raise ValueError(f"dashed: expected {number} flags, one for each box, got {len(flags)}")
    longest = max(canvas.shape[:2])
    thickness = thickness or max(1.0, longest / 400)
    text_size = text_size or float(np.clip(longest / 57, 11, 40))
    rank = np.zeros(number) if scores is None else np.nan_to_num(np.asarray(scores, dtype=float), nan=-np.inf)
    order = np.argsort(rank, kind="stable")
    rim = canvas.copy()
    for i in order:
        _draw_outline(canvas, rim, boxes[i], palette[i], thickness, bool(flags[i]))
    placed: list[NDArray] = []
    chips = []
    for i in order[::-1]:
        if texts[i]:
            mask = text_mask(texts[i], text_size, canvas.shape[1] - 2 * _padding(text_size))
            place = _place_chip(canvas.shape, boxes[i], _chip_size(mask, text_size), placed, boxes, thickness)
            placed.append(place)
            chips.append((place, mask, palette[i]))
    for place, mask, color in reversed(chips):
        _draw_chip(canvas, place, mask, color)
    return canvas


def captioned(image: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """Return `image` below a white strip with one line of `text`; what does not fit ends in "..."."""
    size = float(np.clip(max(image.shape[:2]) / 50, 11, 40))
    room = round(size / 2)
    mask = text_mask(text, size, image.shape[1] - 2 * room)
    strip = np.full((mask.shape[0] + room, image.shape[1], 3), 255, np.uint8)
    part = strip[room // 2 : room // 2 + mask.shape[0], room : room + mask.shape[1]]
    part[:] = np.rint(part * (1 - mask[..., None]) + np.array(_HALO) * mask[..., None])
    return np.concatenate([strip, image])


def _one_each(colors: Sequence[Color] | Color | None, number: int) -> list[Color]:
    if colors is None:
        return [class_color(i + 1) for i in range(number)]
    array = np.asarray(colors, dtype=int)
    if array.shape == (3,):
        array = np.tile(array, (number, 1))
    if array.size == 0:
        array = array.reshape(0, 3)
    if array.shape != (number, 3):
        raise ValueError(f"colors: expected one colour or {number}, got an array of shape {array.shape}")
    return [(int(b), int(g), int(r)) for b, g, r in array]


def _texts(labels: Sequence[str] | None, scores: Sequence[float] | NDArray | None, number: int) -> list[str]:
    for name, values in (("labels", labels), ("scores", scores)):
        if values is not None and len(values) != number:
            raise ValueError(f"{name}: expected {number}, one for each box, got {len(values)}")
    if labels is None and scores is None:
        return [""] * number
    words = [""] * number if labels is None else [" ".join(str(label).split()) for label in labels]
    if scores is None:
        return words
    return [
        word if np.isnan(score) else f"{word} {score:.2f}".strip() for word, score in zip(words, scores, strict=True)
    ]


def _draw_outline(canvas: NDArray, rim: NDArray, box: NDArray, color: Color, thickness: float, dashed: bool) -> None:
    """Draw the outline in place, with a dark rim on both sides so that it shows on any ground.

    `rim` is a copy of `canvas` and is one again afterwards. Only the four sides are mixed, not the whole picture: there
    are thousands of boxes in a picture of ROIs.
    """
    corners = box[[[0, 1], [2, 1], [2, 3], [0, 3], [0, 1]]]
    if dashed:
        dash = max(6.0, 4 * thickness)
        lines = [piece for a, b in pairwise(corners) for piece in _dashes(a, b, dash)]
    else:
        lines = list(pairwise(corners))
    wide = round(thickness) + 2
    _draw_lines(rim, lines, _HALO, wide)
    sides = list(_sides(box, wide, canvas.shape))
    for side in sides:
        canvas[side] = cv2.addWeighted(rim[side], 0.55, canvas[side], 0.45, 0)
    _draw_lines(canvas, lines, color, max(1, round(thickness)))
    for side in sides:
        rim[side] = canvas[side]


def _sides(box: NDArray, reach: int, shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Yield up to four rectangles, none empty, that do not overlap: all pixels within `reach` of the box's outline."""
    left, right = int(np.floor(box[[0, 2]].min())) - reach, int(np.ceil(box[[0, 2]].max())) + reach + 1
    top, bottom = int(np.floor(box[[1, 3]].min())) - reach, int(np.ceil(box[[1, 3]].max())) + reach + 1
    deep = 2 * reach + 2
    below, above = min(top + deep, bottom), max(bottom - deep, top + deep)
    rows = (top, below), (above, bottom), (below, above), (below, above)
    columns = (left, right), (left, right), (left, min(left + deep, right)), (max(right - deep, left + deep), right)
    for (y1, y2), (x1, x2) in zip(rows, columns, strict=True):
        side = slice(max(y1, 0), min(y2, shape[0])), slice(max(x1, 0), min(x2, shape[1]))
        if side[0].start < side[0].stop and side[1].start < side[1].stop:
            yield side


def _draw_lines(canvas: NDArray, lines: list, color: Color, thickness: int) -> None:
    for begin, end in lines:
        points = [tuple(int(value) for value in np.rint(point * 2**_SUBPIXEL_BITS)) for point in (begin, end)]
        cv2.line(canvas, points[0], points[1], color, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _dashes(begin: NDArray, end: NDArray, dash: float) -> list[tuple[NDArray, NDArray]]:
    """Cut a line into an odd number of equal pieces and return every second one, so that corners are closed."""
    pieces = 2 * max(1, round(float(np.linalg.norm(end - begin)) / dash / 2)) + 1
    points = begin + (end - begin) * np.linspace(0, 1, pieces + 1)[:, None]
    return list(zip(points[:-1:2], points[1::2], strict=True))


def _padding(size: float) -> int:
    return max(2, round(size * 0.3))


def _chip_size(mask: NDArray, size: float) -> tuple[int, int]:
    return mask.shape[1] + 2 * _padding(size), mask.shape[0] + 2


def _place_chip(
    shape: tuple[int, ...],
    box: NDArray,
    size: tuple[int, int],
    placed: Sequence[NDArray],
    boxes: NDArray,
    thickness: float,
) -> NDArray:
    """Return the chip's place, left top right bottom (right and bottom exclusive): the best of those around its box.

    The first choice stands on the upper left corner. A place costs what it hides: of other chips dearly, of boxes
    less, and a step down the list almost nothing.
    """
    width, height = size
    half = thickness / 2
    x1, y1, x2, y2 = box
    lefts = (x1 - half, x2 + 1 + half - width, (x1 + x2 + 1 - width) / 2)
    tops = [y1 - half - height, y1 - half, y2 + 1 + half, y2 + half - height]
    choices = [(left, top) for top in tops for left in lefts]
    choices += [(x1 - half, y1 - half + step * height) for step in range(1, max(1, int((y2 - y1) / height)))]
    corners = np.rint(np.array(choices)).astype(int)
    corners = np.clip(corners, 0, np.maximum([shape[1] - width, shape[0] - height], 0))
    places = np.hstack([corners, corners + [width, height]])
    cost = np.arange(len(places)) * 0.01
    own = np.array([x1, y1, x2 + 1, y2 + 1])
    others = boxes + [0, 0, 1, 1]
    area = width * height
    if placed:
        cost += 20 * _shared(places, np.array(placed)).sum(1) / area
    cost += (_shared(places, others) / area).sum(1) + 0.2 * _shared(places, own[None])[:, 0] / area
    return places[int(np.argmin(cost))]


def _shared(places: NDArray, others: NDArray) -> NDArray:
    """Return the (N, M) areas that rectangles with exclusive right and bottom share."""
    sides = np.minimum(places[:, None, 2:], others[None, :, 2:]) - np.maximum(places[:, None, :2], others[None, :, :2])
    return np.prod(np.maximum(sides, 0), axis=2)


def _draw_chip(canvas: NDArray, place: NDArray, mask: NDArray, color: Color) -> None:
    """Draw a rounded chip with its text in place; black or white text, whichever differs more from `color`."""
    left, top, right, bottom = place.tolist()
    area = canvas[max(0, top) : bottom, max(0, left) : right]
    height, width = area.shape[:2]
    if area.size == 0:
        return
    radius = min(3.0, height / 2, width / 2)
    x, y = np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2
    far = (
        np.maximum(np.abs(x)[None, :] - width / 2 + radius, 0),
        np.maximum(np.abs(y)[:, None] - height / 2 + radius, 0),
    )
    cover = np.clip(radius + 0.5 - np.hypot(*far), 0, 1)[:, :, None]  # 1 inside, soft at the rounded corners
    mixed = area * (1 - cover) + np.array(color) * cover
    ink = np.zeros((height, width, 1), np.float32)
    x0, y0 = (width - mask.shape[1]) // 2, (height - mask.shape[0]) // 2
    part = mask[: height - max(0, y0), : width - max(0, x0)]
    ink[max(0, y0) : max(0, y0) + part.shape[0], max(0, x0) : max(0, x0) + part.shape[1], 0] = part
    area[:] = np.rint(mixed * (1 - ink) + _text_color(color) * ink).astype(np.uint8)


def _text_color(color: Color) -> int:
    """Return 255 (white) or 0 (black) by WCAG's contrast with `color`."""
    channels = np.array(color[::-1]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return 255 if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else 0
