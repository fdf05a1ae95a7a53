"""Which item stands where: poses at rest, free places on the shelves, and what hides what. numpy and OpenCV only."""

from dataclasses import dataclass

import cv2
import numpy as np

from fridge import COVER, DRAWER_FLOOR, LOWER_SHELF, UPPER_SHELF
from items import MAKERS
from mesh import pose, rotation, transform

BOTTLES = ("water", "ketchup", "mustard")
GAP = 0.06  # dm of air between two items, at least


@dataclass(frozen=True)
class Bay:
    """A free space: x and y range of the floor, its height, the clearance above it (dm), and how often it is tried."""

    x: tuple
    y: tuple
    floor: float
    clearance: float
    share: float
    takes: tuple = tuple(MAKERS)


BAYS = (
    Bay((-3.0, 3.0), (1.25, 4.2), UPPER_SHELF + 0.003, 2.3, 0.37),
    Bay((0.05, 3.0), (1.15, 4.2), LOWER_SHELF + 0.003, 1.25, 0.20),
    Bay((-2.95, 2.95), (0.90, 4.4), COVER + 0.003, 2.25, 0.37),
    Bay((-2.85, -0.35), (1.35, 3.8), DRAWER_FLOOR + 0.055, 1.7, 0.03, ("squash", "orange")),
    Bay((0.35, 2.85), (1.35, 3.8), DRAWER_FLOOR + 0.055, 1.7, 0.03, ("squash", "orange")),
)


@dataclass(frozen=True)
class Item:
    """A placed item: its label and its meshes in their final position."""

    label: str
    meshes: tuple

    def vertices(self):
        """(V, 3) all vertices, dm."""
        return np.concatenate([m.vertices for m in self.meshes])


def shopping_list(rng, crowded=False):
    """Labels to place: every class once and squash twice; a crowded refrigerator holds three to five more."""
    labels = [*MAKERS, "squash"]
    if crowded:
        labels += list(rng.choice(list(MAKERS), int(rng.integers(3, 6))))
    size = {"eggBox": 9, "water": 8, "mushroom": 7, "joghurt": 6, "squash": 5}
    return sorted((str(label) for label in labels), key=lambda label: -size.get(label, 0))


def rest_rotation(label, lying, rng):
    """(3, 3) rotation that brings the item to rest: standing, on its side or head down, then turned about z."""
    chance = rng.random()
    if label == "orange":
        return (
            rotation("x", rng.uniform(-0.5, 0.5))
            @ rotation("y", rng.uniform(-0.5, 0.5))
            @ rotation("z", rng.uniform(0, 6))
        )
    if label == "squash":
        tilt = rng.uniform(1.3, 1.9) if lying else rng.uniform(-0.05, 0.05)
        return rotation("z", rng.uniform(0, 6.28)) @ rotation("x", tilt) @ rotation("z", rng.uniform(0, 6.28))
    if lying:
        roll = rng.uniform(0, 6.28) if label == "water" else (0 if chance < 0.7 else np.pi)
        return rotation("z", rng.uniform(0, 6.28)) @ rotation("x", -np.pi / 2) @ rotation("z", roll)
    if label == "eggBox":
        crosswise = np.pi / 2 * (chance < 0.45) + np.pi * (rng.random() < 0.4)
        return rotation("z", rng.uniform(-0.75, 0.75) + crosswise)
    if label == "mushroom":
        return rotation("z", rng.uniform(-0.6, 0.6))
    turn = rng.uniform(-0.9, 0.9) if chance < 0.7 else rng.uniform(0, 6.28)
    head_down = label == "ketchup" and rng.random() < 0.15
    return rotation("z", turn) @ (rotation("x", np.pi) if head_down else np.eye(3))


def convex_hull(points):
    """(H, 2) corners of the convex hull of (N, 2) points."""
    return cv2.convexHull(np.asarray(points, np.float32))[:, 0].astype(float)


def apart(hull_a, hull_b, gap=GAP):
    """True if a straight line with `gap` to spare separates two convex polygons (N, 2), (M, 2)."""
    for hull in (hull_a, hull_b):
        edges = np.roll(hull, -1, axis=0) - hull
        normals = np.c_[edges[:, 1], -edges[:, 0]]
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
        a, b = hull_a @ normals.T, hull_b @ normals.T
        if np.any((a.min(0) > b.max(0) + gap) | (b.min(0) > a.max(0) + gap)):
            return True
    return False


