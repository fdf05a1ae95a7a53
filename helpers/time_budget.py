"""So much time and no more: work that would end too late is not begun, or stopped as soon as that can be foreseen."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
_WARM = 3  # the first items take longer, and tell nothing of the others; nor do fewer than as many again


class TooLong(Exception):
    """What was begun would take so many `seconds` more, and there is not that much time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s more")
        self.seconds = seconds


class TimeBudget:
    """A number of seconds, from now on."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left; below 0 when they are over."""
        return self._end - time.monotonic()

    def require(self, seconds: float) -> None:
        """Raise `TooLong` unless so many seconds are left."""
        if seconds > self.left:
            raise TooLong(seconds)

    def watching(self, items: Iterable[T], total: int, *, times: int = 1) -> Iterator[T]:
        """Yield `items`, of which there are `total`; `TooLong` when it can be foreseen that they take too long.

        times: how often as much has to be done, this time included.
        """
        begun = start = time.monotonic()
        for done, item in enumerate(items, 1):
            yield item
            now = time.monotonic()
            if done == _WARM:
                start = now
            each = (now - start) / (done - _WARM) if done >= 2 * _WARM else 0.0
            if self.left < 0:  # it ends here; how much is missing is worth a guess
                each = each or (now - begun) / done
            if done < times * total:  # what is finished is of use, however late
                self.require(each * (times * total - done))
