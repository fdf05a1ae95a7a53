"""A training of SVMs that was stopped goes on after its last whole pass: all that it holds, in one file.

    rows, keys, users       of the pool: the embeddings in play
    <j>.positive, .counts   which slots of it are positives and negatives of class j
    <j>.numbers             shares of positives and negatives, negatives since the last training and before
    weights, biases, scale  as they stand
    <epoch>.weights, ...    as they stood after each pass

The same bytes come out as without a stop. Letters in shapes: P slots of the pool, D features, C classes.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from fastRCNN.svm.examples import Examples
from fastRCNN.svm.feature_pool import FeaturePool
from fastRCNN.svm.model import SvmModel
from helpers.npz import write_npz

_log = logging.getLogger(__name__)


class Resumable(Protocol):
    """A training in memory."""

    pool: FeaturePool
    classes: dict[int, Examples]
    nr_added: dict[int, int]
    nr_trained: dict[int, int]
    scale: float
    weights: NDArray[np.float64]  # (C, D)
    biases: NDArray[np.float64]  # (C,)


@dataclass(frozen=True)
class SvmCheckpoint:
    """Where it lies, and of which training: one of another fingerprint is not continued."""

    path: Path
    fingerprint: str

    def save(self, training: Resumable, passes: Sequence[SvmModel]) -> None:
        """Write `training` as it stands after the positives were collected and after so many `passes`; atomically."""
        pool, made_of = training.pool, np.frombuffer(self.fingerprint.encode(), np.uint8)
        arrays: dict[str, NDArray] = {"fingerprint": made_of, "rows": pool.rows, "keys": pool.keys, "users": pool.users,
                  "weights": training.weights, "biases": training.biases, "scale": np.array([training.scale]),
                  "passes": np.array([len(passes)])}  # fmt: skip
        for j, examples in training.classes.items():
            arrays[f"{j}.positive"], arrays[f"{j}.counts"] = examples.positive, examples.counts
            shares = examples.positive_share, examples.negative_share
            arrays[f"{j}.numbers"] = np.array([*shares, training.nr_added[j], training.nr_trained[j]], np.float64)
        for epoch, model in enumerate(passes):
            arrays |= {f"{epoch}.weights": model.weights, f"{epoch}.biases": model.biases}
        write_npz(self.path, arrays)

    def restore(self, training: Resumable) -> list[SvmModel] | None:
        """Make `training`, which has begun nothing, what was saved; return the SVMs after each pass. None: begin."""
        if not self.path.is_file():
            return None
        try:
            with self.path.open("rb") as opened, np.load(opened) as file:
                if file["fingerprint"].tobytes().decode() != self.fingerprint:
                    _log.info("%s: of a training with other parameters or pictures, not continued.", self.path)
                    return None
                saved = {name: file[name] for name in file.files if name != "rows"}
            rows = _read_rows(self.path)
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            _log.warning("%s cannot be continued (%s): the training starts anew.", self.path, error)
            return None
        training.pool.restore(rows, saved["keys"].copy(), saved["users"].copy())
        training.weights, training.biases = saved["weights"], saved["biases"]
        training.scale = float(saved["scale"][0])
        for j, examples in training.classes.items():
            examples.positive, examples.counts = saved[f"{j}.positive"], saved[f"{j}.counts"]
            examples.positive_share, examples.negative_share, added, trained = saved[f"{j}.numbers"].tolist()
            training.nr_added[j], training.nr_trained[j] = int(added), int(trained)
        passes = int(saved["passes"][0])
        _log.info("Goes on after %s.", f"pass {passes} of the mining" if passes else "the positives")
        return [
            SvmModel(saved[f"{epoch}.weights"], saved[f"{epoch}.biases"], training.scale) for epoch in range(passes)
        ]


def _read_rows(path: Path) -> NDArray[np.float32]:
    """Return the array "rows", in memory of its own, which can grow; it is never there twice."""
    with ZipFile(path) as archive, archive.open("rows.npy") as member:
        np.lib.format.read_magic(member)
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        rows = np.empty(shape, dtype)
        filled, bytes_of = 0, rows.reshape(-1).view(np.uint8)
        while filled < len(bytes_of) and (block := member.read(1 << 24)):
            bytes_of[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
            filled += len(block)
    if filled < len(bytes_of):
        raise ValueError(f"{filled} bytes of rows, expected {len(bytes_of)}")
    return rows
