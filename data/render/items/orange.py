"""An orange: a slightly flattened ball with pores."""

from material import Material
from mesh import ball


def orange(rng, lying=False):
    """Meshes of one orange, about 0.8 dm wide."""
    radius = rng.uniform(0.40, 0.44)
    scale = (1, rng.uniform(0.97, 1.02), rng.uniform(0.88, 0.94))
    skin = Material(
        "orange skin",
        (0.80, 0.20, 0.012),
        roughness=0.38,
        second_color=(0.86, 0.27, 0.02),
        second_scale=3,
        bump=0.6,
        bump_scale=30,
        bump_cells=True,
        bump_distance=0.012,
    )
    stem = Material("orange stem", (0.18, 0.17, 0.05), roughness=0.8)
    return [
        ball("orange", (0, 0, radius * 0.96), radius, skin, scale=scale, count=96),
        ball("orange stem", (0, 0, radius * 0.95 * (1 + scale[2])), radius * 0.10, stem, scale=(1, 1, 0.35), count=16),
    ]
