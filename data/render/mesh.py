"""Meshes as plain arrays, and the few shapes that everything here is made of.

Nothing in this file knows Blender: geometry is made, placed and projected with numpy alone, so that placement and
screening can be tested anywhere. Unit of length: 1 dm. x to the right, y into the refrigerator, z up.
Letters: V vertices, N points of a ring, M rings.
"""

from dataclasses import dataclass, replace

import numpy as np

from material import Material


@dataclass(frozen=True)
class Mesh:
    """A surface with one material.

    vertices: (V, 3) float, dm. faces: tuples of vertex numbers, counter-clockwise seen from outside.
    uvs: (sum of face sizes, 2) float in 0..1, one per corner, or None.
    bevel, thickness: dm, applied by the renderer. see_through: clear things, which do not hide what is behind them
    from the annotation.
    """

    name: str
    vertices: np.ndarray
    faces: list
    material: Material
    uvs: np.ndarray | None = None
    smooth: bool = True
    bevel: float = 0.0
    thickness: float = 0.0
    see_through: bool = False
    casts_light: bool = True

    def moved(self, matrix):
        """The same mesh with its vertices multiplied by a (4, 4) matrix."""
        return replace(self, vertices=transform(self.vertices, matrix))

    def triangles(self):
        """(T, 3) int vertex numbers: every face cut into a fan."""
        return np.array([(f[0], f[i], f[i + 1]) for f in self.faces for i in range(1, len(f) - 1)], int)


def transform(points, matrix):
    """Apply a (4, 4) or (3, 3) matrix to (V, 3) points."""
    matrix = np.asarray(matrix, float)
    moved = points @ matrix[:3, :3].T
    return moved + matrix[:3, 3] if matrix.shape == (4, 4) else moved


def rotation(axis, angle):
    """(3, 3) rotation by `angle` radians about "x", "y" or "z"."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.eye(3)
    matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = c, -s, s, c
    return matrix


def pose(rotation_matrix=None, offset=(0, 0, 0)):
    """(4, 4) matrix: first rotate, then move."""
    matrix = np.eye(4)
    if rotation_matrix is not None:
        matrix[:3, :3] = rotation_matrix
    matrix[:3, 3] = offset
    return matrix


def circle(radius, z, count=64):
    """(N, 3) points of a horizontal circle."""
    return superellipse(radius, radius, z, 2.0, count)


def superellipse(half_x, half_y, z, power=4.0, count=64):
    """(N, 3) points of |x/a|^p + |y/b|^p = 1: p = 2 is an ellipse, 4 a rounded square, 9 almost a rectangle."""
    t = np.arange(count) / count * 2 * np.pi
    c, s = np.cos(t), np.sin(t)
    k = (np.abs(c) ** power + np.abs(s) ** power) ** (-1 / power)
    return np.c_[half_x * k * c, half_y * k * s, np.full(count, float(z))]


def smooth_profile(points, steps=6):
    """Catmull-Rom curve through (P, D) points; a point given twice makes an edge."""
    points = np.asarray(points, float)
    curve = []
    for i in range(len(points) - 1):
        p0, p1, p2, p3 = points[max(i - 1, 0)], points[i], points[i + 1], points[min(i + 2, len(points) - 1)]
        for t in np.arange(steps) / steps:
            curve.append(
                0.5
                * (
                    2 * p1
                    + (p2 - p0) * t
                    + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t * t
                    + (3 * p1 - p0 - 3 * p2 + p3) * t**3
                )
            )
    return np.array(curve + [points[-1]])


def loft(name, rings, material, *, bottom=True, top=True, **options):
    """Skin over M rings of N points, closed by a fan at the bottom and the top ring. u runs round, v from 0 to 1."""
    rings = [np.asarray(r, float) for r in rings]
    n, m = len(rings[0]), len(rings)
    i, j = (grid.ravel() for grid in np.meshgrid(np.arange(n), np.arange(m - 1)))
    k = (i + 1) % n
    quads = np.c_[j * n + i, j * n + k, (j + 1) * n + k, (j + 1) * n + i]
    left, right, low, high = i / n, (i + 1) / n, j / (m - 1), (j + 1) / (m - 1)
    uvs = [np.stack([left, low, right, low, right, high, left, high], 1).reshape(-1, 2)]
    vertices, faces = [*rings], quads.tolist()
    first, second, centre = np.arange(n), (np.arange(n) + 1) % n, n * m
    for wanted, ring, downwards in ((bottom, 0, True), (top, m - 1, False)):
        if wanted:
            edge = (second, first) if downwards else (first, second)
            faces += np.c_[edge[0] + ring * n, edge[1] + ring * n, np.full(n, centre)].tolist()
            vertices.append(rings[ring].mean(0)[None])
            uvs.append(np.full((3 * n, 2), (0.5, 0.02)))
            centre += 1
    return Mesh(name, np.concatenate(vertices), faces, material, np.concatenate(uvs), **options)


def turned(name, profile, material, *, count=64, **options):
    """Body of revolution about z from (radius, z) pairs."""
    return loft(name, [circle(max(r, 0.002), z, count) for r, z in profile], material, **options)


def box(name, low, high, material, bevel=0.0, **options):
    """Box between two corners."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    vertices = np.array(
        [
            (x0, y0, z0),
            (x1, y0, z0),
            (x1, y1, z0),
            (x0, y1, z0),
            (x0, y0, z1),
            (x1, y0, z1),
            (x1, y1, z1),
            (x0, y1, z1),
        ],
        float,
    )
    faces = [(3, 2, 1, 0), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
    return Mesh(name, vertices, faces, material, smooth=bevel > 0, bevel=bevel, **options)


def ball(name, centre, radius, material, *, scale=(1, 1, 1), count=48, **options):
    """Ellipsoid: a sphere of `radius` stretched by `scale`."""
    polar = np.linspace(np.pi - 0.02, 0.02, count // 2)
    rings = [circle(np.sin(t), np.cos(t), count) for t in polar]
    mesh = loft(name, rings, material, **options)
    return replace(mesh, vertices=mesh.vertices * radius * np.asarray(scale) + centre)


def patch(name, surface, material, columns=24, rows=24, **options):
    """Label or sticker: surface(u, v) -> (x, y, z) on a grid, u to the right and v upwards, both 0..1."""
    vertices = np.array([surface(i / columns, j / rows) for j in range(rows + 1) for i in range(columns + 1)])
    faces, uvs = [], []
    for j in range(rows):
        for i in range(columns):
            a = j * (columns + 1) + i
            faces.append((a, a + 1, a + columns + 2, a + columns + 1))
            uvs += [
                (i / columns, j / rows),
                ((i + 1) / columns, j / rows),
                ((i + 1) / columns, (j + 1) / rows),
                (i / columns, (j + 1) / rows),
            ]
    return Mesh(name, vertices, faces, material, np.array(uvs), **options)
