"""The lamp under the ceiling: switch panel, reflector, toothed shade, bulb. Its light is in `camera_light.py`."""

import numpy as np

import textures
from material import Material, clear, printed
from mesh import Mesh, ball, box, circle, loft, patch, pose, rotation

BULB_BELOW_CEILING, BULB_DEPTH, BULB_RADIUS = 1.45, 3.05, 0.24  # dm
WARM = (1.0, 0.80, 0.56)  # linear colour of the bulb


def lamp_housing(rng, ceiling):
    """List of meshes hanging from height `ceiling` (dm)."""
    h = ceiling
    plastic = Material("lamp plastic", (0.66, 0.65, 0.63), roughness=0.35)
    white = Material("switch", (0.80, 0.80, 0.78), roughness=0.30)
    slot = Material("slot", (0.03, 0.03, 0.03), roughness=0.6)
    panel = printed("lamp panel", textures.lamp_panel(rng))
    knob = rotation("y", rng.uniform(-0.8, 0.8)) @ rotation("x", np.pi / 2)
    dial = pose(knob, (0.30, 0.55, h - 0.37))
    meshes = [
        box("housing", (-0.95, 0.55, h - 0.95), (0.75, 1.9, h - 0.02), plastic, 0.14),
        box("housing", (-0.62, 1.5, h - 1.12), (0.62, 2.6, h - 0.3), plastic, 0.18),
        patch("panel", lambda u, v: np.array([-0.86 + 1.52 * u, 0.545, h - 0.64 + 0.52 * v]), panel, 1, 1),
        box("switch frame", (-0.74, 0.52, h - 0.58), (-0.40, 0.60, h - 0.16), plastic, 0.03),
        box("switch", (-0.66, 0.46, h - 0.50), (-0.48, 0.56, h - 0.24), white, 0.03),
        loft("dial", [circle(0.21, 0, 40), circle(0.20, 0.09, 40), circle(0.17, 0.11, 40)], plastic).moved(dial),
        box("dial mark", (-0.015, -0.16, 0.10), (0.015, 0.16, 0.125), white).moved(dial),
    ]
    meshes += [box("slot", (x, 0.56, h - 0.86), (x + 0.16, 0.70, h - 0.80), slot) for x in (-0.55, -0.1, 0.35)]
    reflector = Material("reflector", (0.80, 0.79, 0.76))
    shade = clear("shade", (0.85, 0.84, 0.80), 0.25, haze=0.22)
    # Real ones let light through to the back wall; the simplest way is one without a shadow.
    meshes += [
        _shell(
            "reflector",
            np.linspace(-0.12 * np.pi, 1.12 * np.pi, 31),
            ((0.62, -0.1), (0.66, -0.9), (0.62, -1.5), (0.52, -1.85)),
            h,
            reflector,
            casts_light=False,
        ),
        _shell(
            "shade",
            np.linspace(1.0 * np.pi, 2.0 * np.pi, 25),
            ((0.60, -1.62), (0.55, -1.80), (0.42, -1.95), (0.2, -2.0)),
            h,
            shade,
        ),
    ]
    for angle in np.pi * (1.1 + 0.2 * np.arange(5)):
        x, y = 0.58 * np.cos(angle), BULB_DEPTH + 0.5 * np.sin(angle)
        meshes.append(box("tooth", (x - 0.04, y - 0.03, h - 1.72), (x + 0.04, y + 0.03, h - 1.56), reflector))
    glow = Material("bulb", WARM, kind="glow", strength=60.0)
    meshes.append(
        ball("bulb", (0, BULB_DEPTH, h - BULB_BELOW_CEILING), BULB_RADIUS, glow, scale=(1, 1, 1.25), casts_light=False)
    )
    return meshes


def _shell(name, angles, profile, h, material, casts_light=True):
    """Part of a cup around the bulb: (radius, height below the ceiling) pairs swept through the angles."""
    n = len(angles)
    vertices = np.concatenate(
        [np.c_[r * np.cos(angles), BULB_DEPTH + 0.85 * r * np.sin(angles), np.full(n, h + z)] for r, z in profile]
    )
    faces = [
        (j * n + i, j * n + i + 1, (j + 1) * n + i + 1, (j + 1) * n + i)
        for j in range(len(profile) - 1)
        for i in range(n - 1)
    ]
    return Mesh(name, vertices, faces, material, thickness=0.04, casts_light=casts_light)
