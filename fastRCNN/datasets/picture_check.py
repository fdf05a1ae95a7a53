"""Size and soundness of pictures, each looked at once: whole for a census, else its header only."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from helpers.decoding import Inspection
from helpers.errors import UserError
from helpers.file_facts import FileFacts
from helpers.images import image_size, inspect_picture, notes_told

_FACT, _SIZE = "picture", "size"
_PART = 16  # pictures that a thread is given at once: most are known, and handing over takes longer than recalling


class PictureCheck:
    """Tells the sizes of pictures; with `whole` it decodes them and so finds damage. `facts` remember either, and what
    a layout finds out about files of its own.

    skip: damaged pictures are to be left out of a data set instead of being a fault; that needs `whole` as well.
    """

    def __init__(
        self, facts: FileFacts | None = None, *, whole: bool = False, skip: bool = False, jobs: int = 1
    ) -> None:
        self.facts, self.whole, self.skip, self._jobs = facts or FileFacts(), whole or skip, skip, max(1, jobs)
        self._seen: dict[Path, Any] = {}

    def look_at(self, paths: Iterable[Path]) -> None:
        """Look at `paths` side by side, so that they are known when each is asked for."""
        if self.whole:
            new = [path for path in paths if path not in self._seen]
            parts = [new[start : start + _PART] for start in range(0, len(new), _PART)]
            with ThreadPoolExecutor(self._jobs) as executor:
                for part, found in zip(parts, executor.map(self._all_inspected, parts), strict=True):
                    self._seen.update(zip(part, found, strict=True))

    def size(self, path: Path) -> tuple[int, int]:
        """Return (width, height) of the upright picture in `path`, also where it is damaged behind a whole header."""
        if self.whole and "fault" not in (known := self._looked_at(path)):
            return known["width"], known["height"]
        width, height = self.facts.recall(path, _SIZE, image_size)
        return width, height

    def inspect(self, path: Path) -> Inspection:
        """Return what is known of the picture in `path`; `UserError` where it cannot be used."""
        if not self.whole:
            return Inspection(*self.facts.recall(path, _SIZE, image_size))
        known = self._looked_at(path)
        if "fault" in known:
            raise UserError(known["fault"].replace(_PATH, str(path)))
        found = Inspection(known["width"], known["height"], tuple(known["notes"]), known["turned"])
        notes_told(path, found.notes)
        return found

    def _looked_at(self, path: Path) -> dict[str, Any]:
        if path not in self._seen:
            self._seen[path] = self._inspected(path)
        found: dict[str, Any] = self._seen[path]
        return found

    def _all_inspected(self, paths: Iterable[Path]) -> list[dict[str, Any]]:
        return [self._inspected(path) for path in paths]

    def _inspected(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = self.facts.recall(path, _FACT, _inspect)
        return found


_PATH = "\0"  # stands for the path in what is remembered, so that a copied data set does not name the original


def _inspect(path: Path) -> dict[str, Any]:
    try:
        return asdict(inspect_picture(path))
    except UserError as error:
        return {"fault": str(error).replace(str(path), _PATH)}
