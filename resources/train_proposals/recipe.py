"""What decides the weights: the numbers of a training, and how the rates rise and fall."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, but for the bundled network that it starts from."""

    seed: int = 0
    pool: int = 3000
    first_scenes: int = 1200
    """Scenes that the first step chooses from; each step adds `new_scenes`: training need not wait for the pool."""
    new_scenes: int = 2
    windows: int = 8
    steps: int = 12000
    decay: float = 0.5
    """Share of the steps, at the end, over which the rate falls to zero."""
    warmup: int = 200
    rate: float = 2e-4
    """Of the trunk."""
    rate_new: float = 1e-3
    """Of the layers that begin with random weights."""
    weight_decay: float = 0.01
    box_weight: float = 1.5
    channels: int = 256
    """Of the layer that both outputs see the map through."""
    within_minutes: float = 0.0
    """Not 0: the rates fall by the clock and reach zero after so many minutes, and training ends there, if not before
    at `steps`: for a machine that is lent for a while. Such a training never gives the same weights twice."""

    def scenes_at(self, step: int) -> int:
        """Return how many scenes of the pool `step` chooses from."""
        return min(self.pool, self.first_scenes + self.new_scenes * step)

    def factor_at(self, step: int, seconds: float = 0.0) -> float:
        """Return what the rates of `step`, begun after `seconds`, are multiplied by: warm-up, plateau, straight fall to
        zero."""
        left = (self.steps - step) / max(1, round(self.decay * self.steps))
        if self.within_minutes:
            left = min(left, (1 - seconds / (60 * self.within_minutes)) / self.decay)
        return max(0.0, min(1.0, (step + 1) / self.warmup, left))

    def over_at(self, seconds: float) -> bool:
        """Tell whether the clock has ended it."""
        return self.within_minutes > 0 and seconds >= 60 * self.within_minutes


def may_go_on(old: Recipe, new: Recipe, step: int) -> bool:
    """Tell whether `new` would have done the same up to `step`: only the end may differ, before the rate falls."""
    if old == new:
        return True
    same = replace(old, steps=new.steps, decay=new.decay) == new
    return same and all(recipe.factor_at(step) == 1.0 for recipe in (old, new))
