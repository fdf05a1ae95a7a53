"""Animals and people: silhouettes with limbs, heads, ears, tails and faces, covered with fur, feathers or cloth."""

import numpy as np
from numpy.typing import NDArray

from resources.train_proposals.shapes import Figure, blob, turned
from resources.train_proposals.surfaces import shade_of


def _disc(x: float, y: float, rx: float, ry: float, rng: np.random.Generator, wild: float = 0.06) -> NDArray:
    outline = blob(rng, wild=wild, waves=5)
    outline /= np.abs(outline).max(0)
    return outline * [rx, ry] + [x, y]


def _face(rng: np.random.Generator, figure: Figure, x: float, y: float, r: float, frontal: bool) -> None:
    """Eyes, muzzle, nose and markings around x, y; r is the head's radius, all in parts of the figure."""
    dark, pale = shade_of(rng) * 0.3, np.clip(shade_of(rng) * 1.4 + 40, 0, 255)
    if rng.random() < 0.5:  # a mask or patches around the eyes
        figure.add(figure.outline(_disc(x, y - 0.1 * r, 0.8 * r, 0.35 * r, rng)), dark + 20)
    if rng.random() < 0.7:
        figure.add(figure.outline(_disc(x, y + 0.4 * r, 0.4 * r, 0.35 * r, rng)), pale)
        figure.add(figure.outline(_disc(x, y + 0.35 * r, 0.15 * r, 0.11 * r, rng)), dark * 0.5)
    spread = 0.4 * r if frontal else 0.15 * r
    for side in (-1, 1) if frontal else (1,):
        size = rng.uniform(0.08, 0.18) * r
        figure.add(figure.outline(_disc(x + side * spread, y - 0.12 * r, size, size, rng)), dark * 0.4)
        figure.add(figure.outline(_disc(x + side * spread + 0.3 * size, y - 0.12 * r - 0.3 * size, 0.3 * size,
                                        0.3 * size, rng)), np.float32([235, 235, 235]))  # fmt: skip


def _ears(rng: np.random.Generator, figure: Figure, x: float, y: float, r: float, cover: NDArray) -> None:
    pointed, height = rng.random() < 0.5, rng.uniform(0.3, 0.9) * r
    for side in (-1, 1):
        base = np.array([x + side * 0.6 * r, y - 0.65 * r])
        if pointed:
            tip = base + [side * 0.2 * r, -height]
            ear = np.stack([base + [-0.3 * r, 0], tip, base + [0.3 * r, 0.2 * r]])
        else:
            ear = _disc(base[0], base[1] - 0.2 * height, 0.3 * r, 0.35 * r + 0.2 * height, rng)
        figure.add(figure.outline(ear), cover)


