"""An acorn squash. Two kinds as a shop has them: pointed with shallow ribs, and broad with deep ones."""

import numpy as np

import textures
from material import Material, printed
from mesh import loft, patch, superellipse


def squash(rng, lying=False):
    """Meshes of one squash, about 1.5 dm wide, stem down and tip up."""
    surface, ribs = _surface(rng)
    skin = Material(
        "squash skin",
        (0.006, 0.013, 0.0045),
        roughness=0.38,
        specular=0.35,
        coat=0.03,
        second_color=(0.015, 0.027, 0.007),
        second_scale=4,
        bump=0.22,
        bump_scale=9,
    )
    columns, rows = ribs * 20, 72
    theta = np.arange(columns) / columns * 2 * np.pi
    polar = np.linspace(0.012, np.pi - 0.012, rows)
    meshes = [loft("squash", [surface(theta, p) for p in polar], skin)]

    # The stem is cut short and sits in the hollow below, so that the squash can stand.
    dry = Material("squash stem", (0.10, 0.085, 0.035), roughness=0.8, bump=0.6, bump_scale=20)
    root = surface(np.zeros(1), 0.012)[0, 2]
    meshes.append(
        loft(
            "squash stem",
            [
                superellipse(r, r, z, 2.6, 20)
                for r, z in ((0.07, max(root - 0.10, 0.01)), (0.075, root - 0.05), (0.12, root + 0.05))
            ],
            dry,
        )
    )
    if rng.random() < 0.75:
        meshes.append(_sticker(surface, rng))
    return meshes


def _surface(rng):
    """The skin as a function (theta (N,), polar angle from the stem) -> (N, 3), and the number of ribs."""
    broad = rng.random() < 0.5
    ribs = int(rng.integers(8, 11))
    radius = rng.uniform(0.74, 0.80) if broad else rng.uniform(0.70, 0.75)
    height = rng.uniform(1.46, 1.56) if broad else rng.uniform(1.56, 1.68)
    depth = rng.uniform(0.085, 0.12) if broad else rng.uniform(0.045, 0.075)
    a, b = (0.42, 0.50) if broad else (0.46, 0.60)
    peak = (a / (a + b)) ** a * (b / (a + b)) ** b
    phases, lean = rng.uniform(0, 2 * np.pi, 6), rng.uniform(-0.06, 0.06, 2)
    strength = rng.uniform(0.6, 1.25, ribs)

    def surface(theta, polar):
        t = (1 - np.cos(polar)) / 2
        swell = radius * t**a * (1 - t) ** b / peak
        # Ribs are never spaced evenly; they are deep near the stem and fade towards the tip.
        warped = theta + 0.09 * np.sin(theta + phases[0]) + 0.05 * np.sin(2 * theta + phases[1])
        which = np.mod(ribs * warped / (2 * np.pi) + 0.5, ribs)
        groove = (1 - np.abs(np.sin(ribs * warped / 2))) ** 1.35
        near = 0.5 + 0.5 * np.cos(2 * np.pi * (which - np.floor(which) - 0.5))
        amplitude = 1 + near * (strength[np.floor(which).astype(int) % ribs] - 1)
        fade = 0.18 + 0.82 * (1 - t) ** 1.3
        round_ = 1 + 0.025 * np.sin(2 * theta + phases[2]) + 0.018 * np.sin(3 * theta + phases[3])
        ring = swell * round_ * (1 - depth * 1.6 * fade * groove * amplitude)
        z = height * t + np.zeros_like(theta)
        z += 0.11 * height * np.exp(-((ring / (0.42 * radius)) ** 2)) * (1 - t) ** 6  # hollow around the stem
        z += 0.05 * height * groove * amplitude * (1 - t) ** 8  # lobes reach further down
        z += 0.05 * height * np.exp(-((ring / (0.10 * radius)) ** 2)) * t**8  # the tip's small point
        return np.c_[ring * np.cos(theta) + lean[0] * t * t, ring * np.sin(theta) + lean[1] * t * t, z]

    floor = min(surface(np.linspace(0, 2 * np.pi, 181), p)[:, 2].min() for p in np.linspace(0.012, 0.9, 40))
    return (lambda theta, polar: surface(np.asarray(theta, float), polar) - (0, 0, floor)), ribs


def _sticker(surface, rng):
    theta0, polar0 = rng.uniform(0, 2 * np.pi), rng.uniform(1.3, 2.1)

    def on_skin(u, v):
        x, y = 2 * u - 1, 2 * v - 1
        dx, dy = x * np.sqrt(1 - y * y / 2), y * np.sqrt(1 - x * x / 2)  # square to disc
        point = surface(np.array([theta0 + 0.24 * dx]), polar0 + 0.21 * dy)[0]
        outwards = point - (0, 0, 0.6)
        return point + outwards / np.linalg.norm(outwards) * 0.012

    return patch("squash sticker", on_skin, printed("squash sticker", textures.squash_sticker(rng)), 16, 16)
