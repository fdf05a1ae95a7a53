"""Manifests: what belongs together, and what it was made from, so that stale files are noticed instead of used.

A manifest is written last, when all files that it lists are on the disk, and holds a digest of each. Whoever reads the
files compares: what a killed run left, what was exchanged and what was damaged differs from the list.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from helpers.artifacts import atomic_write
from helpers.file_facts import MISSING, text_digest

VERSION = 2  # raise it when the meaning of any file below proc/ changes
BY_HAND = "by hand"  # the recipe of a file that no script of ours wrote


class Entry(NamedTuple):
    """One file: the digest of the recipe that it was made by, and the digest of its content."""

    recipe: str
    content: str


@dataclass(frozen=True)
class Recipe:
    """What files are made from: the script, its parameters, and the digests of what it read (by name)."""

    script: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, str]
    version: int = VERSION

    def digest(self, *names: str, part: str = "") -> str:
        """Return the digest of the recipe; with `names` that of a file which only these inputs go into.

        `part` tells files of one recipe from each other.
        """
        inputs = {name: self.inputs[name] for name in names or self.inputs}
        content = [self.script, self.version, dict(self.parameters), inputs, part]
        return text_digest(json.dumps(content, sort_keys=True))

    def changes(self, old: "Recipe") -> list[str]:
        """Return one phrase for each parameter or input in which this recipe differs from `old`."""
        # tuples become lists, as in the file
        olds, news = (json.loads(json.dumps(dict(each.parameters))) for each in (old, self))
        phrases = [] if old.version == self.version else [f"file version {old.version} became {self.version}"]
        for name in sorted({*olds, *news}):
            before, now = olds.get(name, "unset"), news.get(name, "unset")
            if before != now:
                phrases.append(_difference(name, before, now))
        for name in sorted({*old.inputs, *self.inputs}):
            first, last = old.inputs.get(name, MISSING), self.inputs.get(name, MISSING)
            if first != last:
                phrases.append(f"{name} {'is new' if first == MISSING else _gone(last)}")
        return phrases


@dataclass(frozen=True)
class Manifest:
    """The recipe of some files, and an entry for each of them (by name)."""

    recipe: Recipe
    files: Mapping[str, Entry]

    def save(self, path: Path) -> None:
        """Write JSON, atomically; the same content gives the same bytes."""
        content = {**asdict(self.recipe), "files": {name: list(entry) for name, entry in self.files.items()}}
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Manifest | None":
        """Read what `save` wrote; None when there is none or it cannot be read."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            files = {name: Entry(recipe, digest) for name, (recipe, digest) in content["files"].items()}
            recipe = Recipe(*(content[name] for name in ("script", "parameters", "inputs", "version")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return cls(recipe, files)


def _difference(name: str, before: Any, now: Any) -> str:
    """Return a phrase on a parameter; of lists, only what is new or gone.

    >>> _difference("classes", ["cat", "dog"], ["dog", "cow"])
    "classes: 'cow' is new, 'cat' is gone"
    """
    if not isinstance(before, list) or not isinstance(now, list) or not all(isinstance(v, str) for v in before + now):
        return f"{name} was {before!r}, is {now!r}"
    parts = [f"{value!r} is new" for value in now if value not in before]
    parts += [f"{value!r} is gone" for value in before if value not in now]
    return f"{name}: {', '.join(parts)}" if parts else f"{name}: another order, was {before!r}, is {now!r}"


def _gone(last: str) -> str:
    return "was removed" if last == MISSING else "changed"
