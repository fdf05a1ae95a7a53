"""Which model is served, and what runs it: what the service tells its workers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from helpers.artifacts import Artifacts


@dataclass(frozen=True)
class ModelChoice:
    """The trained detector to serve, and what runs it."""

    root: Path
    dataset: str
    classifier: str = "svm"
    engine: str = "torch"
    device: str = "auto"
    threads: int = 1
    threshold: float | None = None  # detections are drawn from this score on
    json_log: bool = False  # how a worker writes its lines

    def message(self) -> dict[str, Any]:
        """Return it as a worker is told."""
        return {**asdict(self), "root": str(self.root)}

    @classmethod
    def of_message(cls, message: Mapping[str, Any]) -> "ModelChoice":
        """Return what `message()` gave."""
        return cls(**{**message, "root": Path(message["root"])})

    @property
    def artifacts(self) -> Artifacts:
        """Where the files of the data set lie."""
        return Artifacts(self.root, self.dataset)
