"""The refrigerator: liner, shelves, drawers, and the kitchen around it. `lamp_housing.py` has the lamp."""

import numpy as np

import textures
from lamp_housing import lamp_housing
from material import Material, clear, printed
from mesh import Mesh, ball, box, loft, patch

HALF_WIDTH, DEPTH, HEIGHT = 3.6, 5.4, 10.7  # of the inner room, dm
UPPER_SHELF, LOWER_SHELF, COVER = 6.95, 5.50, 3.0  # heights of the three levels, dm
DRAWER_FLOOR = 0.75


def refrigerator(rng):
    """List of meshes. Colours of the kitchen and the wear of the walls are drawn from rng."""
    white = Material("white plastic", (0.82, 0.82, 0.80), roughness=0.30)
    return (
        _liner(rng, white)
        + _kitchen(rng, white)
        + _shelf(UPPER_SHELF, 1.05, white)
        + _shelf(LOWER_SHELF, 0.95, white)
        + _cover(rng, white)
        + _drawer(-HALF_WIDTH + 0.45, -0.06, 0.95, DEPTH - 0.7, DRAWER_FLOOR, COVER - 0.32)
        + _drawer(0.06, HALF_WIDTH - 0.45, 0.95, DEPTH - 0.7, DRAWER_FLOOR, COVER - 0.32)
        + _drawer(-HALF_WIDTH + 0.60, -0.15, 1.15, DEPTH - 0.8, 5.56, 6.78)
        + lamp_housing(rng, HEIGHT)
    )


def _rounded(y, half, low, high, radius, steps=16):
    """(64, 3) points of a rounded rectangle in the plane at depth y."""
    corners = (
        (half - radius, high - radius, 0),
        (-half + radius, high - radius, 0.5),
        (-half + radius, low + radius, 1),
        (half - radius, low + radius, 1.5),
    )
    return np.array(
        [
            (cx + radius * np.cos(np.pi * (start + q)), y, cz + radius * np.sin(np.pi * (start + q)))
            for cx, cz, start in corners
            for q in np.linspace(0, 0.5, steps)
        ]
    )


def _liner(rng, white):
    """The white inner room as one skin from the front flange to the back wall, with mouldings, vents and type plate."""
    w, d, h = HALF_WIDTH, DEPTH, HEIGHT
    wall = printed("liner", textures.used_wall(rng), 0.34, specular=0.45)
    plain = Material("moulding", (0.79, 0.775, 0.745), roughness=0.34)
    rings = [
        _rounded(*ring)
        for ring in (
            (0.5, w + 0.36, -0.36, h + 0.36, 0.30),
            (-0.24, w + 0.36, -0.36, h + 0.36, 0.30),
            (-0.30, w + 0.30, -0.30, h + 0.30, 0.28),
            (-0.31, w + 0.10, -0.10, h + 0.10, 0.30),
            (-0.27, w + 0.02, -0.02, h + 0.02, 0.30),
            (-0.15, w, 0, h, 0.30),
        )
    ]
    rings += [_rounded(y, w - 0.12 * y / d, 0, h - 0.25 * y / d, 0.30 + 0.05 * y) for y in (1, 2, 3, 4, 4.8)]
    for q in np.linspace(0.15, np.pi / 2, 6):
        inset = 0.45 * (1 - np.cos(q))
        rings.append(_rounded(d - 0.45 + 0.45 * np.sin(q), w - 0.10 - inset, inset, h - 0.22 - inset, 0.55))
    meshes = [
        loft("liner", rings[::-1], wall, top=False),
        box("ceiling panel", (-2.6, 0.9, h - 0.12), (2.6, d - 0.9, h + 0.2), plain, 0.10),
    ]
    grey = Material("vent", (0.36, 0.36, 0.35), roughness=0.35)
    meshes += [
        box("vent", (x, d - 0.03, 3.22), (x + 0.06, d - 0.005, 3.36), grey) for x in -1.9 + 0.125 * np.arange(30)
    ]
    for s in (-1, 1):
        meshes += [
            ball("knob", (s * (w - 0.06), y, z), 0.22, plain, scale=(1, 1.3, 0.85))
            for y, z in ((1.5, 8.15), (1.6, 4.35))
        ]
        meshes += [
            box(
                "rail",
                (s * (w - 0.08) - 0.12, y - 0.9, z - 0.09),
                (s * (w - 0.08) + 0.12, y + 0.9, z + 0.12),
                plain,
                0.08,
            )
            for y, z in ((3.6, 8.35), (3.4, 5.0))
        ]

    def plate(u, v):
        y = 0.7 + 0.9 * u
        return np.array([-w + 0.012 + 0.0222 * y, y, 8.7 + 1.25 * v])

    return meshes + [patch("type plate", plate, printed("type plate", textures.type_plate(rng)), 1, 1)]


