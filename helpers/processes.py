"""Programs that run beside this one: call them, read what they print, write their command as a reader would type it.

Standard library only: `run.py` uses this before any package is installed.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def call(command: Sequence[Any], folder: Path | None = None) -> int:
    """Run `command` with our terminal and return its exit status. On Ctrl-C it gets the time to put things in order."""
    process = subprocess.Popen([str(part) for part in command], cwd=folder)
    try:
        return process.wait()
    except KeyboardInterrupt:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
        raise


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
