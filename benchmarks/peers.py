"""Libraries that cannot live in .venv: OpenCV contrib takes the place of OpenCV, dlib is compiled for minutes.

They run in .venv-peers (made by `python3 benchmarks/install_peers.py`; PEERS_VENV names another folder), in a process
that times itself, so that they can take turns with programs of this process.
"""

import contextlib
import pickle
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.install_peers import environment_python, peer_environment

WORKER = Path(__file__).resolve().parent / "peer_worker.py"
INSTALL = "python3 benchmarks/install_peers.py"


class PeerFailed(Exception):
    """The peer `method` gave no answer; the text says why."""

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(reason)
        self.method = method


class PeerProcess:
    """The worker in the peers' environment; a context manager. It starts with the first request."""

    def __init__(self, environment: Path | None = None, worker: Path = WORKER) -> None:
        self.python, self.worker = environment_python(environment or peer_environment()), worker
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "PeerProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> int:
        """End the worker, if there is one; return its exit status."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()  # the worker ends when no request can come any more
        process.stdout.close()
        return process.wait()

    def boxes(self, method: str, image: NDArray[np.uint8], options: Mapping[str, Any]) -> tuple[NDArray, float]:
        """Return the boxes (R, 4) int32 of an (H, W, 3) `image`, and the CPU seconds; `PeerFailed` without an answer.

        After a worker has ended, the next request starts another one.
        """
        if self.process is None:
            if not self.python.exists():
                raise PeerFailed(method, f"not installed: {INSTALL}")
            command = [str(self.python), "-E", str(self.worker)]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            pickle.dump((method, dict(options), image.shape, image.tobytes()), self.process.stdin)
            self.process.stdin.flush()
            answer = pickle.load(self.process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError) as fault:
            status = self._end()
            raise PeerFailed(method, f"its process ended with exit status {status}") from fault
        if isinstance(answer, str):
            raise PeerFailed(method, answer.splitlines()[0])
        boxes, seconds = answer
        return np.frombuffer(boxes, np.int32).reshape(-1, 4), seconds


class PeerProgram:
    """A method of the peers as a program for `benchmarks.timing`; `seconds` is the time of the last call."""

    def __init__(self, process: PeerProcess, method: str, options: Mapping[str, Any]) -> None:
        self.process, self.method, self.options = process, method, options
        self.seconds = float("nan")

    def __call__(self, image: NDArray[np.uint8]) -> NDArray:
        """Return the boxes (R, 4) int32 of an (H, W, 3) picture."""
        boxes, self.seconds = self.process.boxes(self.method, image, self.options)
        return boxes
