"""The eight groceries. Each module makes one item standing on z = 0 with its front towards the viewer (-y)."""

from items.bottles import ketchup, mustard, water
from items.egg_box import egg_box
from items.joghurt import joghurt
from items.mushroom import mushroom
from items.orange import orange
from items.squash import squash

# label -> function (rng, lying) -> list of meshes
MAKERS = {
    "orange": orange,
    "eggBox": egg_box,
    "joghurt": joghurt,
    "ketchup": ketchup,
    "squash": squash,
    "mushroom": mushroom,
    "water": water,
    "mustard": mustard,
}
