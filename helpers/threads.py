"""How the threads of numerical libraries wait for each other."""

import os
import sys

_CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")  # what a user may have set about it


def wait_without_spinning() -> None:
    """Let OpenMP's threads sleep while they wait, unless the user chose; it is read when PyTorch is loaded.

    By default they spin, which takes the processor from whoever else wants it, themselves included. Beside other
    programs on two cores, 100 small pictures through the network took 62 s (17 s of processor) spinning and 5 s (1.4 s)
    without; alone both take the same.
    """
    if "torch" not in sys.modules and not any(name in os.environ for name in _CHOICES):
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
