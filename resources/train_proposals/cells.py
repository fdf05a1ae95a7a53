"""Things under a lens: discs, rings, lobed bodies and dots on pale ground, translucent, alike, overlapping."""

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet.labels import noise
from resources.train_proposals.shapes import blob, filled
from resources.train_proposals.surfaces import shade_of


class Kind:
    """One kind of cell: all cells of a kind in a picture look alike, but for shape and place."""

    def __init__(self, rng: np.random.Generator, ground: NDArray) -> None:
        away = shade_of(rng) - ground
        self.ink = np.clip(ground + away * rng.uniform(0.25, 1.0), 0, 255)
        self.core = np.clip(ground + (shade_of(rng) - ground) * rng.uniform(0.5, 1.2), 0, 255)
        self.density, self.rim = rng.uniform(0.35, 0.95), rng.uniform(-0.6, 0.9)
        self.nucleus, self.lobes = rng.random() < 0.45, int(rng.integers(1, 5))
        self.wild, self.grain = rng.uniform(0.0, 0.2), max(0.0, rng.uniform(-0.25, 0.25))
        self.softness = rng.uniform(0.4, 2.5)
        self.stretch = rng.uniform(0.6, 1.0)

    def draw(self, rng: np.random.Generator, size: float) -> NDArray:
        """Return one cell, (h, w, 4) uint8, about `size` pixels across."""
        side = max(6, int(size) + 6)
        middle, radius = side / 2, max(2.0, size / 2)
        outline = blob(rng, wild=self.wild, waves=5) * [1, rng.uniform(self.stretch, 1)]
        turn = rng.uniform(0, np.pi)
        outline = outline @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        mask = cv2.GaussianBlur(filled(outline * radius + middle, side, side), (0, 0), min(self.softness, 0.12 * size))
        inside = np.clip(cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 3) / radius, 0, 1)
        depth = 1 + self.rim * (np.exp(-((inside - 0.2) ** 2) / 0.03) - 0.5)  # a dark or a pale rim
        alpha = mask * np.clip(self.density * depth, 0.15, 1)
        colour = np.broadcast_to(self.ink, (side, side, 3)).astype(np.float32)
        if self.nucleus:
            for _ in range(self.lobes):
                place = middle + rng.normal(0, 0.25, 2) * radius * (self.lobes > 1)
                lobe = filled(blob(rng, wild=0.15) * radius * rng.uniform(0.25, 0.6) + place, side, side) * (mask > 0.3)
                lobe = cv2.GaussianBlur(lobe, (0, 0), 0.8)
                colour = colour + (self.core - colour) * lobe[..., None]
                alpha = np.maximum(alpha, 0.9 * lobe)
        if self.grain:
            colour = colour * (1 + self.grain * noise(rng, side, side, first=8, octaves=2)[..., None])
        return np.dstack([np.clip(colour, 0, 255), np.clip(alpha, 0, 1) * 255]).astype(np.uint8)
