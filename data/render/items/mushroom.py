"""A blue tray of mushrooms under cling film."""

import numpy as np

import textures
from material import Material, clear, printed
from mesh import loft, patch, pose, rotation, smooth_profile, superellipse, turned

_HALF_X, _HALF_Y, _HEIGHT = 0.72, 0.58, 0.56


def mushroom(rng, lying=False):
    """Meshes of one tray, 1.45 x 1.15 x 0.6 dm. The film is see-through for the annotation: it bulges past the tray."""
    blue = Material("tray", (0.010, 0.060, 0.32), roughness=0.30)
    h = _HEIGHT
    rings = [
        (0.60, 0.015, 0),
        (0.80, 0.0, 0),
        (0.84, 0.03, 0.004),
        (0.93, h - 0.06, 0.004),
        (0.94, h - 0.04, 0),
        (1.0, h - 0.035, 0),
        (1.0, h, 0),
        (0.93, h, 0),
        (0.90, h - 0.05, 0),
        (0.80, 0.05, 0),
        (0.5, 0.05, 0),
    ]
    meshes = [loft("tray", [_ring(*ring) for ring in rings], blue)]
    meshes += _mushrooms(rng)

    film = clear("film", (0.97, 0.97, 0.97), 0.10, bump=0.55, bump_scale=5, ior=1.35, haze=0.02)
    meshes.append(patch("film", _film, film, 30, 30, see_through=True))
    meshes.append(
        loft(
            "film",
            [
                _ring(*ring)
                for ring in ((0.86, 0.02, 0.006), (0.92, 0.2, 0.009), (0.965, h - 0.1, 0.007), (1.01, h - 0.01, 0))
            ],
            film,
            bottom=False,
            top=False,
            see_through=True,
        )
    )
    meshes.append(_label(rng))
    return meshes


def _ring(scale, z, ribs):
    ring = superellipse(_HALF_X * scale, _HALF_Y * scale, z, 7, 192)
    ring[:, :2] *= 1 + ribs * np.sin(np.arange(192) / 192 * 2 * np.pi * 48)[:, None]
    return ring


def _mushrooms(rng):
    cap = Material(
        "mushroom cap",
        (0.62, 0.50, 0.38),
        roughness=0.6,
        second_color=(0.72, 0.62, 0.50),
        second_scale=4,
        bump=0.2,
        bump_scale=14,
    )
    stem = Material("mushroom stem", (0.66, 0.58, 0.47), roughness=0.7, bump=0.3, bump_scale=20)
    cap_curve = smooth_profile(
        [(0.004, 0.62), (0.55, 0.55), (0.93, 0.18), (1.0, -0.08), (0.86, -0.16), (0.45, -0.05)], 4
    )[::-1]
    meshes = []
    for layer_z, spacing in ((0.20, 0.20), (_HEIGHT - 0.10, 0.245)):
        for i in range(5):
            for j in range(4):
                size, tumbled = rng.uniform(0.125, 0.165), rng.random() < 0.4
                tilt = rng.uniform(1.4, 3.14) if tumbled else rng.uniform(-0.9, 0.9)
                turn = rotation("z", rng.uniform(0, 6.28)) @ rotation("y", rng.uniform(-0.7, 0.7)) @ rotation("x", tilt)
                shift = rng.uniform(-0.03, 0.03, 3)
                place = pose(
                    turn, ((i - 2) * spacing * 0.9 + shift[0], (j - 1.5) * spacing + shift[1], layer_z + shift[2] * 0.6)
                )
                meshes.append(turned("mushroom cap", cap_curve * size, cap, count=28, bottom=False).moved(place))
                meshes.append(
                    turned(
                        "mushroom stem",
                        [(0.40 * size, -0.9 * size), (0.42 * size, -0.8 * size), (0.33 * size, -0.1 * size)],
                        stem,
                        count=16,
                        top=False,
                    ).moved(place)
                )
    return meshes


def _film(u, v):
    """The film over the tray as a height field: taut at the rim, slightly raised inside, with a few folds."""
    x, y = 2 * u - 1, 2 * v - 1
    z = _HEIGHT + 0.012 + 0.035 * (1 - x**4) * (1 - y**4) + 0.006 * np.sin(9 * x + 5 * y)
    return np.array([x * _HALF_X * 0.985, y * _HALF_Y * 0.985, z])


def _label(rng):
    x0, y0, angle = rng.uniform(-0.15, 0.15), rng.uniform(-0.1, 0.1), rng.uniform(-0.15, 0.15)

    def surface(u, v):
        x, y = (u - 0.5) * 0.74, (v - 0.5) * 0.32
        tray_x, tray_y = x0 + x * np.cos(angle) - y * np.sin(angle), y0 + x * np.sin(angle) + y * np.cos(angle)
        return _film(tray_x / (2 * _HALF_X * 0.985) + 0.5, tray_y / (2 * _HALF_Y * 0.985) + 0.5) + (0, 0, 0.008)

    return patch("mushroom label", surface, printed("mushroom label", textures.mushroom_label(rng), 0.3), 12, 8)
