"""A kill played in this process: at the chosen write everything that changes the disk stops working.

So nothing is cleaned up that a killed process could not clean up. What is being written at that moment is half there.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock
import pytest

from helpers.ledgers import Ledger


class Killed(BaseException):
    """The process is gone."""


class Disk:
    """Counts what changes the disk below `root`, and stops all of it at number `last` (0: never)."""

    def __init__(self, root: Path, last: int) -> None:
        self.root, self.last = str(root), last
        self.writes: list[str] = []
        self._lock = threading.Lock()

    @property
    def dead(self) -> bool:
        return 0 < self.last <= len(self.writes)

    def write(self, what: str, path: Any) -> bool:
        """Count a write; return whether it is the last one, which is only half done. Raises `Killed` after it."""
        if isinstance(path, (str, os.PathLike)) and not str(path).startswith(self.root):
            return False
        with self._lock:
            if self.dead:
                raise Killed
            self.writes.append(f"{what} {Path(path).name if isinstance(path, (str, os.PathLike)) else ''}")
            return self.dead


@contextmanager
def killed_at(root: Path, last: int) -> Iterator[Disk]:
    """Kill what runs inside at its write number `last`; yields what counts them."""
    disk = Disk(root, last)
    locks: list[filelock.BaseFileLock] = []

    class Lock(filelock.FileLock):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            locks.append(self)

    def instead(name: str, original: Any) -> Any:
        def call(path: Any, *more: Any, **options: Any) -> Any:
            if disk.write(name, path):
                raise Killed
            return original(path, *more, **options)

        return call

    def half(name: str, original: Any) -> Any:
        def call(self: Any, content: Any, *more: Any, **options: Any) -> Any:
            if disk.write(name, getattr(self, "journal", self)):
                original(self, content[: len(content) // 2], *more, **options)
                raise Killed
            return original(self, content, *more, **options)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("replace", "rename", "unlink", "remove", "fsync", "mkdir"):
            patch.setattr(os, name, instead(name, getattr(os, name)))
        for name in ("write_text", "write_bytes"):
            patch.setattr(Path, name, half(name, getattr(Path, name)))
        patch.setattr(Ledger, "_write", half("journal", Ledger._write))
        patch.setattr(filelock, "FileLock", Lock)
        with suppress(Killed):
            yield disk
    for lock in locks:  # the operating system does this when a process ends
        lock.release(force=True)
