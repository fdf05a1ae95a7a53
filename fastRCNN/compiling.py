"""Numba with a disk cache that never gets in the way, and a line that says when something is compiled.

Rule for whoever writes a kernel: a kernel calls only kernels of its own file, because Numba's cache looks for changes
in that one file alone.
"""

import functools
import logging
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

logger = logging.getLogger(__name__)

CACHE_FAULTS = (OSError, EOFError, pickle.UnpicklingError)
OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}  # x / 0 is not checked
_njit: Any = numba.njit  # its stubs lack some of the options
inline_kernel = _njit(no_cpython_wrapper=True, **OPTIONS)  # small functions that kernels of the same file call
_announced: set[str] = set()


def compiled(*, what: str, seconds: float) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator: compile the function with Numba on its first call and keep the machine code on disk.

    what, seconds: name and compile time of the group of functions that it belongs to, for the line that is logged once
    in a process before something of the group is compiled: "compiling `what` once on this machine, about `seconds` s".
    Later runs load the code from Numba's cache (`__pycache__` beside the source, else the user's cache folder; or
    NUMBA_CACHE_DIR) and log nothing. Where no such folder can be written, or the disk is full, or a cache file is
    damaged, the code is compiled for each process, and the line says so.

    The Python function stays reachable as `.py_func`.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            kernel = _njit(function, cache=True, **OPTIONS)
            cached = True
        except RuntimeError:  # Numba: "no locator available", no cache folder can be written
            kernel = _njit(function, **OPTIONS)
            cached = False
        state: dict[str, Any] = {"kernel": kernel, "called": False}

        @functools.wraps(function)
        def call(*arguments: Any) -> Any:
            if state["called"]:
                return state["kernel"](*arguments)
            if what not in _announced and not (cached and _has_cache_file(state["kernel"])):
                _announced.add(what)
                once = "once on this machine" if cached else "for this process (no folder to keep it: NUMBA_CACHE_DIR)"
                logger.info("compiling %s %s, about %.0f s", what, once, seconds)
            try:
                result = state["kernel"](*arguments)
            except CACHE_FAULTS as fault:  # disk full, folder read-only since the import, half a cache file
                logger.warning("compiled code could not be kept (%r); compiling for this process", fault)
                state["kernel"] = _njit(function, **OPTIONS)
                result = state["kernel"](*arguments)
            state["called"] = True
            return result

        call.py_func = function  # type: ignore[attr-defined]
        return call

    return decorate


def _has_cache_file(kernel: Any) -> bool:
    """Return whether Numba's cache holds an index of `kernel` that is as new as its source."""
    function = kernel.py_func
    source = Path(function.__code__.co_filename)
    name = f"{source.stem}.{function.__qualname__}-{function.__code__.co_firstlineno}"
    folder = kernel.stats.cache_path
    if folder is None or not source.exists():
        return False
    indexes = [path for path in Path(folder).iterdir() if path.name.startswith(name) and path.suffix == ".nbi"]
    return any(path.stat().st_mtime >= source.stat().st_mtime for path in indexes)
