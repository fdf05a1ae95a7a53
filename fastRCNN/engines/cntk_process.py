"""Start the CNTK worker, send it commands, and end it: no zombie, no half answer, one clear error when it dies.

The worker runs in `.venv-cntk`, which resources/install_cntk.py makes. Its standard error goes to a temporary file,
whose end is shown when it dies.
"""

import json
import os
import signal
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from fastRCNN.engines.cntk_link import BrokenLink, read_message, write_message
from helpers.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).resolve().with_name("cntk_worker.py")
SETTINGS = "tutorial.json"  # in the environment; written by resources/install_cntk.py when all is well
_SECONDS_TO_LEAVE = 10.0
_HOW_TO_INSTALL = (
    "Install it with: python3 resources/install_cntk.py (it needs CPython 3.6 and MPI, and says how to get them). "
    "Or use --engine torch: the same network, the same numbers"
)


def environment_folder() -> Path:
    """Return where CNTK's Python environment belongs: CNTK_VENV, or `.venv-cntk` of the repository."""
    return Path(os.environ.get("CNTK_VENV") or REPOSITORY / ".venv-cntk")


def environment_python(environment: Path) -> Path:
    """Return the Python of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def missing_cntk(environment: Path | None = None) -> str | None:
    """Return why CNTK cannot run here, in words, or None when it is installed."""
    environment = environment or environment_folder()
    if not environment_python(environment).exists():
        return f"CNTK is not installed here ({environment} is not there)"
    if not (environment / SETTINGS).is_file():
        return f"CNTK's installation in {environment} was not finished"
    return None


class CntkProcess:
    """One worker. `request` may be called from several threads; one command runs at a time."""

    def __init__(self, *, threads: int | None = None, environment: Path | None = None) -> None:
        environment = environment or environment_folder()
        if why := missing_cntk(environment):
            raise UserError(f"--engine cntk: {why}. {_HOW_TO_INSTALL}")
        self._lock, self._parent = threading.Lock(), os.getpid()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        self.environment_variables = _variables(environment, threads)
        self._process = subprocess.Popen(
            [str(environment_python(environment)), "-E", "-s", "-W", "ignore", str(WORKER), str(threads or 0)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            env=self.environment_variables,
        )  # fmt: skip
        self._finalizer = weakref.finalize(self, _end, self._process, self._errors, self._parent)
        self.versions = self.request("hello")[0]

    @property
    def pid(self) -> int:
        """The process number of the worker."""
        return self._process.pid

    def request(
        self, command: str, values: Mapping[str, Any] | None = None, arrays: Mapping[str, np.ndarray] | None = None
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Send `command`, wait, and return the answer: (values, arrays)."""
        with self.conversation(command, values, arrays) as talk:
            return talk.answer()

    @contextmanager
    def conversation(
        self, command: str, values: Mapping[str, Any] | None = None, arrays: Mapping[str, np.ndarray] | None = None
    ) -> Iterator["Talk"]:
        """Send `command` and let the caller exchange further messages until its answer has come.

        Left early (an error, Ctrl-C), the worker is ended: what it would still say belongs to nobody.
        """
        if os.getpid() != self._parent:
            raise UserError(
                "--engine cntk: the network was loaded in another process, of which this one is a fork, and two cannot "
                "talk to one CNTK worker. Load it in each worker (gunicorn: without --preload)"
            )
        with self._lock:
            talk = Talk(self, command)
            try:
                talk.say({"command": command, **(values or {})}, arrays)
                yield talk
            except BaseException:
                if not talk.finished:
                    self._finalizer()
                raise

    def close(self) -> None:
        """End the worker and wait for it; a command that runs in another thread fails."""
        self._finalizer()

    def died(self, command: str) -> UserError:
        """Return the error that says how the worker ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_SECONDS_TO_LEAVE)
        status = self._process.poll()
        how = "closed its pipe" if status is None else f"ended with status {status}"
        if status is not None and status < 0:
            how = f"was ended by {signal.Signals(-status).name}"
        if status in (-9, 137):
            how += " (out of memory? lower cntk_nrRois or cntk_mb_size)"
        tail = ""
        if not self._errors.closed:
            self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 2000))
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
            tail = "\n" + "\n".join("  " + line for line in lines[-8:]) if lines else ""
        self._finalizer()
        return UserError(f"--engine cntk: the CNTK worker {how} during {command!r}.{tail}")


class Talk:
    """The messages of one command."""

    def __init__(self, process: CntkProcess, command: str) -> None:
        self._owner, self._command, self.finished = process, command, False

    def say(self, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None) -> None:
        """Send a message."""
        pipe = self._owner._process.stdin
        assert pipe is not None
        if not self._owner._finalizer.alive:
            raise UserError("--engine cntk: the CNTK worker was ended before; load the engine again")
        try:
            write_message(pipe, dict(values), dict(arrays or {}))
        except BrokenLink:
            raise self._owner.died(self._command) from None

    def hear(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the next message: (values, arrays)."""
        pipe = self._owner._process.stdout
        assert pipe is not None
        try:
            message = read_message(pipe)
        except BrokenLink:
            message = None
        if message is None:
            raise self._owner.died(self._command)
        values, arrays = message
        self.finished = "ok" in values or "error" in values
        if "error" in values:
            raise UserError(f"--engine cntk: CNTK could not {self._command}: {values['error']}")
        return values, arrays

    def answer(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return the last message of the command, which ends it."""
        while not self.finished:
            values, arrays = self.hear()
        return values, arrays


def _variables(environment: Path, threads: int | None) -> dict[str, str]:
    """The worker's environment variables: MPI's folder on the library path, the number of threads."""
    settings = json.loads((environment / SETTINGS).read_text(encoding="utf-8"))
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CONDA"))}
    inherited = variables.get("LD_LIBRARY_PATH")
    folders = [*settings["library_path"], *([inherited] if inherited else [])]
    if folders:
        variables["LD_LIBRARY_PATH"] = os.pathsep.join(folders)
    if threads:
        variables["OMP_NUM_THREADS"] = variables["MKL_NUM_THREADS"] = str(threads)
    return variables


def _end(process: subprocess.Popen[bytes], errors: IO[bytes], parent: int) -> None:
    """Close the worker's stdin, which ends it; kill it when it does not leave; reap it.

    A fork of this process only lets go of its ends of the pipes: the worker is its parent's.
    """
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    if os.getpid() != parent:
        return
    try:
        process.wait(_SECONDS_TO_LEAVE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    errors.close()


class ClosesWorker:
    """What holds a worker: closes it at the end of a `with` block."""

    process: CntkProcess

    def close(self) -> None:
        """End the worker."""
        self.process.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
