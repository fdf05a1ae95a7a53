"""Numba with a disk cache that never gets in the way, and a line that says when something is compiled.

Rule for whoever writes a kernel: a kernel calls only kernels of its own file, because Numba's cache looks for changes
in that one file alone.
"""

import functools
import logging
import pickle
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

CACHE_FAULTS = (OSError, EOFError, pickle.UnpicklingError)
# x / 0 is not checked; kernels run without the interpreter's lock, so that threads run them side by side
OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
_PATIENCE = 0.5  # seconds
_announced: set[str] = set()
_first_calls = threading.RLock()
_inline: dict[str, list[Callable[..., Any]]] = {}  # by module, as long as they are not compiled


def _njit(function: Callable[..., Any], **options: Any) -> Any:
    import numba  # only here: it takes as long to import as some steps to run, and not each step calls a kernel

    for small in _inline.pop(function.__module__, ()):
        compiled_small = numba.njit(small, **OPTIONS, no_cpython_wrapper=True)  # type: ignore[call-overload]
        small.__globals__[small.__name__] = compiled_small  # where kernels look when they are compiled
    return numba.njit(function, **OPTIONS, **options)  # type: ignore[call-overload]  # its stubs lack some options


def inline_kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a small function that kernels of the same file call, as a part of each of them.

    Until the first of these is compiled it stays the Python function that it is, so that an import loads no Numba.
    """
    _inline.setdefault(function.__module__, []).append(function)
    return function


def compiled(
    *, what: str, seconds: float, stand_in: Callable[..., Any] | None = None, **options: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator: compile the function with Numba on its first call and keep the machine code on disk.

    what, seconds: name and compile time of the group of functions that it belongs to, for the line that is logged once
    in a process before something of the group is compiled: "compiling `what` once on this machine, about `seconds` s".
    Later runs load the code from Numba's cache (`__pycache__` beside the source, else the user's cache folder; or
    NUMBA_CACHE_DIR) and log nothing. Where no such folder can be written, or the disk is full, or a cache file is
    damaged, the code is compiled for each process, and the line says so.

    stand_in: a function with the same results that is called instead until it has taken half a second. Loading Numba
    and the machine code takes about as long, which a short run would wait for in vain. Where Numba has been loaded
    already, nothing stands in.
    options: further ones of `numba.njit`.

    The Python function stays reachable as `.py_func`.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        state: dict[str, Any] = {"kernel": None, "stood_in": 0.0}

        def stand(arguments: tuple[Any, ...]) -> Any:
            start = time.thread_time()  # of the processor: a busy machine does not count
            result = stand_in(*arguments)  # type: ignore[misc]
            state["stood_in"] += time.thread_time() - start
            return result

        def first_call(arguments: tuple[Any, ...]) -> Any:
            kernel, cached = _cached_kernel(function, options)
            if what not in _announced and not (cached and _has_cache_file(kernel)):
                _announced.add(what)
                once = "once on this machine" if cached else "for this process (no folder to keep it: NUMBA_CACHE_DIR)"
                logger.info("compiling %s %s, about %.0f s", what, once, seconds)
            try:
                result = kernel(*arguments)
            except CACHE_FAULTS as fault:  # disk full, folder read-only since the import, half a cache file
                logger.warning("compiled code could not be kept (%r); compiling for this process", fault)
                kernel = _njit(function, **options)
                result = kernel(*arguments)
            state["kernel"] = kernel
            return result

        @functools.wraps(function)
        def call(*arguments: Any) -> Any:
            if state["kernel"] is not None:
                return state["kernel"](*arguments)
            if stand_in and state["stood_in"] < _PATIENCE and "numba" not in sys.modules:
                return stand(arguments)
            with _first_calls:  # of two threads one compiles, the other waits
                if state["kernel"] is None:
                    return first_call(arguments)
            return state["kernel"](*arguments)

        call.py_func = function  # type: ignore[attr-defined]
        return call

    return decorate


def _cached_kernel(function: Callable[..., Any], options: dict[str, Any]) -> tuple[Any, bool]:
    """Return the function as a Numba kernel that is compiled when called, and whether its code is kept on disk."""
    try:
        return _njit(function, cache=True, **options), True
    except RuntimeError:  # Numba: "no locator available", no cache folder can be written
        return _njit(function, **options), False


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
