"""benchmarks/bench_proposals.py: what is measured, what is said of what is not, and how good boxes are."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.bench_proposals import STAGES, available_searches, comparison, growth, measure, quality, stages
from benchmarks.peers import PeerFailed, PeerProcess
from tests.conftest import draw_tiny_data_set, draw_tiny_picture

IMAGE = draw_tiny_picture(0)[0]


class Peer:
    """Stands in for the process of the peers: OpenCV answers, dlib is not there."""

    seconds = 0.25

    def boxes(self, method, image, options):
        if method == "dlib":
            assert options == {"k_values": (50, 500, 6), "min_size": 20, "max_merging_iterations": 20}
            raise PeerFailed(method, "no dlib")
        return np.array([[0, 0, 9, 9]], np.int32), self.seconds


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """This environment without the peers."""
    monkeypatch.delattr(cv2, "ximgproc", raising=False)
    monkeypatch.setitem(sys.modules, "dlib", None)


def test_peers_are_asked_for_what_is_not_here(bare):
    searches, missing = available_searches(IMAGE, Peer(), max_rois=7)  # type: ignore[arg-type]
    assert missing == {"dlib": "no dlib"}
    assert set(searches) == {"package", "selectivesearch", "fast", "opencv", "opencv-quality"}
    assert len(searches["fast"](IMAGE)) == 7
    assert searches["opencv"](IMAGE).tolist() == [[0, 0, 9, 9]]


def test_the_table_has_a_row_for_each_and_says_what_is_missing(bare, tmp_path):
    searches, missing = available_searches(IMAGE, Peer(), max_rois=50)  # type: ignore[arg-type]
    objects = np.array([[0, 0, 9, 9], [50, 50, 69, 69]])
    table, lines, found = comparison(searches, missing, [(tmp_path, IMAGE, objects)], rounds=1)
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()]
    assert len(rows) == 2 + 6
    opencv = next(row for row in rows if row[0] == "OpenCV contrib, fast")
    assert opencv[1] == "250.0" and opencv[3:] == ["1", "0.500", "0.500"]
    assert rows[-1][:2] == ["dlib", "not measured (no dlib)"]
    assert sum(line.startswith("summary: proposals | OpenCV contrib") for line in lines) == 2
    assert not any("dlib" in line for line in lines)
    np.testing.assert_array_equal(found["package"][0], found["selectivesearch"][0])


def test_nothing_but_ours_is_left_without_the_environment(bare, tmp_path):
    with PeerProcess(tmp_path / "none") as process:
        searches, missing = available_searches(IMAGE, process, max_rois=50)
    assert {"fast", "selectivesearch"} <= set(searches)
    assert set(missing.values()) == {"not installed: python3 benchmarks/install_peers.py"}


def test_a_peer_that_dies_on_the_way_is_dropped():
    def dies(image):
        if image == 2:
            raise PeerFailed("dlib", "its process ended")
        return image

    searches, missing = {"fast": lambda image: -image, "dlib": dies}, {}
    times, found = measure(searches, missing, [1, 2], rounds=1)  # type: ignore[arg-type,list-item]
    assert set(times) == {"fast"} and found == {"fast": [-1, -2]}
    assert missing == {"dlib": "its process ended"} and set(searches) == {"fast"}


def test_quality_by_hand():
    rois = [np.array([[0, 0, 9, 9], [0, 0, 9, 4]]), np.array([[50, 50, 59, 59]])]
    objects = [np.array([[0, 0, 9, 4]]), np.array([[50, 50, 59, 52]])]  # overlaps 1 and 30 / 100
    assert quality(rois, objects) == (1.5, 0.5, pytest.approx(0.65))
    assert np.isnan(quality(rois, [np.zeros((0, 4))] * 2)[1])


def test_growth_and_stages(tmp_path: Path):
    root = draw_tiny_data_set(tmp_path)
    ours = {"fast": available_searches(IMAGE, Peer(), max_rois=50)[0]["fast"]}  # type: ignore[arg-type]
    assert growth(ours, {}, root / "data" / "tiny").splitlines()[2].startswith("| ours, fast | ")
    lines = stages([IMAGE, IMAGE]).splitlines()
    assert len(lines) == 2 + len(STAGES) + 2 and lines[-1].endswith("| 100% |")
    shares = [int(line.split("|")[-2].strip(" %")) for line in lines[2:-1]]
    assert 95 <= sum(shares) <= 105