def place(label, vertices, lying, occupied, rng, tries=120):
    """(4, 4) matrix that puts an item at rest in a free place, or None.

    vertices: (V, 3) of the item. occupied: dict bay number -> list of (H, 2) hulls; the new hull is added in place.
    Items prefer the front of a shelf, where people put them.
    """
    shares = np.array([bay.share * (label in bay.takes) for bay in BAYS])
    for _ in range(tries):
        turn = rest_rotation(label, lying, rng)
        turned = transform(vertices, turn)
        low, high = turned.min(0), turned.max(0)
        number = int(rng.choice(len(BAYS), p=shares / shares.sum()))
        bay, size = BAYS[number], high - low
        free = np.array([bay.x[1] - bay.x[0], bay.y[1] - bay.y[0], bay.clearance]) - size
        if free.min() < 0:
            continue
        x = bay.x[0] - low[0] + free[0] * rng.random()
        y = bay.y[0] - low[1] + free[1] * rng.random() ** 2.0
        hull = convex_hull(turned[:, :2] + (x, y))
        if all(apart(hull, other) for other in occupied.setdefault(number, [])):
            occupied[number].append(hull)
            return pose(turn, (x, y, bay.floor - low[2]))
    return None


@dataclass(frozen=True)
class Groceries:
    """An item before it has a place: meshes as its maker left them, and whether it will lie on its side."""

    label: str
    lying: bool
    meshes: tuple


def buy(labels, rng):
    """Groceries for the labels. Whether a thing lies is drawn here, because a lying bottle is made differently."""
    bag = []
    for label in labels:
        lying = bool((label in BOTTLES and rng.random() < 0.36) or (label == "squash" and rng.random() < 0.22))
        bag.append(Groceries(label, lying, tuple(MAKERS[label](rng, lying))))
    return bag


def fill(bag, rng):
    """Items for the groceries, each in a free place; None when one found no place."""
    occupied, items = {}, []
    for thing in bag:
        matrix = place(thing.label, np.concatenate([m.vertices for m in thing.meshes]), thing.lying, occupied, rng)
        if matrix is None:
            return None
        items.append(Item(thing.label, tuple(m.moved(matrix) for m in thing.meshes)))
    return items


def silhouettes(items, camera, width, height):
    """(K, H, W) bool: the whole outline of each item as if nothing stood before it. Clear films do not count."""
    masks = np.zeros((len(items), height, width), np.uint8)
    for mask, item in zip(masks, items, strict=True):
        for mesh in item.meshes:
            if mesh.see_through:
                continue
            pixels = camera.project(mesh.vertices, width, height) - 0.5
            triangles = np.round(pixels[mesh.triangles()] * 16).astype(np.int32)
            for triangle in triangles:
                cv2.fillConvexPoly(mask, triangle, 1, shift=4)
    return masks.astype(bool)


def visible_shares(items, camera, width=188, height=250):
    """(K,) estimate in 0..1 of how much of each item the others leave visible, the nearer hiding the farther.

    0 for an item that leaves the picture. An item counts as its convex hull. Shelves are not looked at: the label pass
    has the last word.
    """
    outlines = [camera.project(item.vertices(), width, height) for item in items]
    masks = np.zeros((len(items), height, width), np.uint8)
    for mask, outline in zip(masks, outlines, strict=True):
        cv2.fillConvexPoly(mask, np.round(convex_hull(outline)).astype(np.int32), 1)
    masks = masks.astype(bool)
    order = np.argsort([camera.distance(item.vertices()).mean() for item in items])
    covered, shares = np.zeros((height, width), bool), np.zeros(len(items))
    for k in order:
        inside = outlines[k].min() >= 1 and (outlines[k].max(0) <= (width - 1, height - 1)).all()
        shares[k] = (masks[k] & ~covered).sum() / max(masks[k].sum(), 1) if inside else 0
        covered |= masks[k]
    return shares


def acceptable(shares, crowded=False):
    """Whether a layout makes a fair picture, from the visible share of each item.

    Usually everything is to be seen well and at most two items are partly hidden. A crowded one hides a few, not most.
    """
    shares = np.asarray(shares)
    if crowded:
        return bool((shares > 0.5).sum() >= 9)
    return bool(shares.min() >= 0.5 and (shares < 0.8).sum() <= 2)