def beast(rng: np.random.Generator, size: float) -> NDArray:
    """Return an animal from the side, (h, w, 4) uint8, its longer side about `size` pixels."""
    figure = Figure(size * rng.uniform(0.55, 1.0), size)
    cover = figure.covered(rng)
    back, belly = rng.uniform(0.3, 0.45), rng.uniform(0.5, 0.68)
    left, right = rng.uniform(0.15, 0.3), rng.uniform(0.62, 0.75)
    tail = np.array([[left, back + 0.05], [left - 0.1, back + rng.uniform(-0.2, 0.2)], [0.05, rng.uniform(0.1, 0.8)]])
    figure.add(figure.tube(tail, [rng.uniform(0.015, 0.06), rng.uniform(0.01, 0.06)]), cover)
    for far in (0.75, 1.0):  # the far legs are darker and lie behind
        for hip in (left + 0.05, right - 0.03):
            foot = hip + rng.normal(0, 0.07)
            leg = np.array([[hip, belly - 0.08], [(hip + foot) / 2 + rng.normal(0, 0.03), 0.78], [foot, 0.97]])
            figure.add(figure.tube(leg, [rng.uniform(0.04, 0.09), rng.uniform(0.015, 0.04)]), cover * np.float32(far))
    middle = (back + belly) / 2
    spine = np.array([[left, middle], [(left + right) / 2, middle + rng.normal(0, 0.03)], [right, middle - 0.02]])
    thick = (belly - back) / 2 * figure.height / max(figure.height, figure.width)
    figure.add(figure.tube(spine, [thick * rng.uniform(0.8, 1.3), thick * rng.uniform(0.8, 1.2)]), cover)
    if rng.random() < 0.3:
        pale = np.clip(cover * 1.4 + 20, 0, 255)
        figure.add(figure.tube(spine + [0, 0.35 * (belly - back)], [thick * 0.4, thick * 0.4]) * figure.alpha, pale)
    head = np.array([rng.uniform(0.8, 0.88), rng.uniform(0.15, 0.5)])
    neck = np.stack([[right, middle - 0.03], head])
    figure.add(figure.tube(neck, [thick * 0.8, thick * rng.uniform(0.5, 0.9)]), cover)
    r = rng.uniform(0.08, 0.13)
    own = cover if rng.random() < 0.7 else figure.covered(rng)
    _ears(rng, figure, head[0], head[1], r, own)
    figure.add(figure.outline(_disc(head[0], head[1], r, r * figure.width / figure.height, rng)), own)
    snout = np.stack([head, head + [rng.uniform(0.3, 1.2) * r, 0.4 * r]])
    figure.add(figure.tube(snout, [r * 0.6, r * rng.uniform(0.25, 0.5)]), own)
    _face(rng, figure, head[0], head[1], r, False)
    sprite = figure.sprite(rng)
    return sprite[:, ::-1] if rng.random() < 0.5 else sprite


def sitting(rng: np.random.Generator, size: float) -> NDArray:
    """Return an animal from the front, sitting or lying, or its head alone, (h, w, 4) uint8."""
    figure = Figure(size, size * rng.uniform(0.6, 1.0))
    cover, alone = figure.covered(rng), rng.random() < 0.3
    r = rng.uniform(0.36, 0.42) if alone else rng.uniform(0.15, 0.28)
    x, y = 0.5 + (0 if alone else rng.normal(0, 0.08)), r + rng.uniform(0.08, 0.15)
    if not alone:
        if rng.random() < 0.5:
            tail = np.array([[0.5, 0.85], [rng.uniform(0.0, 0.2), 0.9], [0.08, rng.uniform(0.4, 0.8)]])
            figure.add(figure.tube(tail, [0.05, rng.uniform(0.02, 0.06)]), figure.covered(rng))
        half = rng.uniform(0.22, 0.42)
        figure.add(figure.outline(_disc(0.5, 0.68, half, 0.31, rng, 0.12)), cover)
        for side in (-1, 1):
            foot = 0.5 + side * rng.uniform(0.1, 0.3)
            leg = np.array([[0.5 + side * half * 0.5, 0.55], [foot, 0.95]])
            figure.add(figure.tube(leg, [rng.uniform(0.05, 0.09), rng.uniform(0.03, 0.06)]), cover * np.float32(0.9))
        if rng.random() < 0.5:
            figure.add(figure.outline(_disc(0.5, 0.7, half * 0.5, 0.2, rng)), np.clip(cover * 1.4 + 20, 0, 255))
    own = cover if rng.random() < 0.6 else figure.covered(rng)
    _ears(rng, figure, x, y, r, own)
    figure.add(figure.outline(_disc(x, y, r * rng.uniform(0.85, 1.15), r, rng)), own)
    _face(rng, figure, x, y, r, True)
    return figure.sprite(rng)


