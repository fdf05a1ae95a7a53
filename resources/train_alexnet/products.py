"""Procedural products: a design is a seed; `Design.render` draws it in a random pose as a cut-out picture.

Four ways of drawing carry all families: a turned profile (bottles, jars, cans, tubs, squeeze bottles), a cuboid in weak
perspective (cartons, egg boxes, trays with or without film), a shaded peel (fruit, vegetables), and a pouch. All NumPy
and OpenCV, one to three milliseconds each. A cut-out is (H, W, 4) uint8: BGR and alpha, not premultiplied.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet import cutouts, labels

FAMILIES = (
    "bottle",
    "jar",
    "can",
    "tub",
    "squeeze",
    "carton",
    "eggbox",
    "tray",
    "fruit",
    "fruit",
    "vegetable",
    "pouch",
)


def _profile(rng: np.random.Generator, family: str) -> NDArray:
    """Return the radius over the height, (96,) float32 in 0..1, top first, largest radius 1."""
    v = np.linspace(0, 1, cutouts.PROFILE_ROWS)
    if family == "bottle":
        neck, shoulder = rng.uniform(0.18, 0.4), rng.uniform(0.3, 0.6)
        shoulder = max(shoulder, neck + 0.08)
        thin = rng.uniform(0.25, 0.45)
        points = [
            (0, thin),
            (neck, thin * rng.uniform(1.0, 1.2)),
            (shoulder, 1.0),
            (0.8, rng.uniform(0.85, 1.0)),
            (1, 0.95),
        ]
    elif family == "squeeze":
        thin = rng.uniform(0.35, 0.6)
        cap = rng.uniform(0.12, 0.25)
        points = [
            (0, thin),
            (cap, thin),
            (cap + 0.02, thin * 1.2),
            (cap + 0.15, 0.95),
            (0.6, rng.uniform(0.75, 1.0)),
            (1, 1.0),
        ]
        if rng.random() < 0.4:
            points = [(1 - a, b) for a, b in points][::-1]
    elif family == "jar":
        cap = rng.uniform(0.12, 0.22)
        points = [(0, 0.88), (cap, 0.88), (cap + 0.02, 0.8), (cap + 0.1, 1.0), (0.95, 1.0), (1, 0.9)]
    elif family == "can":
        points = [(0, 0.92), (0.04, 1.0), (0.96, 1.0), (1, 0.92)]
    else:  # tub, cup
        rim = rng.uniform(0.04, 0.1)
        points = [(0, 1.0), (rim, 1.0), (rim + 0.01, 0.96), (1, rng.uniform(0.6, 0.9))]
    radius = np.interp(v, [p[0] for p in points], [p[1] for p in points])
    smooth = np.convolve(np.pad(radius, 3, mode="edge"), np.ones(7) / 7, mode="valid")
    return (smooth if family in ("bottle", "squeeze") else radius).astype(np.float32)


@dataclass(frozen=True)
class Design:
    """One product: everything that all its copies share. `seed` and nothing else decides it."""

    seed: int
    family: str = field(init=False)
    material: dict = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([77, self.seed])
        family = FAMILIES[int(rng.integers(0, len(FAMILIES)))]
        colours = labels.palette(rng)
        material = {"colours": colours, "gloss": rng.uniform(0.0, 0.9), "gloss_width": rng.uniform(0.05, 0.25)}
        if family in ("bottle", "jar", "can", "tub", "squeeze"):
            aspect = {
                "bottle": (2.2, 4.0),
                "jar": (1.0, 1.7),
                "can": (0.9, 2.2),
                "tub": (0.6, 1.5),
                "squeeze": (1.7, 2.9),
            }
            material |= {"profile": _profile(rng, family), "aspect": rng.uniform(*aspect[family])}
            material["glass"] = family in ("bottle", "jar") and rng.random() < 0.6
            top = rng.uniform(0.3, 0.55) if family in ("bottle", "squeeze") else rng.uniform(0.1, 0.3)
            material["label_span"] = (top, rng.uniform(max(0.7, top + 0.25), 0.97))
            if family in ("can", "tub") and rng.random() < 0.7:
                material["label_span"] = (0.06, 0.97)
            material["cap_span"] = {
                "bottle": rng.uniform(0.04, 0.12),
                "jar": 0.17,
                "squeeze": 0.2,
                "can": 0.03,
                "tub": 0.06,
            }[family]
            material["texture"] = labels.label(rng, colours)
            material["body"], material["cap"] = colours[int(rng.integers(0, 2))], colours[int(rng.integers(0, 4))]
        elif family in ("carton", "eggbox", "tray"):
            if family == "eggbox":
                card = np.float32([150, 175, 190]) * rng.uniform(0.6, 1.1) if rng.random() < 0.6 else colours[0]
                colours = np.stack([card, card * 0.75, colours[2], colours[3]])
                material["size"] = (rng.uniform(1.0, 2.6), rng.uniform(0.3, 0.5), rng.uniform(0.8, 1.1))
            elif family == "tray":
                material["size"] = (rng.uniform(1.0, 1.8), rng.uniform(0.25, 0.6), rng.uniform(0.7, 1.2))
            else:
                material["size"] = (rng.uniform(0.5, 1.4), rng.uniform(0.5, 2.2), rng.uniform(0.2, 0.9))
            faces = [labels.label(rng, colours, 128, 192) for _ in range(3)]
            if family == "eggbox":
                faces[2] = labels.contents(rng, np.stack([colours[1] * 1.8, colours[0], colours[0], colours[0]]))
            elif family == "tray":
                faces[2] = labels.contents(rng, np.stack([colours[0], labels.colour(rng), colours[2], colours[3]]))
                if rng.random() < 0.5:
                    faces[0][:] = faces[1][:] = colours[0]
            material |= {"faces": faces, "colours": colours, "film": family == "tray" and rng.random() < 0.6}
        elif family in ("fruit", "vegetable"):
            ribs = 0.0 if family == "fruit" else rng.uniform(0.02, 0.12)
            material |= {
                "aspect": rng.uniform(0.85, 1.2) if family == "fruit" else rng.uniform(0.8, 2.2),
                "ribs": ribs,
                "rib_count": int(rng.integers(4, 12)),
                "pointed": rng.uniform(-0.3, 0.3),
                "stem": rng.random() < 0.5,
                "texture": labels.peel(rng, colours),
                "power": rng.uniform(1.9, 2.6),
            }
        else:
            material |= {
                "aspect": rng.uniform(0.7, 1.7),
                "power": rng.uniform(4, 9),
                "texture": labels.label(rng, colours, 192, 192),
                "wrinkle": rng.uniform(0.05, 0.35),
                "crimp": rng.uniform(0.0, 0.08),
            }
        object.__setattr__(self, "family", family)
        object.__setattr__(self, "material", material)

    def render(self, rng: np.random.Generator, size: float) -> NDArray:
        """Return a cut-out, (H, W, 4) uint8 BGRA, whose longer side is about `size` pixels, in a random pose."""
        if self.family in ("carton", "eggbox", "tray"):
            sprite = cutouts.cuboid(self.material, rng, size)
        elif self.family in ("fruit", "vegetable"):
            sprite = cutouts.fruit(self.material, rng, size)
        elif self.family == "pouch":
            sprite = cutouts.pouch(self.material, rng, size)
        else:
            sprite = cutouts.turned(self.material, rng, size)
        angle = rng.normal(0, 4)
        if self.family not in ("carton", "eggbox", "tray", "tub") and rng.random() < 0.22:
            angle += rng.choice([-90.0, 90.0]) + rng.normal(0, 8)
        return cutouts.tilted(sprite, angle) if abs(angle) > 0.7 else sprite
