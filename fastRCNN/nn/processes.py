"""Several processes that train one network together, as PyTorch's torchrun starts them.

    torchrun --nproc_per_node=2 3_runCntk.py --classifier nn

Each has the whole network and learns from its part of every minibatch: of `cntk_mb_size` pictures for each process.
Losses and gradients are sums over ROIs, so they are added up over the processes, and every process takes the same step;
with N processes that is one process with N times the pictures in a minibatch. The rate per picture stays as it is, and
with it the momentum of a minibatch, exp(-pictures in it / time constant), falls. gloo connects CPUs, nccl GPUs.
"""

import os
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed

T = TypeVar("T")


class Processes:
    """This process and those beside it. rank: its number, 0 for the one that writes files; count: how many they are."""

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count

    @classmethod
    def join(cls, device: str) -> "Processes":
        """Return the processes that torchrun started, joined; this one alone where it did not.

        device: as --device has it; with GPUs each process takes that of its number on its machine.
        """
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls()
        on_gpu = device != "cpu" and torch.cuda.is_available()
        if on_gpu:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        distributed.init_process_group("nccl" if on_gpu else "gloo")
        return cls(distributed.get_rank(), count)

    def leave(self) -> None:
        """Part from the others."""
        if self.count > 1:
            distributed.destroy_process_group()

    def agree(self, value: bool) -> bool:
        """Return what the first process says; the others wait for it."""
        return bool(self._broadcast(torch.tensor([float(value)]))[0]) if self.count > 1 else value

    def mine(self, batch: Sequence[T]) -> Sequence[T]:
        """Return the part of a minibatch that is for this process."""
        return batch[self.rank :: self.count]

    def added_up(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum over all processes of each of `sums`."""
        return self._add(torch.from_numpy(sums)).numpy() if self.count > 1 else sums

    def add_gradients(self, parameters: Iterable[torch.Tensor]) -> None:
        """Add up the gradients of all processes, in place; a parameter that has none in any of them gets none."""
        if self.count == 1:
            return
        learning = list(parameters)
        has = self.added_up(np.array([parameter.grad is not None for parameter in learning], np.float64))
        for parameter, processes_with_one in zip(learning, has, strict=True):
            if processes_with_one:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                parameter.grad.copy_(self._add(parameter.grad))

    def start_alike(self, parameters: Iterable[torch.Tensor]) -> None:
        """Give the parameters the values that they have in the first process, in place."""
        with torch.no_grad():
            for parameter in parameters if self.count > 1 else ():
                parameter.copy_(self._broadcast(parameter.detach()))

    def _add(self, tensor: torch.Tensor) -> torch.Tensor:
        moved = self._placed(tensor)
        distributed.all_reduce(moved)
        return moved.to(tensor.device)

    def _broadcast(self, tensor: torch.Tensor) -> torch.Tensor:
        moved = self._placed(tensor)
        distributed.broadcast(moved, 0)
        return moved.to(tensor.device)

    @staticmethod
    def _placed(tensor: torch.Tensor) -> torch.Tensor:
        """Return a copy where the processes are connected."""
        return tensor.clone().cuda() if distributed.get_backend() == "nccl" else tensor.clone()
