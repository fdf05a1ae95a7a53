"""What the page can ask for, without HTTP: pictures, annotations, classes, sorting. One session per data set."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.checking.near_copies import difference_hash
from helpers.annotations import DROPPED_LABELS
from helpers.artifacts import Artifacts, atomic_write
from helpers.errors import UserError
from webapp.annotate.catalogue import FOLDERS, Catalogue, Entry
from webapp.annotate.screen import Screen
from webapp.annotate.sorting import move_picture, plan_split
from webapp.annotate.storage import Conflict, Store, Stored, label_fault


@dataclass(frozen=True)
class Settings:
    """`mode`: "draw" or "label", what the page starts with; `classes`: those of PARAMETERS.py, perhaps none."""

    artifacts: Artifacts
    mode: str = "draw"
    classes: tuple[str, ...] = ()
    seed: int = 0


@dataclass
class Session:
    """The state of a running annotation page."""

    settings: Settings
    store: Store = field(init=False)
    catalogue: Catalogue = field(init=False)
    screen: Screen = field(default_factory=Screen)
    _classes: list[str] = field(default_factory=list)
    _prints: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Make the folders of a data set where they are missing, and mend what a killed session left."""
        data = self.settings.artifacts.data
        if not data.is_dir():
            raise UserError(f"{data}: no such folder. Make it and put your pictures into it")
        for folder in FOLDERS:
            (data / folder).mkdir(exist_ok=True)
        self.store = Store(self.settings.artifacts)
        self.store.recover()
        self.catalogue = Catalogue(self.store)

    # ---- reading ----------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return what the page shows around the picture: the list of pictures and the classes."""
        entries = self.catalogue.entries()
        return {
            "dataset": self.settings.artifacts.dataset,
            "place": str(self.settings.artifacts.data),
            "mode": self.settings.mode,
            "classes": self.classes(),
            "specialLabels": list(DROPPED_LABELS),
            "classesAreFixed": bool(self.settings.classes),
            "seed": self.settings.seed,
            "measuring": any(entry.size is None and not entry.fault for entry in entries),
            "pictures": [entry.summary() for entry in entries],
        }

    def picture(self, picture_id: object) -> dict[str, Any]:
        """Return one picture's size and annotation."""
        return self._described(self.catalogue.measure(self.catalogue.find(picture_id)))

    def jpeg(self, picture_id: object, longest: int) -> bytes:
        """Return the picture for the screen, see `Screen.jpeg`."""
        return self.screen.jpeg(self.catalogue.find(picture_id).path, longest)

    # ---- annotations ------------------------------------------------------------------------------------------------

    def save(
        self, picture_id: object, boxes: Sequence[Sequence[int]], labels: Sequence[str], version: str
    ) -> dict[str, Any]:
        """Save an annotation and return the picture as `picture` does; `Conflict` and `UserError` as `Store.save`."""
        entry = self.catalogue.measure(self.catalogue.find(picture_id))
        if entry.size is None:
            raise UserError(f"{picture_id}: the picture cannot be read, so boxes cannot be checked against it")
        if entry.folder == "negative" and boxes:
            raise UserError(
                f"{picture_id} lies in negative/, where boxes are not used. Move it to positive/ or testImages/ first"
            )
        if entry.folder == "negative" and not entry.stored.annotated:
            return self._described(entry)  # nothing to write: what lies in negative/ shows no object
        self.store.save(entry.path, boxes, labels, base_version=version, size=entry.size)
        for label in labels:
            if label:
                self._remember_class(label)
        return self.picture(picture_id)

    def discard(self, picture_id: object, version: str) -> dict[str, Any]:
        """Take an annotation away, see `Store.discard`."""
        self.store.discard(self.catalogue.find(picture_id).path, base_version=version)
        return self.picture(picture_id)

    def move(self, picture_id: object, folder: object, version: str | None = None) -> dict[str, Any]:
        """Move a picture with its annotation into a folder of the data set ("" is that of new pictures)."""
        if folder not in FOLDERS:
            raise UserError(f"{folder!r}: expected one of {', '.join(map(repr, FOLDERS))}")
        with self.store.exclusive():
            entry = self.catalogue.find(picture_id)
            if version is not None and entry.stored.version != version:
                raise Conflict(entry.stored)
            if folder == "negative" and entry.stored.boxes:
                raise UserError(
                    f"{picture_id} has {len(entry.stored.boxes)} box(es); negative/ is for pictures without"
                )
            target = move_picture(entry.path, self.settings.artifacts.data / str(folder))
        return self.picture(target.relative_to(self.settings.artifacts.data).as_posix())

    def split(self, share: float, seed: int, carry_out: bool) -> dict[str, Any]:
        """Return where new pictures that are annotated would go, `{id: folder}`, and move them there if asked.

        Pictures nobody looked at stay. Raises `UserError` when nothing could be moved.
        """
        if not 0 <= share < 1:
            raise UserError(f"share of test pictures {share}: expected 0 to 0.99")
        with self.store.exclusive():
            new = [entry for entry in self.catalogue.entries() if not entry.folder]
            ready = [entry for entry in new if entry.annotated and not entry.stored.fault]
            counts = [(entry.id, len(entry.stored.boxes)) for entry in ready]
            prints = {entry.id: self._print(entry) for entry in ready if entry.stored.boxes}
            plan = plan_split(counts, prints, share=share, seed=seed)
            if carry_out:
                paths = {entry.id: entry.path for entry in ready}
                for picture_id, folder in plan.items():
                    move_picture(paths[picture_id], self.settings.artifacts.data / folder)
        return {"plan": plan, "waiting": len(new) - len(ready)}

    # ---- classes ----------------------------------------------------------------------------------------------------

    def classes(self) -> list[str]:
        """Return the classes: those of PARAMETERS.py, those in use, those added; the order stays during a session."""
        with self._lock:
            if not self._classes:
                added = self._class_file.read_text(encoding="utf-8").splitlines() if self._class_file.is_file() else []
                self._classes = list(dict.fromkeys([*self.settings.classes, *self.catalogue.labels(), *added]))
            return list(self._classes)

    def add_class(self, name: object) -> list[str]:
        """Add a class and return all; it is remembered for the next session."""
        label = str(name).strip()
        if fault := label_fault(label):
            raise UserError(fault)
        if label not in DROPPED_LABELS and label not in self.classes():
            self._remember_class(label)
            with self._lock, atomic_write(self._class_file) as temporary:
                known = {*self.settings.classes, *self.catalogue.labels()}
                lines = [each for each in self._classes if each not in known]
                temporary.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
        return self.classes()

    # -----------------------------------------------------------------------------------------------------------------

    @property
    def _class_file(self):
        return self.store.folder / "classes.txt"

    def _remember_class(self, label: str) -> None:
        self.classes()
        with self._lock:
            if label not in self._classes and label not in DROPPED_LABELS:
                self._classes.append(label)

    def _described(self, entry: Entry) -> dict[str, Any]:
        width, height = entry.size or (0, 0)
        described = {"width": width, "height": height, "boxes": list(entry.stored.boxes)}
        return {**entry.summary(), **described, "labels": list(entry.stored.labels)}

    def _print(self, entry: Entry) -> NDArray[np.uint8]:
        key = f"{entry.id} {entry.path.stat().st_mtime_ns}"
        if key not in self._prints:
            self._prints[key] = difference_hash(self.screen.picture(entry.path))
        return self._prints[key]


def stored_as_json(stored: Stored) -> Mapping[str, Any]:
    """Return what lies on the disk, for the page that shows both versions of a conflict."""
    return {"boxes": list(stored.boxes), "labels": list(stored.labels), "version": stored.version}
