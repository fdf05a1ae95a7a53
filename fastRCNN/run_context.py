"""Where and how a run computes: what every part of it has in common."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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
    watch: Callable[[Iterable[Any], int], Iterator[Any]] | None = None
    """Gets the pictures or minibatches of long work as they come, and how many there are, and yields them again; what
    it raises ends the work (`helpers.time_budget`)."""

    @property
    def writes(self) -> bool:
        """Whether this process writes files: of several the first."""
        return self.processes is None or self.processes.rank == 0

    def watched(self, items: Iterable[Any], total: int) -> Iterable[Any]:
        """Return `items`, watched if somebody does."""
        return self.watch(items, total) if self.watch else items

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
