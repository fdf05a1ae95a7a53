"""Copies between NumPy's memory and a GPU's that nobody waits for longer than needed.

A GPU copies pinned memory by itself, behind what it does already, while the caller goes on. PyTorch keeps pinned memory
for the next copy: getting it anew takes longer than copying.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def to_device(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    """Return `array` on `device`; a GPU may still be copying it, in the order of what it is asked for."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def stacked_to_device(arrays: Sequence[NDArray[Any]], device: torch.device) -> torch.Tensor:
    """Return `arrays`, all of one shape and type, as one tensor on `device`, as `to_device` would."""
    if len({(each.shape, each.dtype) for each in arrays}) != 1:
        raise ValueError(f"expected arrays of one shape and type, got {[each.shape for each in arrays]}")
    pinned = device.type == "cuda"
    kind = torch.from_numpy(arrays[0][:0]).dtype
    together = torch.empty((len(arrays), *arrays[0].shape), dtype=kind, pin_memory=pinned)
    np.stack(arrays, out=together.numpy())
    return together.to(device, non_blocking=pinned)


def to_host(tensors: Sequence[torch.Tensor]) -> list[NDArray[Any]]:
    """Return `tensors` as arrays, when they are there; this thread alone waits."""
    if not any(each.device.type == "cuda" for each in tensors):
        return [each.numpy() for each in tensors]
    copies = [torch.empty(each.shape, dtype=each.dtype, pin_memory=True) for each in tensors]
    for copy, each in zip(copies, tensors, strict=True):
        copy.copy_(each, non_blocking=True)
    torch.cuda.current_stream(tensors[0].device).synchronize()
    return [copy.numpy() for copy in copies]
