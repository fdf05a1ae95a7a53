"""Three bottles: green glass for water, and two squeeze bottles of plastic."""

import numpy as np

import textures
from material import Material, clear, printed
from mesh import circle, loft, patch, smooth_profile, superellipse, turned

_WATER = smooth_profile(
    [
        (0.02, 0.06),
        (0.22, 0.035),
        (0.30, 0.0),
        (0.355, 0.03),
        (0.37, 0.12),
        (0.37, 0.45),
        (0.365, 0.80),
        (0.32, 1.08),
        (0.225, 1.36),
        (0.15, 1.60),
        (0.128, 1.74),
        (0.125, 1.88),
        (0.145, 1.90),
        (0.145, 1.94),
        (0.125, 1.96),
    ],
    6,
)


def _water_radius(z):
    return float(np.interp(z, _WATER[12:, 1], _WATER[12:, 0]))


def water(rng, lying=False):
    """Meshes of one glass bottle, 2.05 dm high. Lying ones are full: a level across a lying bottle would be wrong."""
    level = 1.86 if lying else rng.uniform(0.45, 1.62)
    full = Material("green glass, full", (0.045, 0.40, 0.085), kind="glass", ior=1.38)
    empty = clear("green glass, empty", (0.20, 0.62, 0.22), 0.02, ior=1.5)
    profile = [tuple(p) for p in _WATER]
    below = [p for i, p in enumerate(profile) if i < 12 or p[1] < level] + [(_water_radius(level), level)]
    above = [(_water_radius(level), level)] + [p for i, p in enumerate(profile) if i >= 12 and p[1] > level]
    meshes = [turned("bottle, full", below, full), turned("bottle, empty", above, empty, bottom=False)]

    metal = Material("crown cap", (0.55, 0.40, 0.12), roughness=0.32, metallic=0.7)
    t = np.arange(72) / 72 * 2 * np.pi
    flutes = 1 + 0.05 * np.sign(np.sin(t * 18))
    rings = [
        np.c_[r * k * np.cos(t), r * k * np.sin(t), np.full(72, z)]
        for r, z, k in ((0.145, 1.90, flutes), (0.150, 1.93, flutes), (0.142, 2.02, 1.0), (0.12, 2.045, 1.0))
    ]
    meshes.append(loft("crown cap", rings, metal))

    paper = printed("water label", textures.water_label(rng))
    turn = rng.uniform(-0.9, 0.9)

    def shoulder(u, v):
        angle = -np.pi / 2 + turn + (u - 0.5) * 2.2
        z = 1.06 + 0.34 * v + 0.16 * (u - 0.5)
        return np.array([(_water_radius(z) + 0.006) * np.cos(angle), (_water_radius(z) + 0.006) * np.sin(angle), z])

    def foot(u, v):
        angle = -np.pi / 2 + turn + (u - 0.5) * 1.7
        return np.array([0.377 * np.cos(angle), 0.377 * np.sin(angle), 0.20 + 0.32 * v])

    neck = printed("neck label", textures.water_label(rng))
    meshes += [
        patch("water label", shoulder, paper, 24, 10),
        patch("foot label", foot, paper, 16, 4),
        loft(
            "neck label",
            [circle(_water_radius(z) + 0.005, z) for z in np.linspace(1.60, 1.74, 6)],
            neck,
            bottom=False,
            top=False,
        ),
    ]
    return meshes


def _squeeze_bottle(name, profile, body, cap, cap_profile, labels, label_width, label_span):
    """Flat plastic bottle. profile: (half x, half y, z, superellipse power); labels: (front, back) materials."""
    profile = smooth_profile(profile, 4)
    meshes = [loft(name, [superellipse(a, b, z, p) for a, b, z, p in profile], body)]
    t = np.arange(96) / 96 * 2 * np.pi
    ridges = 1 + 0.02 * np.sign(np.sin(t * 24))
    meshes.append(
        loft(
            name + " cap",
            [np.c_[r * ridges * np.cos(t), r * ridges * np.sin(t), np.full(96, z)] for r, z in cap_profile],
            cap,
        )
    )
    rising = profile[np.argmin(profile[:, 2]) :]

    def on_side(side):
        def surface(u, v):
            z = label_span[0] + (label_span[1] - label_span[0]) * v
            a, b, p = (np.interp(z, rising[:, 2], rising[:, i]) for i in (0, 1, 3))
            x = (u - 0.5) * 2 * label_width * a
            y = -b * max(1 - abs(x / a) ** p, 0) ** (1 / p) - 0.006
            return np.array([side * x, side * y, z])

        return surface

    return meshes + [patch(f"{name} label", on_side(s), label) for s, label in zip((1, -1), labels, strict=True)]


def ketchup(rng, lying=False):
    """Meshes of one ketchup bottle, 1.56 dm high."""
    body = Material("ketchup", (0.30, 0.010, 0.007), roughness=0.16, coat=0.5, bump=0.03, bump_scale=4)
    cap = Material("ketchup cap", (0.80, 0.80, 0.78), roughness=0.35)
    profile = [
        (0.22, 0.15, 0.03, 3),
        (0.28, 0.20, 0.0, 3.5),
        (0.35, 0.245, 0.05, 4),
        (0.36, 0.255, 0.16, 4),
        (0.34, 0.24, 0.40, 4),
        (0.35, 0.245, 0.76, 4),
        (0.335, 0.24, 0.98, 3.6),
        (0.27, 0.22, 1.17, 2.8),
        (0.205, 0.195, 1.26, 2.2),
        (0.185, 0.185, 1.31, 2),
    ]
    cap_profile = [(0.215, 1.28), (0.23, 1.30), (0.225, 1.52), (0.205, 1.55), (0.13, 1.56)]
    labels = (printed("ketchup label", textures.ketchup_label(rng)), printed("ketchup back", textures.back_label(rng)))
    return _squeeze_bottle("ketchup", profile, body, cap, cap_profile, labels, 0.72, (0.25, 0.89))


def mustard(rng, lying=False):
    """Meshes of one mustard bottle, 1.33 dm high."""
    body = Material("mustard", (0.80, 0.55, 0.012), roughness=0.28)
    cap = Material("mustard cap", (0.012, 0.012, 0.012), roughness=0.4)
    profile = [
        (0.22, 0.17, 0.02, 3),
        (0.30, 0.22, 0.0, 3.5),
        (0.345, 0.25, 0.04, 4),
        (0.35, 0.255, 0.13, 4),
        (0.35, 0.255, 0.74, 4),
        (0.33, 0.25, 0.87, 3.4),
        (0.25, 0.22, 0.99, 2.6),
        (0.20, 0.20, 1.04, 2.0),
        (0.195, 0.195, 1.06, 2.0),
    ]
    cap_profile = [(0.22, 1.045), (0.24, 1.06), (0.23, 1.29), (0.21, 1.32), (0.12, 1.325)]
    labels = (printed("mustard label", textures.mustard_label(rng)), printed("mustard back", textures.back_label(rng)))
    return _squeeze_bottle("mustard", profile, body, cap, cap_profile, labels, 0.74, (0.17, 0.72))
