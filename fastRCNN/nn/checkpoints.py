"""Checkpoints of a training: everything that the next epoch needs, in one file that is old or new but never half.

Arrays: the trained weights and the optimiser's memory of each. Header: the epochs done, the training log so far, and a
fingerprint of all that the training depends on; a checkpoint of another training is not continued. The random state is
the seed (part of the fingerprint) and the number of the epoch, see `fastRCNN.nn.sampling`.
"""

import dataclasses
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.network.weight_files import WeightFile, write_weight_file
from helpers.errors import UserError

log = logging.getLogger(__name__)

_FORMAT = "fast-rcnn-tutorial checkpoint"


@dataclass(frozen=True)
class Checkpoint:
    """The state after `epochs_done` epochs: arrays by parameter name, one line of the log for each epoch."""

    fingerprint: str
    epochs_done: int
    weights: Mapping[str, NDArray[np.float32]]
    velocities: Mapping[str, NDArray[np.float32]]
    history: list[dict[str, Any]] = field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write `path`, atomically and flushed to the disk."""
        header = {
            "format": _FORMAT, "version": 1, "fingerprint": self.fingerprint,
            "epochs_done": self.epochs_done, "history": self.history,
        }  # fmt: skip
        arrays = {f"weight/{name}": array for name, array in self.weights.items()}
        arrays |= {f"velocity/{name}": array for name, array in self.velocities.items()}
        write_weight_file(path, header, arrays)

    @classmethod
    def load(cls, path: Path, fingerprint: str) -> "Checkpoint | None":
        """Return the checkpoint in `path`; None when there is none, or one of another training, which a line says."""
        if not path.is_file():
            return None
        try:
            file = WeightFile(path)
            header = file.header
            if header.get("format") != _FORMAT or header.get("version") != 1:
                raise UserError(f"{path}: not a checkpoint of this version")
            if header["fingerprint"] != fingerprint:
                log.info("%s: of a training with other parameters or pictures, not continued.", path)
                return None
            return cls(
                fingerprint,
                int(header["epochs_done"]),
                _part(file, "weight/"),
                _part(file, "velocity/"),
                list(header["history"]),
            )
        except (UserError, KeyError, TypeError, ValueError) as error:
            log.warning("%s cannot be continued (%s): the training starts anew.", path, error)
            return None


def fingerprint(description: Any) -> str:
    """Return 32 hexadecimal digits of a dataclass of plain values, such as a stamp."""
    text = json.dumps(dataclasses.asdict(description), sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _part(file: WeightFile, prefix: str) -> dict[str, NDArray[np.float32]]:
    """Copies, so that the file can be replaced while they live."""
    return {key.removeprefix(prefix): np.array(file[key]) for key in file if key.startswith(prefix)}
