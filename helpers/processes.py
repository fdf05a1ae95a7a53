"""Programs that run beside this one: call them, read what they print, write their command as a reader would type it.

Standard library only: `run.py` uses this before any package is installed.
"""

import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PATIENCE = 10  # seconds that a program gets to put things in order after it was told to stop


def call(command: Sequence[Any], folder: Path | None = None) -> int:
    """Run `command` with our terminal and return its exit status.

    On Ctrl-C it gets the time to put things in order. A signal that ends this process (SIGTERM of a service manager, of
    `timeout` or of `kill`) is passed on, and when `command` has ended so do we, with 128 + its number.
    """
    stopped: list[int] = []
    process: subprocess.Popen | None = None

    def pass_on(number: int, frame: Any) -> None:
        stopped.append(number)
        if process is not None:
            _stop(process, number)

    with _handled(pass_on):
        process = subprocess.Popen([str(part) for part in command], cwd=folder)
        if stopped:  # while it was being started
            _stop(process, stopped[0])
        try:
            status = process.wait()
        except KeyboardInterrupt:
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    if stopped:
        raise SystemExit(128 + stopped[0])
    return status


@contextmanager
def _handled(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Have `handler` called for the signals that end a process; only the main thread may say so."""
    names = ("SIGTERM", "SIGHUP") if threading.current_thread() is threading.main_thread() else ()
    before = {
        number: signal.signal(number, handler)
        for name in names
        if (number := getattr(signal, name, None)) and signal.getsignal(number) != signal.SIG_IGN  # as nohup sets it
    }
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _stop(process: subprocess.Popen, number: int) -> None:
    """Send `process` the signal, and end it when it does not follow."""
    process.send_signal(number)
    last = threading.Timer(_PATIENCE, process.kill)
    last.daemon = True
    last.start()


def output_of(command: Sequence[Any]) -> str | None:
    """Return what `command` prints, or None when it fails or is not there."""
    if not shutil.which(str(command[0])):
        return None
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def shown(path: Path) -> str:
    """A path as short as it can be typed here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def typed(command: Sequence[Any]) -> str:
    """A command as a reader would type it."""
    parts = [shown(part) if isinstance(part, Path) else str(part) for part in command]
    return subprocess.list2cmdline(parts) if os.name == "nt" else " ".join(map(shlex.quote, parts))
