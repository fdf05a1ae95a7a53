"""What lies in the folder (or file) to convert: its files, listed once, and the way from a name to a picture.

Nothing outside is ever opened: names in annotation files are only looked up among the files that were listed, and links
that lead out of the folder are not listed.
"""

import filecmp
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote

from data.annotation_formats.log import Log
from helpers.errors import UserError
from helpers.image_files import EXTENSIONS

PICTURE_ENDINGS = frozenset({*EXTENSIONS, ".webp", ".tif", ".tiff", ".gif"})
REPORT_NAME = "conversion_report.tsv"


class Source:
    """The files below `root`, or the one file `only`; pictures also below `pictures` where that is given."""

    def __init__(
        self, root: Path, log: Log, *, only: Path | None = None, pictures: Path | None = None, skip: Path | None = None
    ) -> None:
        self.root, self.log, self.only = root, log, only
        self._links: list[Path] = []
        found = list(_walk(root, skip, self._links))
        outside = pictures and not pictures.resolve().is_relative_to(root.resolve())
        self.files = [only] if only else [path for path in found if path.suffix.lower() not in PICTURE_ENDINGS]
        self.all_files = [path for path in found if path.suffix.lower() not in PICTURE_ENDINGS]
        self.pictures = [path for path in found if path.suffix.lower() in PICTURE_ENDINGS]
        tops = dict.fromkeys(found, root)
        if pictures and outside:
            more = [path for path in _walk(pictures, skip, self._links) if path.suffix.lower() in PICTURE_ENDINGS]
            self.pictures += more
            tops |= dict.fromkeys(more, pictures)
        self._listed = frozenset(found)
        self._folders = {
            path: [_part.casefold() for _part in path.relative_to(top).parts[:-1]] for path, top in tops.items()
        }
        self._by_path = {(*self._folders[path], path.name.casefold()): path for path in self.pictures}
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        self._by_stem: dict[str, list[Path]] = defaultdict(list)
        for path in self.pictures:
            self._by_name[path.name.casefold()].append(path)
            self._by_stem[path.stem.casefold()].append(path)

    def with_ending(self, *endings: str) -> list[Path]:
        """The files whose lower-case name ends in one of `endings`, sorted."""
        return [path for path in self.files if path.name.lower().endswith(endings)]

    def holds(self, path: Path) -> bool:
        """Whether `path` is one of the files that were listed."""
        return path in self._listed

    def links_note(self) -> str:
        """A sentence on links that are not followed, with a space before it; "" when there are none."""
        if not self._links:
            return ""
        first, others = self._links[0], len(self._links) - 1
        more = f" (and {others} more)" if others else ""
        return (
            f" {first}{more} is a link to {first.resolve()}, and links are not followed: copy what it leads to, or "
            "give the folder of the pictures with --pictures"
        )

    def relative(self, path: Path) -> str:
        """`path` as it is called from the root, with slashes."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name

    def find_picture(self, names: Iterable[str], beside: Path | None = None) -> Path | None:
        """The picture that one of `names` means, best first; of several with one name, the one with most folders alike.

        Names are tried as they stand, then without %20 and the like, then by their stem alone.
        """
        names = [name for name in names if name]
        tried = list(dict.fromkeys([*names, *(unquote(name) for name in names)]))
        near = self._folders.get(beside, []) if beside else []
        for name in tried:
            way = (*(part.casefold() for part in folders_of(name)), base_name(name).casefold())
            if found := self._by_path.get((*near, *way)) or self._by_path.get(way):
                return found
        for name in tried:
            if found := self._best(self._by_name.get(base_name(name).casefold(), []), name, beside):
                return found
        for name in tried:
            for key in dict.fromkeys((split_ending(base_name(name))[0], base_name(name))):
                if found := self._best(self._by_stem.get(key.casefold(), []), name, beside):
                    return found
        return None

    def _best(self, paths: Sequence[Path], name: str, beside: Path | None) -> Path | None:
        wanted = [part.casefold() for part in folders_of(name)]
        near = self._folders.get(beside, []) if beside else []
        subset = _folder_subset(wanted) or _folder_subset(near)
        paths = [path for path in paths if not _differ(subset, _folder_subset(self._folders[path]))]
        if len(paths) < 2:
            return paths[0] if paths else None

        def likeness(path: Path) -> tuple[int, int, int]:
            folders = self._folders[path]
            exact = path.name == base_name(name)
            return _alike_at_end(folders, wanted), _alike_at_start(folders, near), int(exact)

        best = max(map(likeness, paths))
        first, *others = [path for path in paths if likeness(path) == best]
        if others and not all(filecmp.cmp(first, other, shallow=False) for other in others):
            self.log.remark("not found: several different pictures have this name", name, len(others) + 1)
            return None
        return first


def read_text(path: Path) -> str:
    """The text of a file: UTF-8 with or without mark, or UTF-16 with it; any line end becomes a line feed.

    A carriage return twice before a line feed (text mode used twice on Windows) is one line end.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        return re.sub(r"\r+\n|\r", "\n", data.decode(encoding))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UserError(f"{path}:{line}: not a UTF-8 text (byte {error.start}); save it as UTF-8") from None


