"""How the threads of numerical libraries wait for each other."""

import os
import sys

_OPENMP = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")  # what a user may have set about it
_OPENBLAS = "OPENBLAS_THREAD_TIMEOUT"
_SHORT = "14"  # 2 to the power of this, cycles of the processor, until a thread of OpenBLAS that has no work sleeps


def wait_without_spinning() -> None:
    """Let threads sleep while they wait, unless the user chose.

    By default they spin, which takes the processor from whoever else wants it, themselves included. PyTorch's (OpenMP,
    chosen before it is loaded): beside other programs on two cores, 100 small pictures through the network took 62 s
    (17 s of processor) spinning and 5 s (1.4 s) without; alone both take the same. NumPy's (OpenBLAS, likewise): a
    picture scored by SVMs takes 51 instead of 67 ms, since they do not keep a core from PyTorch for a while after each
    product.
    """
    if "torch" not in sys.modules and not any(name in os.environ for name in _OPENMP):
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    if "numpy" not in sys.modules:
        os.environ.setdefault(_OPENBLAS, _SHORT)
