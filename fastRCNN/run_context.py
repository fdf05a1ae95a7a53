"""Where and how a run computes: what every part of it has in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RunContext:
    """The engine and its device, threads, numbers, the seed of everything random, how the network sees pictures."""

    engine: str = "torch"  # or "cntk"
    device: str = "auto"  # "cpu", "cuda", or the GPU if there is one
    threads: int | None = None  # at most; None leaves it to the engine
    seed: int = 0
    pad_size: int = 1000  # pixels
    precision: str = "float32"  # or "bfloat16", of a network that is used
    training_precision: str = "float32"  # the same, of one that learns
    memory_limit: float | None = None  # bytes for what the frozen layers give in training; None: half of what is free
    tiles: int | str = 1  # that pictures are cut into, and how much of one its neighbour shows: `fastRCNN.boxes.tiles`
    tile_overlap: float = 0.25
    processes: Any = None  # those that train together (`fastRCNN.nn.processes`); None: this one alone
    on_epoch: Callable[[Sequence[Mapping[str, Any]], int], None] | None = None
    """Is called after each epoch of a training, when its checkpoint is written, with a row of numbers for each epoch so
    far (`fastRCNN.nn.training_log`) and the number of epochs in all; what it raises ends the training."""

    @property
    def writes(self) -> bool:
        """Whether this process writes files: of several the first."""
        return self.processes is None or self.processes.rank == 0

    @classmethod
    def choose(cls, parameters: Mapping[str, Any]) -> "RunContext":
        """Return what `parameters` (by the names of PARAMETERS.py and of the options of all steps) say."""
        p = parameters
        precision = "float32" if p["cntk_precision"] == "auto" else p["cntk_precision"]
        memory_limit = p["cntk_maxMemory"] * 1e9 or None
        return cls(
            p["engine"], p["device"], p["jobs"], p["seed"], p["cntk_padWidth"], precision, p["cntk_trainingPrecision"],
            memory_limit, p["cntk_tiles"], p["cntk_tileOverlap"],
        )  # fmt: skip
