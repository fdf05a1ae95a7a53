"""benchmarks/peers.py: boxes and times from another process, and what happens when it is missing, refuses or dies."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.install_peers import environment_python, opencv_contrib, peer_environment
from benchmarks.peers import PeerFailed, PeerProcess, PeerProgram

WORKER = """
import os, pickle, sys
while True:
    try:
        method, options, shape, pixels = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    if method == "dies":
        os._exit(7)
    if method == "refuses":
        answer = "needs a library\\nInstall it"
    else:
        answer = (bytes(range(0, 16)) if pixels[:1] == b"\\x05" else b"", float(options["seconds"]))
    pickle.dump(answer, sys.stdout.buffer)
    sys.stdout.buffer.flush()
"""
IMAGE = np.full((3, 4, 3), 5, np.uint8)


@pytest.fixture
def process(tmp_path: Path):
    """A process that runs WORKER in this Python."""
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    with PeerProcess(tmp_path, worker) as peer:
        peer.python = Path(sys.executable)
        yield peer


def test_boxes_and_seconds_come_back(process):
    program = PeerProgram(process, "any", {"seconds": 1.5})
    boxes = program(IMAGE)
    assert boxes.dtype == np.int32 and boxes.shape == (1, 4)
    assert boxes.tobytes() == bytes(range(16))
    assert program.seconds == 1.5
    assert program(np.zeros((3, 4, 3), np.uint8)).shape == (0, 4)


def test_a_peer_that_refuses_says_why_and_goes_on(process):
    with pytest.raises(PeerFailed, match=r"^needs a library$") as failure:
        process.boxes("refuses", IMAGE, {})
    assert failure.value.method == "refuses"
    assert len(process.boxes("any", IMAGE, {"seconds": 0})[0]) == 1


def test_a_process_that_dies_is_named_and_replaced(process):
    with pytest.raises(PeerFailed, match="ended with exit status 7") as failure:
        process.boxes("dies", IMAGE, {})
    assert failure.value.method == "dies"
    assert len(process.boxes("any", IMAGE, {"seconds": 0})[0]) == 1


def test_without_the_environment_the_command_that_makes_it_is_named(tmp_path):
    with (
        PeerProcess(tmp_path / "none") as process,
        pytest.raises(PeerFailed, match=r"not installed: python3 benchmarks/install_peers.py"),
    ):
        process.boxes("dlib", IMAGE, {})


def test_the_worker_says_what_is_not_installed(tmp_path):
    """The real worker, in this environment, which has OpenCV without contrib (or else has the boxes)."""
    with PeerProcess(tmp_path) as process:
        process.python = Path(sys.executable)
        try:
            boxes, seconds = process.boxes("opencv", np.zeros((20, 30, 3), np.uint8), {})
        except PeerFailed as failure:
            assert 'ss_method "opencv" needs cv2.ximgproc' in str(failure)
        else:
            assert boxes.tolist() == [[0, 0, 29, 19]] and seconds >= 0


def test_where_the_peers_live(monkeypatch, tmp_path):
    monkeypatch.delenv("PEERS_VENV", raising=False)
    assert peer_environment().name == ".venv-peers"
    monkeypatch.setenv("PEERS_VENV", str(tmp_path))
    assert peer_environment() == tmp_path
    assert environment_python(tmp_path) == tmp_path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def test_opencv_contrib_has_the_version_of_opencv():
    assert opencv_contrib("numpy==1\nopencv-python==5.0.0.93\n") == "opencv-contrib-python-headless==5.0.0.93"
    assert opencv_contrib("numpy==1\n") == "opencv-contrib-python-headless"
