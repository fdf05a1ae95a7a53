"""Things without a name: a few outlines laid together, each with its own surface. The most general kind of object."""

import numpy as np
from numpy.typing import NDArray

from resources.train_proposals.shapes import Figure, blob, corners, superformula, turned
from resources.train_proposals.surfaces import shade_of

_OUTLINES = (blob, blob, superformula, corners)


def thing(rng: np.random.Generator, size: float) -> NDArray:
    """Return a cut-out (h, w, 4) uint8 whose longer side is about `size` pixels."""
    figure = Figure(size, size)
    stretch = float(np.exp(rng.uniform(np.log(0.25), 0)))
    angle = rng.uniform(0, np.pi)
    main = _OUTLINES[rng.integers(0, len(_OUTLINES))](rng)
    body = turned(main, angle, stretch) * 0.48 + 0.5
    mask = figure.outline(body)
    figure.add(mask, figure.covered(rng))
    for _ in range(int(rng.integers(0, 5))):  # parts: on it, or beyond its edge
        own = _OUTLINES[rng.integers(0, len(_OUTLINES))](rng)
        place = body[rng.integers(0, len(body))] * rng.uniform(0.3, 1) + 0.5 * rng.uniform(0, 0.3)
        part = figure.outline(turned(own, rng.uniform(0, np.pi), rng.uniform(0.3, 1)) * rng.uniform(0.05, 0.22) + place)
        if rng.random() < 0.5:
            part = part * mask
        figure.add(part, figure.covered(rng) if rng.random() < 0.5 else shade_of(rng))
    if rng.random() < 0.3:  # nested contours
        for shrink in np.linspace(0.85, 0.2, int(rng.integers(2, 5))):
            figure.add(figure.outline((body - 0.5) * shrink + 0.5), shade_of(rng))
    if rng.random() < 0.1:  # a hole
        hole = figure.outline((turned(blob(rng), angle, stretch) * 0.48) * rng.uniform(0.2, 0.5) + 0.5)
        figure.alpha *= 1 - hole
    return figure.sprite(rng, lit=rng.random() < 0.8)
