"""The state of a training as the arrays of a checkpoint: weights, what the optimiser remembers, the running means, the
best weights so far, and the proposals between stages."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.faster.network import FasterNetwork
from fastRCNN.faster.optimisers import Optimiser, RunningMean
from fastRCNN.nn.checkpoints import Checkpoint

_MEAN, _BEST, _PROPOSALS = "mean/", "best/", "proposals/"
Arrays = dict[str, NDArray[np.float32]]


def state_of(
    net: FasterNetwork,
    optimiser: Optimiser,
    mean: RunningMean,
    *,
    best: Mapping[str, NDArray[np.float32]],
    proposals: Sequence[NDArray[np.float64] | None],
    history: list[dict[str, Any]],
    fingerprint: str,
) -> Checkpoint:
    """Return the checkpoint after the epochs in `history`; `proposals`: of each picture, None before there are any."""
    memory = {
        **optimiser.arrays(),
        **{f"{_MEAN}{name}": array for name, array in (mean.arrays() if mean.decay else {}).items()},
        **{f"{_BEST}{name}": array for name, array in best.items()},
        **{
            f"{_PROPOSALS}{number}": boxes.astype(np.float32)
            for number, boxes in enumerate(proposals) if boxes is not None
        },
    }  # fmt: skip
    return Checkpoint(fingerprint, len(history), net.parameter_arrays(), memory, history)


def take_over(
    found: Checkpoint, net: FasterNetwork, optimiser: Optimiser, mean: RunningMean
) -> tuple[Arrays, dict[int, NDArray[np.float64]]]:
    """Set network, optimiser and means to what `found` holds; return the best weights, and proposals by picture."""
    memory = found.velocities
    net.load_parameters(found.weights)
    optimiser.load(memory)
    mean.load(_part(memory, _MEAN), optimiser.steps)
    boxes = {int(number): array.astype(np.float64) for number, array in _part(memory, _PROPOSALS).items()}
    return _part(memory, _BEST), boxes


def _part(arrays: Mapping[str, NDArray[np.float32]], prefix: str) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