def _kitchen(rng, white):
    """Dark frame, open door on the right, cupboard on the left, floor."""
    w, h = HALF_WIDTH, HEIGHT
    dark = Material("seal", (0.012, 0.012, 0.013), roughness=0.45)
    steel = Material("side", (0.10, 0.085, 0.075), roughness=0.35, metallic=0.8)
    shade = rng.uniform(0.08, 0.55)
    cupboard = Material(
        "cupboard", (shade, shade * rng.uniform(0.8, 1.0), shade * rng.uniform(0.55, 0.95)), roughness=0.5
    )
    brown = rng.uniform(0.05, 0.14)
    wood = Material(
        "floor",
        (brown, brown * 0.5, brown * 0.3),
        roughness=0.35,
        second_color=(brown * 0.6, brown * 0.25, brown * 0.14),
        second_scale=1.5,
    )
    door = Material("door", (0.5, 0.47, 0.42))
    meshes = [
        box("frame", (w + 0.33, -0.42, -2), (w + 0.62, 0.6, h + 3), steel, 0.05),
        box("frame", (-w - 0.62, -0.42, -2), (-w - 0.33, 0.6, h + 3), dark, 0.05),
        box("frame", (-w - 0.7, -0.5, h + 0.33), (w + 0.7, 0.6, h + 3), dark, 0.03),
        box("frame", (-w - 0.7, -0.5, -2), (w + 0.7, 0.6, -0.34), dark, 0.05),
        box("door", (w + 1.0, -6.5, -1), (w + 1.25, -0.6, h + 1), door, 0.1),
        box("cupboard", (-12, -0.4, -3), (-w - 0.72, 0.5, 15), cupboard, 0.05),
        box("floor", (-14, -14, -2.2), (14, 2, -2.0), wood),
    ]
    meshes += [box("door bin", (w + 0.72, -5.5, z), (w + 1.05, -0.95, z + 1.0), white, 0.12) for z in (1.0, 4.2, 7.6)]
    meshes += [
        box("cupboard door", (-w - 5.5, -0.55, z), (-w - 0.95, -0.35, z + 5.3), cupboard, 0.12) for z in (-0.5, 5.4)
    ]
    return meshes


def _shelf(z, front, white):
    """Glass plate in a white frame, its top at height z; only the glass lets the annotation look through."""
    w, d = HALF_WIDTH, DEPTH
    glass = clear("shelf glass", (0.945, 0.955, 0.945), 0.03, ior=1.5, haze=0.03)
    meshes = [
        box("lip", (-w + 0.38, front, z - 0.17), (w - 0.38, front + 0.16, z + 0.02), white, 0.05),
        box("back rail", (-w + 0.42, d - 0.5, z - 0.07), (w - 0.42, d - 0.38, z + 0.03), white, 0.03),
        box("glass", (-w + 0.5, front + 0.14, z - 0.035), (w - 0.5, d - 0.42, z - 0.001), glass, see_through=True),
    ]
    for s in (-1, 1):
        meshes += [
            box(
                "side rail",
                (s * (w - 0.52) - 0.06, front + 0.1, z - 0.07),
                (s * (w - 0.52) + 0.06, d - 0.4, z + 0.02),
                white,
                0.03,
            ),
            box(
                "support",
                (s * (w - 0.2) - 0.26, front + 0.15, z - 0.34),
                (s * (w - 0.2) + 0.26, front + 0.75, z - 0.16),
                white,
                0.09,
            ),
        ]
    return meshes


