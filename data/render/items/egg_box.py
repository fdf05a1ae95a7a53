"""A box of twelve eggs, moulded from grey-brown pulp."""

import numpy as np

import textures
from material import Material, printed
from mesh import box, loft, patch, pose, smooth_profile, superellipse

_HALF_DEPTH = 0.52


def egg_box(rng, lying=False):
    """Meshes of one closed box, about 2.5 x 1.0 x 0.75 dm."""
    length = rng.uniform(1.22, 1.32)
    pulp = Material(
        "pulp",
        (0.44, 0.36, 0.28),
        roughness=0.95,
        specular=0.15,
        second_color=(0.52, 0.44, 0.35),
        second_scale=18,
        bump=0.5,
        bump_scale=60,
    )
    cup = smooth_profile([(0.02, 0.0), (0.11, 0.0), (0.15, 0.03), (0.19, 0.20), (0.235, 0.36), (0.25, 0.40)], 3)
    meshes = []
    for i in range(6):
        for j in range(2):
            rings = [superellipse(r, r, z, 2.6, 32) for r, z in cup]
            centre = ((i - 2.5) * (2 * length - 0.1) / 6, (j - 0.5) * 0.49, 0)
            meshes.append(loft("egg cup", rings, pulp, top=False).moved(pose(offset=centre)))
    b = _HALF_DEPTH
    meshes.append(
        loft(
            "egg rim",
            [
                superellipse(length + d, b + d, z, 9, 128)
                for d, z in ((0, 0.375), (0.03, 0.375), (0.03, 0.415), (-0.01, 0.42))
            ],
            pulp,
        )
    )
    meshes.append(
        loft(
            "egg lid",
            [
                _lid_ring(length, length - dx, b - dy, z, wave)
                for dx, dy, z, wave in (
                    (0.01, 0.01, 0.41, 0),
                    (0.04, 0.03, 0.5, 0.012),
                    (0.09, 0.07, 0.66, 0.016),
                    (0.115, 0.10, 0.715, 0.01),
                    (0.15, 0.14, 0.74, 0),
                    (0.25, 0.22, 0.748, 0),
                )
            ],
            pulp,
            bottom=False,
        )
    )
    paper = printed("egg label", textures.egg_box_lid(rng), 0.85, specular=0.2)
    meshes.append(
        patch(
            "egg label",
            lambda u, v: np.array([(2 * u - 1) * (length - 0.16), (2 * v - 1) * (b - 0.15), 0.752]),
            paper,
            4,
            4,
        )
    )
    ink = printed("egg stamp", textures.egg_box_stamp(rng), 0.9, specular=0.2)
    for side in (1, -1):
        meshes.append(patch("egg stamp", _stamp(side, rng.uniform(-0.6, 0.6)), ink, 4, 4))
    for x in (-0.7, 0.7):
        meshes.append(box("egg clip", (x - 0.1, -b - 0.05, 0.36), (x + 0.1, -b + 0.02, 0.47), pulp, 0.02))
    return meshes


def _lid_ring(length, half_x, half_y, z, wave):
    """One ring of the lid; the long sides are waved where the eggs are."""
    ring = superellipse(half_x, half_y, z, 9, 256)
    long_side = np.abs(ring[:, 1]) > half_y * 0.8
    ring[:, 1] += wave * np.cos(ring[:, 0] / length * 5.5 * np.pi) * np.sign(ring[:, 1]) * long_side
    return ring


def _stamp(side, x0):
    def surface(u, v):
        return np.array([side * (x0 + (u - 0.5) * 0.78), -side * (_HALF_DEPTH - 0.003 - 0.055 * v), 0.49 + 0.16 * v])

    return surface
