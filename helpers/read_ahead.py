"""Doing what comes next in other threads, while the caller works on what is there."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    threads: int,
    ahead: int | None = None,
    begin: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """Yield `function(item)` for each of `items`, in their order; an error of one is raised when it is its turn.

    threads: how many call it; 0: none, each is called when it is its turn. ahead: for how many more, beside the one
    that is waited for; None: twice as many as there are threads. begin: what each thread calls first.

    >>> list(in_order(len, ["a", "bb", ""], threads=2))
    [1, 2, 0]
    """
    if not threads:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, initializer=begin) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > (2 * threads if ahead is None else ahead):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
