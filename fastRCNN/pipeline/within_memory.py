"""Fewer pictures in a call where a GPU's memory has no room for all of them."""

import logging
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from helpers.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

log = logging.getLogger(__name__)


class WithinMemory:
    """Calls a function of several pictures, from the first call that has no room on with half as many at a time."""

    def __init__(self) -> None:
        self._most = sys.maxsize

    def __call__(self, function: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item]) -> list[Result]:
        """Return `function(items)`, a result for each item, computed in as many calls as it takes.

        Raises `UserError` where the GPU has no room for one.
        """
        found: list[Result] = []
        while len(found) < len(items):
            some = items[len(found) : len(found) + self._most]
            if (results := _if_there_is_room(function, some)) is not None:
                found += results
            elif len(some) == 1:
                raise UserError(
                    "The GPU's memory has no room for one picture and its ROIs. End other programs that use the GPU, "
                    "lower cntk_nrRois or cntk_padWidth (with cntk_padHeight), or use --device cpu"
                )
            else:
                self._most = min(self._most, len(some) // 2)
                log.warning("The GPU's memory has no room for %d pictures at once: %d from here on.",
                            len(some), self._most)  # fmt: skip
        return found


def _if_there_is_room(function: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item]) -> list[Result] | None:
    """Return `function(items)`; None where a GPU's memory was full, and what that call held is given back."""
    torch = sys.modules.get("torch")  # another engine needs none
    full: type[BaseException] | tuple[()] = torch.cuda.OutOfMemoryError if torch else ()
    try:
        return function(items)
    except full:
        pass  # outside of this block nothing holds the call's tensors any more
    assert torch is not None
    torch.cuda.empty_cache()
    return None
