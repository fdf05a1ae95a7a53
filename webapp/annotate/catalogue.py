"""The pictures of a data set as the page lists them: where each lies and how far its annotation is.

New pictures lie directly in data/<dataset>/ until they are sorted into positive/, negative/ and testImages/.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from helpers.annotations import DROPPED_LABELS
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.images import find_images, inspect_picture
from webapp.annotate.storage import Store, Stored, box_faults, files_of, twin_faults

FOLDERS = ("", "positive", "negative", "testImages")  # "": new, not sorted yet


@dataclass(frozen=True)
class Entry:
    """One picture: `id` is its path below the data set's folder, with slashes.

    `size` is (width, height) in pixels, None while it is not known yet; `fault` says what is wrong, or is "".
    """

    id: str
    path: Path
    folder: str
    stored: Stored
    size: tuple[int, int] | None = None
    fault: str = ""

    @property
    def annotated(self) -> bool:
        """Somebody looked at it: boxes were saved, perhaps none; what lies in negative/ shows no object."""
        return self.stored.annotated or self.folder == "negative"

    @property
    def unlabelled(self) -> int:
        """How many boxes have no class yet."""
        return sum(label in ("", "UNDECIDED") for label in self.stored.labels)

    def summary(self) -> dict:
        """Return what the list on the page needs."""
        return {
            "id": self.id, "folder": self.folder, "name": self.path.name, "count": len(self.stored.boxes),
            "unlabelled": self.unlabelled, "annotated": self.annotated, "fault": self.fault,
            "version": self.stored.version,
        }  # fmt: skip


@dataclass
class Catalogue:
    """Reads a data set's folder and remembers what did not change since."""

    store: Store
    _known: dict[Path, tuple[tuple, Entry]] = field(default_factory=dict)
    _sizes: dict[Path, tuple[tuple, tuple[int, int] | None, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def artifacts(self) -> Artifacts:
        """The data set's places."""
        return self.store.artifacts

    def entries(self) -> list[Entry]:
        """Return all pictures: new ones first, then folder by folder, in the order of their names.

        Raises `UserError` for names that cannot be used, as the steps do.
        """
        with self._lock:
            paths = [(folder, path) for folder in FOLDERS for path in find_images(self.artifacts.data / folder)]
            return [self._entry(folder, path) for folder, path in paths]

    def find(self, picture_id: object) -> Entry:
        """Return the picture with that id; `UserError` when there is none (any more)."""
        folder, _, name = str(picture_id).rpartition("/")
        if folder in FOLDERS and name and Path(name).name == name:
            with self._lock:
                for path in find_images(self.artifacts.data / folder):
                    if path.name == name:
                        return self._entry(folder, path)
        raise UserError(f"{picture_id}: no such picture (any more). Was it moved or renamed?")

    def measure(self, entry: Entry) -> Entry:
        """Return the entry with the picture's size and the faults that only the size shows; reads the picture."""
        size, fault = self._measured(entry.path)
        return replace(entry, size=size, fault=fault or _fault(entry, size))

    def measure_all(self, go_on: Callable[[], bool] = lambda: True) -> None:
        """Measure what is not measured yet, until `go_on()` says no. For a thread in the background."""
        for entry in self.entries():
            if not go_on():
                return
            if entry.size is None and not entry.fault:
                self._measured(entry.path)

    def labels(self) -> list[str]:
        """Return all labels in use, in the order of their first letters."""
        found = {label for entry in self.entries() for label in entry.stored.labels}
        return sorted(found - {"", *DROPPED_LABELS})

    def _entry(self, folder: str, path: Path) -> Entry:
        key = tuple(_stat(file) for file in files_of(path))
        known = self._known.get(path)
        if known is None or known[0] != key:
            picture_id = f"{folder}/{path.name}" if folder else path.name
            known = (key, Entry(picture_id, path, folder, self.store.read(path)))
            self._known[path] = known
        entry = known[1]
        measured = self._sizes.get(path)
        if measured and measured[0] == _stat(path):
            return replace(entry, size=measured[1], fault=measured[2] or _fault(entry, measured[1]))
        return replace(entry, fault=_fault(entry, None))

    def _measured(self, path: Path) -> tuple[tuple[int, int] | None, str]:
        key = _stat(path)
        known = self._sizes.get(path)
        if known is None or known[0] != key:
            try:
                inspected = inspect_picture(path)
                known = (key, (inspected.width, inspected.height), "")
            except UserError as error:
                known = (key, None, str(error))
            self._sizes[path] = known
        return known[1], known[2]


def _fault(entry: Entry, size: tuple[int, int] | None) -> str:
    if entry.stored.fault:
        return entry.stored.fault
    faults = [] if size is None else box_faults(entry.stored.boxes, size)
    faults += twin_faults(entry.stored.boxes)
    if entry.folder == "negative" and entry.stored.boxes:
        faults.append("lies in negative/, but has boxes: move it to positive/")
    return "; ".join(faults)


def _stat(path: Path) -> tuple:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino
