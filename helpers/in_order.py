"""The same work on many items in other threads, the results in order, while the caller works on what is there."""

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
    """Yield `function(item)` for each of `items`, in their order; an error of one, or of `items`, comes in its turn.

    threads: how many call it; 0: none, each is called when it is its turn. ahead: for how many more, beside the one
    that is waited for; None: twice as many as there are threads. begin: what each thread calls first.

    >>> list(in_order(len, ["a", "bb", ""], threads=2))
    [1, 2, 0]
    """
    if not threads:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    failure: Exception | None = None
    with ThreadPoolExecutor(threads, initializer=begin) as pool:
        rest = iter(items)
        while failure is None:
            try:
                waiting.append(pool.submit(function, next(rest)))
            except StopIteration:
                break
            except Exception as error:  # of the items themselves: what came before is given first
                failure = error
            if len(waiting) > (2 * threads if ahead is None else ahead):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    if failure is not None:
        raise failure
