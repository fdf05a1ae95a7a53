"""What has been found out about files, remembered as long as they stay as they are.

A file is looked at again only when its size or one of its times differs from those that were seen. So a start where
nothing is to do asks the file system about every picture, but reads none. The store is no result: it may be deleted at
any time, and no two runs leave the same one.
"""

import hashlib
import json
import os
import threading
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from helpers.artifacts import atomic_write

MISSING = "missing"  # the digest of a file that is not there
_SETTLED = 2_000_000_000  # nanoseconds: a file changed since may change again without a new time (FAT counts 2 s)


class FileFacts:
    """Facts about files by name, kept in the JSON file `store`, if one is given. Safe to use from several threads."""

    def __init__(self, store: Path | None = None, root: Path | None = None) -> None:
        """Names are relative to `root`, so that a copied folder takes its store along."""
        self._store, self._root = store, root
        self._prefix = "" if root is None else str(root / "x")[:-1]  # with the separator, which "/" and "." lack
        self._looks: dict[str, list[int]] | None = None
        self._lock = threading.Lock()
        self._changed = False
        self._known: dict[str, tuple[list[int], dict[str, Any]]] = {}
        if store is not None:
            with suppress(OSError, ValueError, TypeError, AttributeError):
                content = json.loads(store.read_text(encoding="utf-8"))
                self._known = {name: (list(seen), dict(facts)) for name, (seen, facts) in content.items()}

    def look_once(self) -> None:
        """From now on look at each file once, until `look_anew`: nothing is written yet, and none changes meanwhile."""
        self._looks = {}

    @property
    def looks_once(self) -> bool:
        """Whether each file is looked at once."""
        return self._looks is not None

    def look_anew(self) -> None:
        """From now on look at a file whenever it is asked for: files are being written."""
        self._looks = None

    def recall(self, path: Path, fact: str, find: Callable[[Path], Any]) -> Any:
        """Return the `fact` about `path`, a value that JSON can hold: as remembered, else what `find(path)` returns."""
        name = self.name(path)
        before = self._seen_once(path)
        with self._lock:
            seen, facts = self._known.get(name, ([], {}))
            if before == seen and fact in facts:
                return facts[fact]
        value = find(path)
        if before and before == _look(path) and time.time_ns() - max(before[1:]) > _SETTLED:
            with self._lock:
                seen, facts = self._known.get(name, ([], {}))
                self._known[name] = (before, {**(facts if seen == before else {}), fact: value})
                self._changed = True
        return value

    def digest(self, path: Path) -> str:
        """Return 16 hexadecimal digits of the content of `path`, or `MISSING`."""
        return self.recall(path, "digest", file_digest)

    def name(self, path: Path) -> str:
        """Return the name of `path` relative to the root; its whole path where it lies elsewhere."""
        text = str(path)  # Path.relative_to takes much longer, and each step asks for every file several times
        if self._root is None or not text.startswith(self._prefix):
            return text
        return text[len(self._prefix) :].replace(os.sep, "/")

    def path(self, name: str) -> Path:
        """Return the path that has this name."""
        return Path(name) if self._root is None else self._root / name

    def _seen_once(self, path: Path) -> list[int]:
        """Return what `_look` does; what it returned before, where each file is looked at once."""
        looks = self._looks
        if looks is None:
            return _look(path)
        key = str(path)
        if key not in looks:
            looks[key] = _look(path)
        return looks[key]

    def save(self) -> None:
        """Write the store where something is new; a folder that cannot be written to just stays without."""
        with self._lock:
            if self._store is None or not self._changed:
                return
            text = json.dumps(self._known, separators=(",", ":"))
            self._changed = False
        with suppress(OSError), atomic_write(self._store) as temporary:
            temporary.write_text(text, encoding="utf-8")


def file_digest(path: Path) -> str:
    """Return 16 hexadecimal digits of the content of `path`, or `MISSING`.

    An npz is a zip archive, which ends in a table with the checksum of each member: the digest is that of the table,
    so that a network or the embeddings of a thousand pictures are told from others without reading gigabytes.
    """
    digest = hashlib.blake2b(digest_size=8)
    try:
        with path.open("rb") as file:
            if path.suffix == ".npz" and file.read(2) == b"PK":
                with suppress(zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
                    digest.update(_table_of_contents(path))
                    return digest.hexdigest()
            file.seek(0)
            while block := file.read(1 << 20):
                digest.update(block)
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    return digest.hexdigest()


def text_digest(text: str) -> str:
    """Return 16 hexadecimal digits of `text`."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _table_of_contents(path: Path) -> bytes:
    """Return name, place, size and checksum of every member of a zip archive, and the size of the whole."""
    with zipfile.ZipFile(path) as archive:
        members = [
            [each.filename, each.header_offset, each.file_size, each.compress_size, each.CRC]
            for each in archive.infolist()
        ]
    return json.dumps([path.stat().st_size, members]).encode()


def _look(path: Path) -> list[int]:
    """Return size and times of `path`; [] where there is no such file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path.stat, which counts for 100,000 pictures
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]
