"""Made things: cars, tools, furniture, signs, cards: straight lines, wheels, glass, writing."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet.cutouts import tilted
from resources.train_alexnet.labels import text
from resources.train_proposals.shapes import Figure, blob
from resources.train_proposals.surfaces import shade_of


def _circle(x: float, y: float, rx: float, ry: float) -> NDArray:
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], 1)


def _box(x1: float, y1: float, x2: float, y2: float) -> NDArray:
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])


def vehicle(rng: np.random.Generator, size: float) -> NDArray:
    """Return something on wheels, from the side or the front, (h, w, 4) uint8, its longer side about `size`."""
    front = rng.random() < 0.3
    figure = Figure(size * (rng.uniform(0.7, 1.0) if front else rng.uniform(0.35, 0.65)), size)
    paint, glass, tyre = shade_of(rng), shade_of(rng) * 0.4 + 20, np.float32([30, 30, 30]) * rng.uniform(0.4, 1.6)
    aspect = figure.width / figure.height
    if front:
        for x in (0.12, 0.88):
            figure.add(figure.outline(_box(x - 0.08, 0.6, x + 0.08, 0.98)), tyre)
        body = np.array([[0.2, 0.05], [0.8, 0.05], [0.95, 0.45], [0.97, 0.85], [0.03, 0.85], [0.05, 0.45]])
        pane = np.array([[0.24, 0.1], [0.76, 0.1], [0.86, 0.42], [0.14, 0.42]])
        figure.add(figure.outline(body), paint)
        figure.add(figure.outline(pane), glass)
        figure.add(figure.outline(_box(0.3, 0.55, 0.7, 0.72)), paint * 0.4)
        for x in (0.17, 0.83):
            figure.add(figure.outline(_circle(x, 0.58, 0.09, 0.08)), np.float32([220, 235, 240]))
        return figure.sprite(rng, lit=False)
    hood, roof = rng.uniform(0.3, 0.55), rng.uniform(0.02, 0.2)
    a, b, c, d = np.sort(rng.uniform(0.02, 0.98, 4))
    upper = [[0.02, hood], [a, hood - 0.02], [b, roof], [c, roof], [d, hood], [0.98, hood + 0.08]]
    body = np.array([*upper, [0.98, 0.8], [0.02, 0.8]])
    figure.add(figure.outline(body), paint if rng.random() < 0.7 else figure.covered(rng))
    panes = int(rng.integers(1, 6))
    for k in range(panes):
        left, right = b + (c - b) * k / panes, b + (c - b) * (k + 0.85) / panes
        figure.add(figure.outline(_box(left, roof + 0.05, right, hood)), glass)
    figure.add(figure.outline(_box(0.02, 0.68, 0.98, 0.8)), paint * rng.uniform(0.4, 0.9))
    radius = rng.uniform(0.14, 0.2)
    for x in np.linspace(rng.uniform(0.14, 0.25), rng.uniform(0.75, 0.86), int(rng.integers(2, 5))):
        figure.add(figure.outline(_circle(x, 0.98 - radius, radius / aspect, radius)), tyre)
        figure.add(figure.outline(_circle(x, 0.98 - radius, radius / aspect / 2, radius / 2)), shade_of(rng))
    sprite = figure.sprite(rng, lit=rng.random() < 0.5)
    return sprite[:, ::-1] if rng.random() < 0.5 else sprite


def implement(rng: np.random.Generator, size: float) -> NDArray:
    """Return a tool, a piece of furniture, a sign or a vessel: boxes and discs along an axis, (h, w, 4) uint8."""
    figure = Figure(size, size * np.exp(rng.uniform(np.log(0.25), 0)))
    levels = np.sort(np.concatenate([[0.01, 0.99], rng.uniform(0.05, 0.95, int(rng.integers(0, 5)))]))
    cover = figure.covered(rng)
    for top, bottom in pairwise(levels):
        upper, lower = rng.uniform(0.1, 0.49, 2)
        part = np.array([[0.5 - upper, top], [0.5 + upper, top], [0.5 + lower, bottom], [0.5 - lower, bottom]])
        if rng.random() < 0.25:
            part = _circle(0.5, (top + bottom) / 2, upper, (bottom - top) / 2)
        figure.add(figure.outline(part), cover if rng.random() < 0.4 else figure.covered(rng))
    if rng.random() < 0.4:  # legs, a handle
        for x in rng.uniform(0.05, 0.95, 2):
            leg = np.array([[x, rng.uniform(0, 0.6)], [x + rng.normal(0, 0.1), 0.98]])
            figure.add(figure.tube(leg, [0.02, 0.02]), shade_of(rng))
    if rng.random() < 0.3:
        figure.add(figure.outline(blob(rng) * 0.2 + rng.uniform(0.3, 0.7, 2)), shade_of(rng))
    return tilted(figure.sprite(rng), float(rng.choice([0, 0, 90, rng.uniform(0, 360)])))


def card(rng: np.random.Generator, size: float) -> NDArray:
    """Return a playing card, a sign, a label, a book or a sheet with writing, in perspective, (h, w, 4) uint8."""
    height, width = 240, int(240 * rng.uniform(0.45, 1.4))
    paper = np.float32([1, 1, 1]) * rng.uniform(180, 255) if rng.random() < 0.6 else shade_of(rng)
    face = np.full((height, width, 3), paper, np.uint8)
    ink = shade_of(rng) * 0.7
    kind = rng.random()
    if kind < 0.4:  # corner signs and symbols in rows
        for _ in range(int(rng.integers(1, 11))):
            x, y, radius = int(rng.uniform(0.2, 0.8) * width), int(rng.uniform(0.15, 0.85) * height), rng.uniform(8, 40)
            symbol = np.round(blob(rng, waves=4) * radius + [x, y]).astype(np.int32)
            cv2.fillPoly(face, [symbol], ink.tolist(), cv2.LINE_AA)
        text(rng, face, 8, 40, rng.uniform(0.8, 1.6), ink, 1)
        text(rng, face, width - 40, height - 12, rng.uniform(0.8, 1.6), ink, 1)
    elif kind < 0.75:
        for y in range(30, height - 8, int(rng.integers(14, 50))):
            text(rng, face, int(rng.uniform(4, 30)), y, rng.uniform(0.3, 1.2), ink, int(rng.integers(3, 24)))
    else:
        face = Figure(height, width).covered(rng).astype(np.uint8)
        text(rng, face, 10, int(rng.uniform(40, height)), rng.uniform(1, 3), ink, int(rng.integers(1, 8)))
    if rng.random() < 0.4:
        cv2.rectangle(face, (6, 6), (width - 7, height - 7), ink.tolist(), int(rng.integers(1, 8)))
    figure = Figure(size, size)
    angle = rng.normal(0, 0.5) + float(rng.choice([0, np.pi / 2]))
    quad = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2.0
    quad = quad @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    quad *= [1, rng.uniform(0.5, 1)]
    quad *= 1 + rng.normal(0, 0.06, (4, 1))
    quad = (quad - quad.min(0)) / np.ptp(quad, axis=0).max() * (max(figure.height, 8) - 3) + 1
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    small = min(1.0, 2 * size / 240)
    if small < 1:
        face = cv2.resize(face, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
        corners *= small
    matrix = cv2.getPerspectiveTransform(corners, quad.astype(np.float32))
    flat = cv2.warpPerspective(face, matrix, (figure.width, figure.height), borderMode=cv2.BORDER_REPLICATE)
    figure.add(figure.outline(quad / [figure.width - 1, figure.height - 1]), flat.astype(np.float32))
    return figure.sprite(rng, lit=False)