def _cover(rng, white):
    """Glass cover of the two big drawers."""
    w, d, z = HALF_WIDTH, DEPTH, COVER
    glass = clear("cover glass", (0.945, 0.955, 0.945), 0.03, ior=1.5, haze=0.03)
    meshes = [
        box("lip", (-w + 0.28, 0.55, z - 0.30), (w - 0.28, 0.82, z + 0.02), white, 0.09),
        box("back rail", (-w + 0.4, d - 0.5, z - 0.1), (w - 0.4, d - 0.3, z + 0.05), white, 0.03),
        box("glass", (-w + 0.4, 0.75, z - 0.05), (w - 0.4, d - 0.4, z - 0.002), glass, see_through=True),
    ]
    meshes += [
        box("side rail", (x - 0.1, 0.7, z - 0.1), (x + 0.1, d - 0.4, z + 0.012), white, 0.03)
        for x in (-w + 0.42, 0, w - 0.42)
    ]
    title = printed("drawer title", textures.drawer_title(rng), 0.35)
    meshes += [
        patch(
            "drawer title", lambda u, v, x=x: np.array([x + (u - 0.5) * 0.55, 0.546, z - 0.18 + 0.11 * v]), title, 1, 1
        )
        for x in (-1.6, 1.6)
    ]
    return meshes


def _drawer(x0, x1, y0, y1, z0, z1, ribs=12):
    """Clear plastic drawer, open at the top, with thicker edges, ribs in the floor and a curved grip."""
    plastic = clear("drawer", (0.945, 0.945, 0.935), 0.10, haze=0.05)
    edge = clear("drawer edge", (0.95, 0.95, 0.94), 0.12, ior=1.5, haze=0.32)
    taper = 0.12
    corners = np.array(
        [
            (x0 + taper, y0 + 0.1, z0),
            (x1 - taper, y0 + 0.1, z0),
            (x1 - taper, y1, z0),
            (x0 + taper, y1, z0),
            (x0, y0, z1),
            (x1, y0, z1),
            (x1, y1, z1),
            (x0, y1, z1),
        ]
    )
    faces = [(0, 1, 2, 3), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    meshes = [Mesh("drawer", corners, faces, plastic, bevel=0.12, see_through=True)]
    meshes += [
        box(
            "drawer rib",
            (x - 0.02, y0 + 0.5, z0 + 0.01),
            (x + 0.02, y1 - 0.5, z0 + 0.05),
            plastic,
            0.012,
            see_through=True,
        )
        for x in np.linspace(x0 + 0.35, x1 - 0.35, ribs)
    ]
    for x, inwards in ((x0, taper), (x1, -taper)):
        square = np.array([(-0.025, -0.025), (0.025, -0.025), (0.025, 0.025), (-0.025, 0.025)])
        rings = [
            np.c_[square + (x + inwards * (1 - k), y0 + 0.1 * (1 - k)), np.full(4, z0 + 0.05 + (z1 - z0 - 0.05) * k)]
            for k in (0, 1)
        ]
        meshes += [
            loft("drawer edge", rings, edge, smooth=False, see_through=True),
            box("drawer edge", (x - 0.03, y0, z1 - 0.05), (x + 0.03, y1, z1 + 0.01), edge, 0.01, see_through=True),
        ]
    meshes += [
        box("drawer edge", (x0, y0 - 0.03, z1 - 0.05), (x1, y0 + 0.03, z1 + 0.01), edge, 0.012, see_through=True),
        box(
            "drawer edge",
            (x0 + taper, y0 + 0.06, z0 - 0.02),
            (x1 - taper, y0 + 0.12, z0 + 0.05),
            edge,
            0.012,
            see_through=True,
        ),
    ]

    def grip(u, v):
        return np.array([x0 + (x1 - x0) * u, y0 - 0.02, z1 - 0.02 - (1 - v) * (0.07 + 0.16 * np.sin(np.pi * u))])

    return meshes + [patch("drawer grip", grip, plastic, 24, 1, see_through=True)]
