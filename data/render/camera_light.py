"""Where the photographer stands and how the room is lit, drawn from ranges; and the projection onto pixels."""

from dataclasses import dataclass

import numpy as np

from fridge import HEIGHT
from lamp_housing import BULB_BELOW_CEILING, BULB_DEPTH, WARM
from mesh import rotation


@dataclass(frozen=True)
class Camera:
    """Pinhole camera. position: (3,) dm; axes: (3, 3), its columns are right, up and backwards; field: vertical
    opening angle in radians."""

    position: np.ndarray
    axes: np.ndarray
    field: float

    def project(self, points, width, height):
        """(N, 3) points in dm -> (N, 2) pixels x, y; the centre of the first pixel is at 0.5, 0.5."""
        local = (np.asarray(points, float) - self.position) @ self.axes
        focal = height / 2 / np.tan(self.field / 2)
        return np.c_[width / 2 - focal * local[:, 0] / local[:, 2], height / 2 + focal * local[:, 1] / local[:, 2]]

    def distance(self, points):
        """(N,) distance of (N, 3) points along the line of sight, dm."""
        return -((np.asarray(points, float) - self.position) @ self.axes)[:, 2]


@dataclass(frozen=True)
class Light:
    """kind: "point" (size: radius, dm) or "area" (size: side, dm). turn: (3,) Euler angles. power: Blender's watts."""

    kind: str
    position: tuple
    power: float
    color: tuple
    size: float
    turn: tuple = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Lighting:
    """The lights and the even glow of the surroundings; bounced: how many times brighter light is that has been
    reflected more than once, which the renderer does not follow."""

    lights: tuple
    ambient: float
    bounced: float = 1.0
    ambient_color: tuple = (1, 0.82, 0.62)


def aim(position, target, roll, field):
    """Camera at `position` looking at `target`, turned by `roll` radians about its line of sight."""
    backwards = np.subtract(position, target, dtype=float)
    backwards /= np.linalg.norm(backwards)
    right = np.cross((0, 0, 1), backwards)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(backwards, right), backwards], 1)
    return Camera(np.asarray(position, float), axes @ rotation("z", roll), field)


def draw_camera(rng, view):
    """A hand-held phone in front of the refrigerator. view: "tilted" turns it far and steps aside."""
    roll = np.radians(rng.uniform(-2.2, 2.2))
    aside = rng.uniform(-0.9, 0.7)
    if view == "tilted":
        side = rng.choice((-1, 1))
        roll, aside = np.radians(side * rng.uniform(6, 10)), side * rng.uniform(1.2, 2.2)
    position = (aside, rng.uniform(-8.9, -7.7), rng.uniform(7.2, 8.4))
    target = (rng.uniform(-0.35, 0.25) + 0.15 * aside, 2.0, rng.uniform(4.9, 5.4))
    return aim(position, target, roll, np.radians(rng.uniform(68, 72)))


def draw_lighting(rng, view):
    """The refrigerator's own lamp, a weak kitchen, and a weak light behind the photographer."""
    power = 3200 * rng.uniform(0.8, 1.25)
    room = 1.0
    if view == "dim":
        power, room = power * 0.35, 0.5
    color = tuple(np.clip(np.array(WARM) * rng.uniform(0.94, 1.06, 3), 0, 1))
    lamp = Light("point", (0, BULB_DEPTH, HEIGHT - BULB_BELOW_CEILING), power, color, 0.27)
    behind = Light(
        "area",
        (rng.uniform(-5, 5), -13, 15),
        rng.uniform(120, 380) * room,
        (1, 0.85, 0.68),
        6.0,
        (np.radians(55), 0, 0),
    )
    # Light that the housing and the shade scatter forwards and to the back wall; high enough to clear any bottle.
    place = (rng.uniform(-0.3, 0.3), 1.9, HEIGHT - 1.35)
    scattered = Light("point", place, power * rng.uniform(0.09, 0.14), color, 0.2)
    ambient = rng.uniform(0.06, 0.15) * room
    return Lighting((lamp, scattered, behind), ambient, 0.45 * power / 4000 / ambient)
