"""A ledger: which of the files of a step are up to date, whenever and however the last run ended.

What counts is the content of each file, and by which recipe it was made:

1. Before anything is written, the names of the files that are going to be are put into a journal.
2. When a file is finished, so is its entry there: recipe and digest of the content.
3. When all are, the manifest is written, files that are no longer wanted are removed, and at last the journal.

So after a kill at any moment a file is known by its content: made by this recipe (kept), made by another (made again),
announced but not entered (half known, made again), or none of these: then somebody else wrote it.
"""

import enum
import json
import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from helpers.artifacts import TEMPORARY
from helpers.file_facts import MISSING, FileFacts
from helpers.manifests import BY_HAND, Entry, Manifest, Recipe


class State(enum.Enum):
    """How a file stands to the recipe that it should be made by."""

    FRESH = "made by this recipe"
    STALE = "made by another recipe, or announced and not known to be finished"
    CHANGED = "not as the script left it"
    BY_HAND = "never written by the script"
    MISSING = "not there"


class Ledger:
    """The manifest `path`, the journal beside it, and the files that both speak of."""

    def __init__(self, path: Path, facts: FileFacts) -> None:
        self.path, self.facts = path, facts
        self.manifest = Manifest.load(path)
        self.journal = path.with_suffix(".journal")
        self._entries: dict[str, list[Entry]] = {}
        if self.manifest:
            self._entries = {name: [entry] for name, entry in self.manifest.files.items()}
        self._announced: dict[str, str] = {}
        self._read_journal()
        self._lock = threading.Lock()

    @property
    def interrupted(self) -> bool:
        """Whether the last run did not come to its end."""
        return self.journal.exists()

    def state(self, path: Path, recipe: str) -> State:
        """Return how the file at `path` stands to the `recipe` (a digest) that it should be made by."""
        return self._state(self.facts.name(path), self.facts.digest(path), recipe)

    def _state(self, name: str, content: str, recipe: str) -> State:
        if content == MISSING:
            return State.MISSING
        recipes = {entry.recipe for entry in self._entries.get(name, ()) if entry.content == content}
        if recipe in recipes:
            return State.FRESH
        if BY_HAND in recipes:
            return State.BY_HAND
        if recipes or name in self._announced:
            return State.STALE
        return State.CHANGED if name in self._entries else State.BY_HAND

    def announce(self, files: Mapping[Path, str]) -> None:
        """Note that the `files` are going to be written, each by its recipe (a digest). Call this before writing."""
        self.facts.look_anew()
        names = {self.facts.name(path): recipe for path, recipe in files.items()}
        with self._lock:
            self._announced.update(names)
        self._append({"announced": names}, wait=True)

    def enter(self, path: Path) -> None:
        """Note that the announced file at `path` is finished; callable from several threads."""
        name, content = self.facts.name(path), self.facts.digest(path)
        with self._lock:
            entry = Entry(self._announced[name], content)
            self._entries.setdefault(name, []).append(entry)
        self._append({"finished": [name, *entry]})

    def adopt(self, files: Mapping[Path, str]) -> list[Path]:
        """Rename what was made by the recipe of one of the `files` but has another name; return what is done.

        So a picture that moves up in the list takes its files along.
        """
        if not files:
            return []
        made = {
            entry.recipe: (name, entry.content)
            for name, entries in self._entries.items()
            for entry in entries
            if entry.recipe != BY_HAND and entry.content == self.facts.digest(self.facts.path(name))
        }
        found = [(path, self.facts.path(made[recipe][0])) for path, recipe in files.items() if recipe in made]
        if not found:
            return []
        self.announce({path: files[path] for path, _ in found})
        asides = []
        for number, (path, old) in enumerate(found):  # the old name of one may be the new name of another
            asides.append(path.with_name(f"{TEMPORARY}{number}{path.suffix}"))  # a kill leaves it, the next run clears
            path.parent.mkdir(parents=True, exist_ok=True)
            old.replace(asides[-1])
        for aside, (path, _) in zip(asides, found, strict=True):
            aside.replace(path)
            self.enter(path)
        return [path for path, _ in found]

    def finish(self, recipe: Recipe, files: Mapping[Path, str]) -> None:
        """Write the manifest of the `files`, each with its recipe; remove those that are no longer wanted."""
        entries = {}
        for path, of_file in files.items():
            name, content = self.facts.name(path), self.facts.digest(path)
            by_hand = self._state(name, content, of_file) is not State.FRESH
            entries[name] = Entry(BY_HAND if by_hand else of_file, content)
        self._remove_others(entries)
        manifest = Manifest(recipe, entries)
        if manifest != self.manifest:
            manifest.save(self.path)
            self.manifest = manifest
        self.journal.unlink(missing_ok=True)
        self._announced = {}
        self.facts.save()

    def _remove_others(self, wanted: Iterable[str]) -> None:
        """Remove files that a run of ours wrote and that are not `wanted`: those of a picture that is gone, say."""
        for name in {*self._entries, *self._announced} - set(wanted):
            path = self.facts.path(name)
            if self.state(path, BY_HAND) is State.STALE:
                self.facts.look_anew()
                path.unlink(missing_ok=True)

    def _append(self, line: dict[str, Any], *, wait: bool = False) -> None:
        """Add a line to the journal; `wait` until the disk has it."""
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        text = "\n" + json.dumps(line, separators=(",", ":"))  # first the end of what a killed run may have begun
        with self._lock:
            self._write(text.encode(), wait=wait)

    def _write(self, data: bytes, *, wait: bool) -> None:
        with self.journal.open("ab", buffering=0) as file:
            file.write(data)  # in one piece
            if wait:
                os.fsync(file.fileno())

    def _read_journal(self) -> None:
        if not self.journal.is_file():
            return
        for text in self.journal.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                line = json.loads(text)
                self._announced.update(line.get("announced", {}))
                if "finished" in line:
                    name, recipe, content = line["finished"]
                    self._entries.setdefault(name, []).append(Entry(recipe, content))
            except (ValueError, TypeError, AttributeError):
                continue  # the last line of a run that was killed while it wrote it
