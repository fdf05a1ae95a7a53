"""All numbers of a training: what decides the weights, and how and where it runs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from resources.train_residual.designs import Designs
from resources.train_residual.network import Shape


@dataclass(frozen=True)
class Plan:
    """What batches are made of. scenes: that batch 0 chooses from; each further one adds `new_scenes`."""

    seed: int = 0
    windows: int = 32
    rois: int = 64
    side: int = 384
    scenes: int = 600
    new_scenes: int = 3

    def arrays(self) -> dict[str, tuple[type, tuple[int, ...]]]:
        """Name -> type and shape of what a batch holds; ROIs and targets in the order of the windows."""
        ones = (self.windows * self.rois,)
        return {
            "windows": (np.uint8, (self.windows, self.side, self.side, 3)),
            "rois": (np.float32, (self.windows, self.rois, 4)),
            "label": (np.int64, ones), "share": (np.float32, ones), "fit": (np.float32, (*ones, 3)),
            "offsets": (np.float32, (*ones, 4)), "weight": (np.float32, ones),
        }  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights."""

    plan: Plan = field(default_factory=Plan)
    products: int = 400
    things: int = 1500
    cells: int = 200
    formulas: int = 0
    """Designs of fractals and contours."""
    aerials: int = 0
    """Designs of things seen from above; with any, a share of the scenes is (`scenes.FROM_ABOVE`)."""
    pool: int = 24000
    steps: int = 9000
    decay: float = 0.6
    """Share of the training, at the end, over which the rate falls to zero."""
    warmup: int = 300
    rate: float = 2e-3
    """Of a weight with 1000 inputs, see `parameter_groups`."""
    weight_decay: float = 0.02
    shape: Shape = field(default_factory=Shape)
    bfloat16: bool = True

    def designs(self) -> Designs:
        """Return what is to be recognised."""
        return Designs(products=self.products, things=self.things, cells=self.cells, formulas=self.formulas,
                       aerials=self.aerials)  # fmt: skip

    @classmethod
    def of(cls, entries: dict[str, Any]) -> "Recipe":
        """Return the recipe that `dataclasses.asdict` turned into `entries`."""
        shape = {name: tuple(v) if isinstance(v, list) else v for name, v in entries["shape"].items()}
        return cls(**entries | {"shape": Shape(**shape), "plan": Plan(**entries["plan"])})

    def factor(self, step: int, progress: float) -> float:
        """Return what the rate is multiplied by at `step`, when a share `progress` of the training is over."""
        return min(1.0, (step + 1) / self.warmup, max(0.0, 1 - progress) / self.decay)


@dataclass(frozen=True)
class Run:
    """What does not decide the weights, but for `minutes`: how and where the training runs."""

    device: str = "cpu"
    minutes: float | None = None
    """From the start of the program; None: `Recipe.steps` say when it ends."""
    stop: int | None = None
    """An interruption after this step."""
    alexnet: bool = False
    drawers: int = 1
    """Processes that draw scenes."""
    cutters: int = 1
    """Processes that make batches; 0: none but the training's own."""
    threads: int = 2
    pool_folder: Path | None = None
    """Where the scenes lie, 0.6 MB each; None: in the folder of the run."""
    save_every: float = 60.0
    """Seconds between checkpoints."""
