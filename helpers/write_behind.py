"""Writing behind the work: files go to the disk, which takes its time, while the next ones are computed."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

WRITERS = 2  # most of their time is waiting until the disk has it


class WriteBehind:
    """Runs calls in threads of their own, for a `with` block, which ends when all are done.

    >>> written = []
    >>> with WriteBehind() as behind:
    ...     for number in range(3):
    ...         behind.call(written.append, number)
    >>> sorted(written)
    [0, 1, 2]
    """

    def __init__(self, writers: int = WRITERS) -> None:
        """`writers`: how many threads, and how many calls may wait or run before the caller waits."""
        self._writers, self._pool = writers, ThreadPoolExecutor(writers)
        self._running: deque[Future[Any]] = deque()

    def call(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call `function(*arguments)` soon; an error of this or of an earlier call is raised here or at the end."""
        if len(self._running) == self._writers:  # no more of them: what they write is in memory
            self._running.popleft().result()
        self._running.append(self._pool.submit(function, *arguments))

    def __enter__(self) -> "WriteBehind":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for all calls; where the block ended well, raise the first error of them."""
        self._pool.shutdown()
        while self._running and kind is None:
            self._running.popleft().result()
