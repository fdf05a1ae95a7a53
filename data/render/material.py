"""What a surface looks like, as plain numbers; `blender_materials.py` turns it into shader nodes."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Material:
    """One surface. Colours are linear RGB in 0..1.

    kind: "opaque", "thin" (clear sheet: straight through plus gloss), "glass" (solid, refracting), "glow".
    second_color: the other colour of a mottled skin, with `second_scale` patches per dm. bump: strength 0..1.
    image: (H, W, 3) uint8 sRGB picture laid over the mesh's uv coordinates, or None.
    """

    name: str
    color: tuple = (0.8, 0.8, 0.8)
    kind: str = "opaque"
    roughness: float = 0.4
    specular: float = 0.5
    coat: float = 0.0
    metallic: float = 0.0
    second_color: tuple | None = None
    second_scale: float = 6.0
    bump: float = 0.0
    bump_scale: float = 40.0
    bump_distance: float = 0.02
    bump_cells: bool = False
    image: np.ndarray | None = None
    ior: float = 1.45
    haze: float = 0.0
    strength: float = 0.0


def printed(name, picture, roughness=0.4, **options):
    """Opaque material that shows a Pillow picture."""
    return Material(name, roughness=roughness, image=np.asarray(picture.convert("RGB")), **options)


def clear(name, tint=(0.95, 0.96, 0.95), roughness=0.06, **options):
    """Thin clear sheet."""
    return Material(name, tint, kind="thin", roughness=roughness, **options)
