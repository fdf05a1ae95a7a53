"""Other places, for pictures without groceries: a desk, a bookcase, a kitchen counter. Nothing in them is an item."""

import numpy as np

from camera_light import Light, Lighting, aim
from material import Material
from mesh import ball, box, pose, rotation, smooth_profile, turned

_CLOTHS = (
    (0.45, 0.06, 0.05),
    (0.05, 0.13, 0.35),
    (0.03, 0.05, 0.04),
    (0.55, 0.42, 0.15),
    (0.30, 0.28, 0.26),
    (0.62, 0.58, 0.50),
    (0.10, 0.25, 0.22),
    (0.35, 0.12, 0.25),
    (0.70, 0.66, 0.60),
    (0.14, 0.10, 0.08),
)


def room(rng, kind):
    """(meshes, camera, lighting) of one place. kind: "desk", "bookcase" or "counter"."""
    return {"desk": _desk, "bookcase": _bookcase, "counter": _counter}[kind](rng)


def _cloth(rng, name, roughness=0.6):
    color = np.array(_CLOTHS[rng.integers(len(_CLOTHS))]) * rng.uniform(0.7, 1.2)
    return Material(name, tuple(np.clip(color, 0, 1)), roughness=roughness)


def _wood(rng):
    color = np.array((0.26, 0.14, 0.07)) * rng.uniform(0.5, 1.6)
    return Material("wood", tuple(color), roughness=0.45, second_color=tuple(color * 0.6), second_scale=1.2)


def _walls(rng, y):
    paint = np.array((0.72, 0.69, 0.62)) * rng.uniform(0.6, 1.1) * rng.uniform(0.92, 1.06, 3)
    wall = Material("wall", tuple(np.clip(paint, 0, 0.9)), roughness=0.8)
    floor = _wood(rng)
    return [box("wall", (-40, y, -12), (40, y + 0.5, 30), wall), box("floor", (-40, -40, -9), (40, y, -8.5), floor)]


def _daylight(rng):
    window = Light(
        "area",
        (rng.uniform(-16, -9), -7, 13),
        rng.uniform(4500, 7500),
        (1, 0.95, 0.88),
        7.0,
        (np.radians(48), 0, np.radians(-50)),
    )
    return Lighting((window,), rng.uniform(0.25, 0.45), ambient_color=(0.85, 0.92, 1))


def _books(rng, x0, x1, y, z, tallest):
    """A row of standing books from x0 to x1, their backs towards the viewer."""
    meshes, x = [], x0
    while x < x1 - 0.6:
        thick, tall, deep = rng.uniform(0.18, 0.5), tallest * rng.uniform(0.66, 0.97), rng.uniform(1.3, 1.9)
        meshes.append(box("book", (x, y, z), (x + thick, y + deep, z + tall), _cloth(rng, "cover"), 0.03))
        if rng.random() < 0.6:
            band = _cloth(rng, "band")
            meshes.append(
                box("band", (x + 0.03, y - 0.004, z + tall * 0.7), (x + thick - 0.03, y + 0.1, z + tall * 0.8), band)
            )
        x += thick + 0.015
    return meshes


def _vessel(rng, x, y, z, size, material):
    """A vase, cup or pot: a turned body from a few drawn radii."""
    radii = rng.uniform(0.25, 0.5, 4) * size
    profile = [
        (0.01, 0),
        (radii[0] * 0.8, 0),
        (radii[0], 0.1 * size),
        (radii[1], 0.5 * size),
        (radii[2], 0.9 * size),
        (radii[3], 1.2 * size),
        (radii[3] * 0.9, 1.2 * size),
        (radii[2] * 0.8, 0.8 * size),
        (0.01, 0.3 * size),
    ]
    return turned("vessel", smooth_profile(profile, 4), material, bottom=False, top=False).moved(pose(offset=(x, y, z)))


def _plant(rng, x, y, z):
    pot = Material("pot", (0.35, 0.13, 0.07), roughness=0.7)
    leaf = Material("leaf", (0.02, 0.09, 0.025), roughness=0.5, second_color=(0.05, 0.16, 0.04), second_scale=3)
    meshes = [
        turned("pot", [(0.4, 0), (0.58, 1.0), (0.64, 1.0), (0.64, 1.15), (0.5, 1.15), (0.5, 1.0)], pot).moved(
            pose(offset=(x, y, z))
        )
    ]
    for _ in range(46):
        turn = rotation("z", rng.uniform(0, 6.28)) @ rotation("x", rng.uniform(0.15, 1.25))
        blade = ball("leaf", (0, 0, rng.uniform(0.7, 1.5)), 0.5, leaf, scale=(0.28, 0.05, 1.0), count=20)
        meshes.append(blade.moved(pose(turn, (x, y, z + 1.1))))
    return meshes


