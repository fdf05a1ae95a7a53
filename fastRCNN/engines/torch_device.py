"""Where PyTorch computes, with which numbers, and in which process."""

import contextlib
import logging
import os
import threading
from collections.abc import Iterator

import torch

from helpers.errors import UserError

log = logging.getLogger(__name__)


def choose_device(wanted: str) -> torch.device:
    """Return the device for "auto" (the GPU where there is one), "cpu" or "cuda"; `UserError` when it is absent."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch finds no NVIDIA GPU here. Use --device cpu, or auto")
    return torch.device("cuda" if wanted == "cuda" or (wanted == "auto" and torch.cuda.is_available()) else "cpu")


class _Tf32:
    """PyTorch's two switches for TF32, off while anybody wants them off: they are the process's, threads share them."""

    def __init__(self) -> None:
        self.lock, self.users, self.before = threading.Lock(), 0, (False, False)

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        """Keep both off; whoever leaves last puts them back."""
        with self.lock:
            if self.users == 0:
                self.before = (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32)
                torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
            self.users += 1
        try:
            yield
        finally:
            with self.lock:
                self.users -= 1
                if self.users == 0:
                    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = self.before


_tf32 = _Tf32()


def exact_products(device: torch.device, precision: str) -> contextlib.AbstractContextManager[None]:
    """Return what makes "float32" mean 24 bits while it is open, on a GPU too, whose convolutions take 11 (TF32).

    For another precision, or on a CPU, it does nothing.
    """
    return _tf32.off() if device.type == "cuda" and precision == "float32" else contextlib.nullcontext()


class Process:
    """The process that an engine was loaded in. A fork of it has neither its threads nor its GPU."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.number = device, os.getpid()

    def check(self) -> None:
        """Call this before computing: in a forked process go on with one thread, or say what to do instead.

        PyTorch's threads are not there after a fork, and whoever waits for them waits for ever.
        """
        if os.getpid() == self.number:
            return
        if self.device.type != "cpu":
            raise UserError(
                "The network was loaded in another process, and a fork cannot use its GPU. Load it in each worker "
                '(gunicorn: without --preload), or start workers by multiprocessing\'s "spawn"'
            )
        torch.set_num_threads(1)
        log.warning("The network was loaded before this process was forked: it computes with one thread here.")
        self.number = os.getpid()
