"""Calls on a Dask cluster: order, errors, a worker that is lost, and what may stand behind --cluster."""

import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastRCNN.pipeline.cluster import Cluster, add_cluster_option, open_cluster
from helpers.errors import UserError

pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore")  # Dask's own


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with open_cluster("dask:local:2") as opened:
        assert opened is not None
        yield opened


def _double(number: int) -> int:
    return 2 * number


def _process(_: int) -> int:
    return os.getpid()


def _fail(number: int) -> int:
    if number == 3:
        raise UserError(f"number {number}")
    return number


def _die_once(number: int, mark: Path) -> int:
    """Kill this very process at the first call with 5, as a machine that goes down does."""
    if number == 5 and not mark.exists():
        mark.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_results_come_in_order(cluster: Cluster) -> None:
    assert list(cluster.map(_double, ((number,) for number in range(30)))) == list(range(0, 60, 2))
    assert list(cluster.map(_double, [])) == []


def test_other_processes_do_it(cluster: Cluster) -> None:
    processes = set(cluster.map(_process, ((number,) for number in range(40))))
    assert os.getpid() not in processes


def test_calls_are_asked_for_a_few_ahead(cluster: Cluster) -> None:
    asked = []
    results = cluster.map(_double, ((asked.append(number) or number,) for number in range(1000)))
    next(results)
    assert len(asked) < 20
    results.close()


def test_errors_are_raised_here(cluster: Cluster) -> None:
    with pytest.raises(UserError, match="number 3"):
        list(cluster.map(_fail, ((number,) for number in range(6))))


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_what_a_lost_worker_had_is_done_by_others(cluster: Cluster, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    assert list(cluster.map(_die_once, ((number, mark) for number in range(20)))) == list(range(20))
    assert mark.exists()


def test_dask_keeps_quiet(caplog: pytest.LogCaptureFixture) -> None:
    with open_cluster("dask:local:1") as opened:
        assert opened and list(opened.map(abs, [(-2,)])) == [2]
    assert not caplog.text


def test_no_cluster_and_odd_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_cluster("") as none:
        assert none is None
    for address in ("dask", "dask:", "dask:local:0", "dask:local:x", "ray:local:2", "2"):
        with pytest.raises(UserError, match=r"expected dask:local:N with N worker processes"), open_cluster(address):
            pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r'needs Dask: pip install "distributed'), open_cluster("dask:local:2"):
        pass
    parser = ArgumentParser()
    add_cluster_option(parser)
    assert parser.parse_args([]).cluster == "" and parser.parse_args(["--cluster", "dask:x"]).cluster == "dask:x"
    with pytest.raises(UserError, match=r"--cluster ray:2: expected dask:local:N"):  # also where there is nothing to do
        parser.parse_args(["--cluster", "ray:2"])
