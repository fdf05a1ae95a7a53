"""A joghurt tub: printed cone, rim and lid."""

import numpy as np

import textures
from material import Material, printed
from mesh import circle, loft, smooth_profile, turned


def joghurt(rng, lying=False):
    """Meshes of one 500 g tub, 1.34 dm high."""
    height, low, high = 1.34, 0.45, 0.58
    paper = printed("tub", textures.joghurt_tub(rng), 0.34, coat=0.15)
    plastic = Material("tub rim", (0.80, 0.78, 0.72))
    lid = Material("tub lid", (0.78, 0.77, 0.73), roughness=0.3)
    heights = np.linspace(0.04, height - 0.06, 12)
    lid_profile = smooth_profile(
        [
            (high + 0.022, height - 0.07),
            (high + 0.035, height - 0.065),
            (high + 0.035, height - 0.005),
            (high + 0.02, height + 0.01),
            (high - 0.03, height + 0.01),
            (high - 0.05, height - 0.025),
            (high - 0.30, height - 0.03),
            (0.02, height - 0.03),
        ],
        3,
    )
    return [
        loft("tub", [circle(low + (high - low) * z / height, z, 96) for z in heights], paper, bottom=False, top=False),
        turned("tub foot", [(0.38, 0.03), (low - 0.03, 0.0), (low + 0.004, 0.045)], plastic, count=96, top=False),
        turned(
            "tub rim",
            [(high - 0.004, height - 0.062), (high + 0.005, height - 0.05), (high + 0.02, height - 0.03)],
            plastic,
            count=96,
            bottom=False,
            top=False,
        ),
        turned("tub lid", lid_profile, lid, count=96, bottom=False),
    ]
