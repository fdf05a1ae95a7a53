"""Pictures changed at random each time they are seen, so that few show more; annotated boxes follow.

A change is one scaling and one shift of the picture, maybe mirrored, and how it looks (`appearance.py`). A mosaic shows
parts of four pictures: things beside others, smaller, cut at other places (Bochkovskiy, Wang, Liao: YOLOv4, 2020). All
of it is drawn from one generator of random numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fastRCNN.faster.appearance import blurred, noisy, recoloured
from fastRCNN.faster.pictures import AnnotatedPicture, PaddedPicture, View, laid
from helpers.images import PAD_VALUE, read_part

_SMALLEST = 0.5  # of its usual size, a picture in a mosaic


@dataclass(frozen=True)
class Jitter:
    """How much pictures are changed. scale: 0.2 makes them up to 1.2 times larger or smaller; colour: 0.3 changes
    brightness, contrast and saturation by up to 30 %; flip: half of them are mirrored left to right; blur, noise,
    mosaic: this part of them is blurred, is noisy, becomes a mosaic with three others."""

    flip: bool = False
    scale: float = 0.0
    colour: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    mosaic: float = 0.0


def changed(
    picture: AnnotatedPicture,
    pad_size: int,
    rng: np.random.Generator,
    jitter: Jitter,
    *,
    others: Sequence[AnnotatedPicture] = (),
) -> PaddedPicture:
    """Return `picture` changed at random: mirrored, scaled, shifted within the square, in other colours.

    others: pictures that three are drawn from where it becomes a mosaic, `picture` itself may be one of them. Without
    any there is no mosaic.
    """
    if others and _happens(rng, jitter.mosaic):
        drawn = [picture, *(others[number] for number in rng.integers(len(others), size=3))]
        return _mosaic([drawn[number] for number in rng.permutation(4)], pad_size, rng, jitter)
    return _in_window(picture, (pad_size, pad_size), pad_size, rng, jitter)


def _happens(rng: np.random.Generator, share: float) -> bool:
    """Return True in `share` of all cases; draws nothing for 0, so that what is off changes no other number."""
    return bool(share and rng.random() < share)


def _in_window(
    picture: AnnotatedPicture,
    window: tuple[int, int],
    longest: float,
    rng: np.random.Generator,
    jitter: Jitter,
) -> PaddedPicture:
    """Return `picture` changed, somewhere in a `window` of so many pixels; of one that is larger any part.

    longest: pixels of its longest side, before that changes.
    """
    image = read_part(picture.path, picture.part)
    height, width = image.shape[:2]
    flip = bool(jitter.flip and rng.random() < 0.5)
    factor = float(np.exp(rng.uniform(-1, 1) * np.log1p(jitter.scale)))
    if jitter.colour:
        image = recoloured(image, rng, jitter.colour)
    scale = factor * longest / max(height, width)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    room = window[0] - wide, window[1] - high
    left, top = room[0] // 2, room[1] // 2
    if jitter.scale or window != (longest, longest):
        left, top = (int(rng.integers(min(0, each), max(0, each) + 1)) for each in room)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(image, (wide, high), interpolation=method)  # type: ignore[assignment]
    seen = image[max(0, -top) : window[1] - top, max(0, -left) : window[0] - left]
    if _happens(rng, jitter.blur):
        seen = blurred(seen, rng)
    if _happens(rng, jitter.noise):
        seen = noisy(seen, rng)
    pixels = np.full((window[1], window[0], 3), PAD_VALUE, np.uint8)
    pixels[max(0, top) : max(0, top) + len(seen), max(0, left) : max(0, left) + seen.shape[1]] = seen
    return laid(picture, pixels, View(scale, left, top, width, height), flip=flip)


def _mosaic(
    pictures: Sequence[AnnotatedPicture], pad_size: int, rng: np.random.Generator, jitter: Jitter
) -> PaddedPicture:
    """Return parts of four `pictures` around a point in the middle third of the square, each half to its usual size."""
    column, row = (int(each) for each in rng.integers(pad_size // 3, pad_size - pad_size // 3, size=2))
    pixels = np.full((pad_size, pad_size, 3), PAD_VALUE, np.uint8)
    corners = (0, 0), (column, 0), (0, row), (column, row)
    views: list[PaddedPicture] = []
    for picture, (left, top) in zip(pictures, corners, strict=True):
        window = (pad_size - column if left else column), (pad_size - row if top else row)
        longest = pad_size * float(np.exp(rng.uniform(np.log(_SMALLEST), 0)))
        view = _in_window(picture, window, longest, rng, jitter)
        pixels[top : top + window[1], left : left + window[0]] = view.pixels
        views.append(view)
    shifts = [np.array([left, top, left, top], np.float64) for left, top in corners]

    def together(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.concatenate([part + shift for part, shift in zip(parts, shifts, strict=True)])

    proposals = [view.proposals for view in views if view.proposals is not None]
    return PaddedPicture(
        pixels,
        together([view.objects for view in views]),
        np.concatenate([view.classes for view in views]),
        together([view.ignored for view in views]),
        (0, 0, pad_size, pad_size),
        min(view.scale for view in views),
        proposals=together(proposals) if len(proposals) == len(views) else None,
    )
