"""The same work on many items, several at a time in threads, the results in the order of the items."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(function: Callable[[Item], Result], items: Iterable[Item], jobs: int) -> Iterator[Result]:
    """Yield `function(item)` for each of `items`, `jobs` at a time; a few are taken ahead, so memory stays small.

    >>> list(in_order(abs, [-3, 1, -2], jobs=2))
    [3, 1, 2]
    """
    if jobs <= 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(jobs) as executor:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(executor.submit(function, item))
            if len(waiting) > 2 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
