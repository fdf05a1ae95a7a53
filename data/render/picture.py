"""One picture from its plan: draw a layout until it is fair, look at it with the label pass, render, develop."""

from dataclasses import dataclass

import numpy as np

import placement
from blender_scene import BlenderScene
from camera_light import draw_camera, draw_lighting
from fridge import refrigerator
from labels import annotate
from rooms import room
from tone import LAMPLIGHT, develop

IN_THE_FRIDGE = ("groceries", "empty")
ATTEMPTS = 400  # layouts tried before giving up; about one in ten is fair


@dataclass(frozen=True)
class Layout:
    """Everything that decides a picture before it is rendered. annotations is None for pictures without groceries."""

    items: list
    surroundings: list
    camera: object
    lighting: object
    annotations: list | None


def compose(planned, width, height, threads=1):
    """The Layout of a planned picture: the first that passes both the quick screening and the label pass."""
    rng = np.random.default_rng(planned.entropy)
    if planned.content not in IN_THE_FRIDGE:
        return Layout([], *room(rng, planned.content), None)
    surroundings = refrigerator(rng)
    camera, lighting = draw_camera(rng, planned.view), draw_lighting(rng, planned.view)
    if planned.content == "empty":
        return Layout([], surroundings, camera, lighting, None)
    crowded = planned.view == "crowded"
    bag = placement.buy(placement.shopping_list(rng, crowded), rng)
    for _ in range(ATTEMPTS):
        items = placement.fill(bag, rng)
        if items is None or not placement.acceptable(placement.visible_shares(items, camera), crowded):
            continue
        annotations = label_pass(items, surroundings, camera, width, height, threads)
        shares = [a.share for a in annotations] + [0.0] * (len(items) - len(annotations))
        # The outline is drawn half a pixel fat, so a share of one reads as about .95.
        if placement.acceptable(np.minimum(np.array(shares) + 0.04, 1), crowded):
            return Layout(items, surroundings, camera, lighting, annotations)
    raise RuntimeError(f"no fair layout for {planned.name} in {ATTEMPTS} attempts: try another --seed")


def _scene(items, surroundings, camera, lighting, width, height, **options):
    return BlenderScene(
        [item.meshes for item in items], surroundings, camera, lighting, width=width, height=height, **options
    )


def label_pass(items, surroundings, camera, width, height, threads=1):
    """Annotations of what is visible, from a render in which every item has one flat colour."""
    dark = draw_lighting(np.random.default_rng(0), "usual")  # the label pass switches the lights off
    index = _scene(items, surroundings, camera, dark, width, height, samples=1, threads=threads, seed=0).index_pass()
    return annotate([item.label for item in items], index, placement.silhouettes(items, camera, width, height))


def photograph(layout, planned, width, height, samples, threads=1):
    """(H, W, 3) uint8 RGB picture of a layout."""
    linear = _scene(
        layout.items,
        layout.surroundings,
        layout.camera,
        layout.lighting,
        width,
        height,
        samples=samples,
        threads=threads,
        seed=planned.entropy[0] * 1000 + planned.entropy[2],
    ).linear_picture()
    tint = LAMPLIGHT if planned.content in IN_THE_FRIDGE else None
    return develop(linear, np.random.default_rng([*planned.entropy, 1]), tint=tint, dim=planned.view == "dim")