def bird(rng: np.random.Generator, size: float) -> NDArray:
    """Return a bird, standing or in flight, (h, w, 4) uint8."""
    figure = Figure(size * rng.uniform(0.6, 1.0), size)
    cover, flying = figure.covered(rng), rng.random() < 0.3
    if not flying:
        for x in (0.45, 0.53):
            leg = np.array([[x, 0.6], [x + rng.normal(0, 0.02), 0.97]])
            figure.add(figure.tube(leg, [0.012, 0.012]), shade_of(rng) * 0.6)
    lean = rng.uniform(-0.2, 0.9)
    tail = np.array([[0.3, 0.45], [0.02, 0.35 + 0.3 * lean], [0.05, 0.5 + 0.3 * lean], [0.35, 0.6]])
    figure.add(figure.outline(tail), cover * np.float32(0.8))
    figure.add(figure.outline(turned(_disc(0, 0, 0.3, 0.2, rng), -lean * 0.6) + [0.48, 0.5]), cover)
    if flying:
        for tip in ([0.3, 0.02], [0.4, 0.95]):
            wing = np.array([[0.4, 0.5], [0.2 + tip[0] * 0.3, (tip[1] + 0.5) / 2], tip, [0.62, 0.5]])
            figure.add(figure.outline(wing), figure.covered(rng))
    else:
        wing = turned(_disc(0, 0, 0.2, 0.1, rng), -lean * 0.7) + [0.42, 0.47]
        figure.add(figure.outline(wing), figure.covered(rng))
    head = np.array([0.75, 0.5 - 0.28 * max(lean, 0.2)])
    figure.add(figure.tube(np.stack([[0.6, 0.47], head]), [0.12, 0.08]), cover)
    beak = np.stack([head + [0.05, -0.04], head + [rng.uniform(0.12, 0.24), 0.03], head + [0.05, 0.05]])
    figure.add(figure.outline(beak), shade_of(rng))
    own = cover if rng.random() < 0.5 else figure.covered(rng)
    figure.add(figure.outline(_disc(head[0], head[1], 0.09, 0.09, rng)), own)
    _face(rng, figure, head[0], head[1], 0.09, False)
    sprite = figure.sprite(rng)
    return sprite[:, ::-1] if rng.random() < 0.5 else sprite


def person(rng: np.random.Generator, size: float) -> NDArray:
    """Return somebody standing, walking or sitting, (h, w, 4) uint8, `size` pixels high."""
    figure = Figure(size, size * rng.uniform(0.35, 0.7))
    skin = np.float32([110, 140, 190]) * rng.uniform(0.3, 1.25)
    shirt, trousers = figure.covered(rng), figure.covered(rng)
    hip, neck = rng.uniform(0.48, 0.56), 0.2
    for side in (-1, 1):
        knee, foot = 0.5 + side * rng.uniform(0, 0.25), 0.5 + side * rng.uniform(0, 0.35)
        leg = np.array([[0.5 + side * 0.1, hip], [knee, 0.75], [foot, 0.95]])
        figure.add(figure.tube(leg, [rng.uniform(0.05, 0.08), rng.uniform(0.03, 0.05)]), trousers)
        figure.add(figure.outline(_disc(foot + 0.05, 0.965, 0.1, 0.03, rng)), shade_of(rng) * 0.5)
    figure.add(figure.tube(np.array([[0.5, neck + 0.06], [0.5, hip]]), [rng.uniform(0.07, 0.11), 0.08]), shirt)
    for side in (-1, 1):
        hand = np.array([0.5 + side * rng.uniform(0.1, 0.45), rng.uniform(0.15, 0.6)])
        elbow = np.array([0.5 + side * rng.uniform(0.2, 0.4), rng.uniform(0.3, 0.42)])
        figure.add(figure.tube(np.stack([[0.5 + side * 0.18, neck + 0.06], elbow, hand]), [0.04, 0.025]), shirt)
        figure.add(figure.tube(np.stack([hand, hand + [0, 0.02]]), [0.028, 0.028]), skin)
    figure.add(figure.tube(np.array([[0.5, 0.12], [0.5, neck]]), [0.03, 0.03]), skin)
    figure.add(figure.outline(_disc(0.5, 0.08, 0.065 * figure.height / figure.width, 0.075, rng)), shade_of(rng) * 0.6)
    face = 0.052 * figure.height / figure.width
    figure.add(figure.outline(_disc(0.5 + rng.normal(0, 0.02), 0.095, face, 0.06, rng)), skin)
    return figure.sprite(rng)