def _desk(rng):
    metal = Material("aluminium", (0.5, 0.5, 0.52), roughness=0.35, metallic=0.9)
    black = Material("screen", (0.01, 0.012, 0.02), roughness=0.12)
    meshes = _walls(rng, 5) + [box("desk", (-9, -3, -0.5), (9, 4.6, 0), _wood(rng), 0.06)]
    z = 0.0
    for _ in range(int(rng.integers(3, 6))):
        turn = pose(rotation("z", rng.uniform(-0.3, 0.3)), (-4.2, 1.5, z))
        thick = rng.uniform(0.25, 0.5)
        meshes.append(box("book", (-1.3, -0.9, 0), (1.3, 0.9, thick), _cloth(rng, "cover"), 0.03).moved(turn))
        z += thick
    meshes.append(_vessel(rng, -4.2, 1.5, z, 1.0, _cloth(rng, "mug", 0.3)))
    tilted = pose(rotation("z", rng.uniform(-0.2, 0.2)) @ rotation("x", -0.25), (0.8, 1.6, 0.12))
    meshes += [
        box("notebook", (-0.9, -1.6, 0), (2.5, 1.4, 0.14), metal, 0.05),
        box("screen back", (-1.7, 0, 0), (1.7, 0.1, 2.3), metal, 0.04).moved(tilted),
        box("screen", (-1.6, -0.01, 0.1), (1.6, 0.02, 2.2), black).moved(tilted),
    ]
    meshes += _plant(rng, 4.9, 2.4, 0)
    meshes += [
        _vessel(rng, 3.9, -0.4, 0, 0.9, _cloth(rng, "cup", 0.3)),
        box("picture", (-3.4, 4.85, 5), (1.6, 5, 9), _cloth(rng, "frame")),
        box("canvas", (-3.0, 4.8, 5.4), (1.2, 4.9, 8.6), _cloth(rng, "canvas")),
    ]
    camera = aim(
        (rng.uniform(-2, 2), -11.5, rng.uniform(5, 7)), (0.3, 2, 2.2), rng.uniform(-0.03, 0.03), np.radians(62)
    )
    return meshes, camera, _daylight(rng)


def _bookcase(rng):
    board = _wood(rng)
    meshes = _walls(rng, 4)
    for x in (-4.6, 0, 4.6):
        meshes.append(box("side", (x - 0.12, 0.6, -8.5), (x + 0.12, 4, 8.5), board, 0.03))
    for z in np.arange(-8.4, 8.6, 2.8):
        meshes.append(box("board", (-4.6, 0.66, z - 0.2), (4.6, 4, z), board, 0.03))
        for x0 in (-4.4, 0.2):
            end = x0 + rng.uniform(1.6, 4.2)
            meshes += _books(rng, x0, end, 1.0, z, 2.4)
            if end < x0 + 3.2:
                meshes.append(
                    _vessel(rng, (end + x0 + 4.2) / 2, 1.9, z, rng.uniform(0.8, 1.3), _cloth(rng, "vase", 0.3))
                )
    camera = aim((rng.uniform(-1.5, 1.5), -9.5, rng.uniform(1, 3)), (0, 1, 0), rng.uniform(-0.04, 0.04), np.radians(66))
    return meshes, camera, _daylight(rng)


def _counter(rng):
    steel = Material("steel", (0.55, 0.54, 0.52), roughness=0.25, metallic=1.0)
    tile = Material("tile", (0.70, 0.70, 0.66), roughness=0.2)
    front = _cloth(rng, "cupboard front")
    china = Material("china", (0.78, 0.76, 0.72), roughness=0.2)
    meshes = _walls(rng, 5)
    for x in np.arange(-10, 10, 1.5):
        meshes += [box("tile", (x, 4.9, z), (x + 1.45, 5.02, z + 1.45), tile, 0.03) for z in np.arange(0.2, 6, 1.5)]
    meshes.append(box("counter", (-11, -1.5, -0.5), (11, 5, 0), _wood(rng), 0.08))
    meshes += [box("front", (x, -1.2, -8), (x + 4.3, -0.9, -0.7), front, 0.06) for x in np.arange(-11, 9, 4.4)]
    meshes.append(
        turned(
            "pan",
            [(1.1, 0), (1.25, 0.1), (1.25, 1.3), (1.32, 1.34), (1.2, 1.34), (1.2, 0.15), (0.1, 0.12)],
            steel,
            count=96,
        ).moved(pose(offset=(-3.4, 2.2, 0)))
    )
    meshes.append(box("handle", (-2.2, 2.1, 1.0), (-0.3, 2.3, 1.15), steel, 0.04))
    for k in range(int(rng.integers(4, 8))):
        plate = [(0.6, 0), (0.7, 0.02), (1.25, 0.14), (1.25, 0.17), (0.7, 0.07), (0.1, 0.06)]
        meshes.append(turned("plate", plate, china, count=96).moved(pose(offset=(1.6, 2.3, 0.12 * k))))
    meshes += [
        box("board", (-0.4, 4.2, 0.02), (2.6, 4.5, 3.6), _wood(rng), 0.1).moved(pose(offset=(-6.3, 0, 0))),
        turned("tin", [(0.5, 0), (0.5, 1.3), (0.46, 1.33), (0.02, 1.31)], steel).moved(pose(offset=(4.3, 1.2, 0))),
        turned("tin", [(0.5, 0), (0.5, 1.3), (0.46, 1.33), (0.02, 1.31)], _cloth(rng, "tin", 0.3)).moved(
            pose(offset=(5.5, 2.0, 0))
        ),
    ]
    meshes += [_vessel(rng, x, 3.3, 0, rng.uniform(1, 1.5), _cloth(rng, "jar", 0.25)) for x in (4.4, 6.6)]
    camera = aim(
        (rng.uniform(-2, 2), -12, rng.uniform(5.5, 7.5)), (0.4, 1.5, 0.8), rng.uniform(-0.03, 0.03), np.radians(60)
    )
    return meshes, camera, _daylight(rng)