def base_name(name: str) -> str:
    """The last part of a path or address, with slashes of either kind, without the query of an address."""
    if "://" in name:
        name = name.split("?")[0].split("#")[0] if "?" in name else name
    return re.split(r"[/\\]", name.rstrip("/\\"))[-1].strip()


def folders_of(name: str) -> list[str]:
    """The folders before the last part of a path or address."""
    return [part for part in re.split(r"[/\\]", name)[:-1] if part not in ("", ".", "..")]


def split_ending(name: str) -> tuple[str, str]:
    """Stem and ending of a picture's file name; "" for what is no picture's ending (names hold dots)."""
    stem, dot, ending = name.rpartition(".")
    return (stem, dot + ending) if stem and (dot + ending).lower() in PICTURE_ENDINGS else (name, "")


def subset_of(name: str) -> str:
    """The image set that folders or file name of an annotation file speak of: "train", "val", "test" or ""."""
    parts = [part.lower() for part in re.split(r"[/\\]", name)]
    words = [re.split(r"[^a-z]+", part) for part in reversed(parts)]
    for group in words:
        for word in group:
            if word in _SUBSETS:
                return _SUBSETS[word]
    return ""


_SUBSETS = {
    "train": "train", "training": "train", "trainval": "train", "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test", "testimages": "test", "positive": "train", "negative": "train",
}  # fmt: skip


def _folder_subset(folders: Sequence[str]) -> str:
    """The image set that folders speak of; trainval/ is any of two."""
    return "" if any("trainval" in folder for folder in folders) else subset_of("/".join(folders))


def _differ(subset: str, other: str) -> bool:
    """A picture of the training set is not the one of the same name that a test set means."""
    return bool(subset) and bool(other) and subset != other


def _walk(root: Path, skip: Path | None, links: list[Path]) -> Iterable[Path]:
    """Files below `root` in a fixed order; no hidden ones, not what lies in `skip`.

    Links to folders, and links that lead out, are not followed: they are appended to `links`.
    """
    real_root, real_skip = root.resolve(), skip.resolve() if skip else None
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        links += [here / name for name in folders if (here / name).is_symlink()]
        if real_skip and real_skip.is_relative_to(real_root):
            folders[:] = [name for name in folders if (here / name).resolve() != real_skip]
        for name in sorted(names):
            path = here / name
            if name.startswith(".") or name == REPORT_NAME:
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(real_root):
                links.append(path)
            elif path.is_file():
                yield path


def _alike_at_end(one: Sequence[str], other: Sequence[str]) -> int:
    """How many parts two paths have in common, counted from their ends."""
    return _alike_at_start(one[::-1], other[::-1])


def _alike_at_start(one: Sequence[str], other: Sequence[str]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
