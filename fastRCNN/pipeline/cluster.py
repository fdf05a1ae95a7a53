"""Work on several machines: the same function of many arguments, called by the workers of a Dask cluster.

    --cluster dask:local:4              four worker processes on this machine
    --cluster dask:tcp://HOST:8786      the workers of a scheduler that runs already

Workers need the project's packages, this folder on their path, and the folders of the data set at the same place (a
shared folder). The call of a worker that is lost is done by another one. Source: distributed.dask.org.
"""

import logging
from argparse import ArgumentParser
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from helpers.errors import UserError

AHEAD = 3  # calls for each thread of the workers that are asked for before the first of them is done
_FORM = "expected dask:local:N with N worker processes on this machine, or dask:ADDRESS like dask:tcp://host:8786"


def add_cluster_option(parser: ArgumentParser) -> None:
    """Add --cluster to the options of a script."""
    parser.add_argument(
        "--cluster", default="", metavar="dask:...", type=_checked,
        help="let workers do it: dask:local:N, or dask:tcp://HOST:8786 of a Dask scheduler",
    )  # fmt: skip


def _checked(address: str) -> str:
    """Return `address`; `UserError` where it has another form, also where a step has nothing to do."""
    kind, _, place = address.partition(":")
    local, _, number = place.partition(":")
    if address and (kind != "dask" or not place or (local == "local" and not (number.isdigit() and int(number) > 0))):
        raise UserError(f"--cluster {address}: {_FORM}")
    return address


class Cluster(Protocol):
    """Where calls are done."""

    def map(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """Yield what `function(*arguments)` returns for each of `calls`, in their order; an error of one is raised.

        `calls` are asked for a few ahead, so they may be made as they are needed.
        """
        ...


class DaskCluster:
    """The workers of one Dask scheduler."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def map(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """See `Cluster`."""
        waiting: deque[Any] = deque()
        try:
            for arguments in calls:
                waiting.append(self._client.submit(function, *arguments, pure=False))
                if len(waiting) >= AHEAD * self._threads():
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _threads(self) -> int:
        """Return the number of threads of all workers: some may have come or gone."""
        return max(1, sum(self._client.nthreads().values()))


@contextmanager
def open_cluster(address: str) -> Iterator[Cluster | None]:
    """Give the cluster at `address`, as the option --cluster has it; None for "", where this process does all itself.

    Raises `UserError` for another form, without the package `distributed`, and where nobody answers.
    """
    if not address:
        yield None
        return
    place = _checked(address).partition(":")[2]
    local, _, number = place.partition(":")
    try:
        import distributed
    except ImportError:
        raise UserError(f'--cluster {address} needs Dask: pip install "distributed>=2024.8"') from None
    with _client(distributed, address, place, int(number) if local == "local" else 0) as client:
        yield DaskCluster(client)


@contextmanager
def _client(distributed: Any, address: str, place: str, processes: int) -> Iterator[Any]:
    """Give a client of `processes` workers of its own, or of the scheduler at `place`."""
    if processes:
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it tells our log of every connection
        with (
            distributed.LocalCluster(  # no page to look at: its port may be in use
                n_workers=processes, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
            ) as workers,
            distributed.Client(workers) as client,
        ):
            yield client
        return
    try:
        client = distributed.Client(place, timeout=20)
    except (OSError, ValueError) as error:
        raise UserError(f"--cluster {address}: no scheduler answers there ({error}). {_FORM}") from None
    with client:
        if not client.nthreads():
            raise UserError(f"--cluster {address}: the scheduler has no worker. Start some: dask worker {place}")
        yield client
