"""Reading and saving the annotation of one picture so that nothing is lost, whatever happens meanwhile.

Beside `photo.jpg` lie `photo.bboxes.tsv` and `photo.bboxes.labels.tsv`; the version before goes to
`photo.bboxes.backup.tsv` and `photo.bboxes.labels.backup.tsv`. A save has this order, so that a reader sees the old
pair, the new pair, or boxes without labels, which the steps refuse, but never boxes with the labels of others:

1. the new content goes to a journal, `.photo.bboxes.saving` (atomically),
2. the old boxes are copied to their backup, the old labels moved to theirs,
3. the new boxes are written (atomically), then the new labels,
4. the journal is removed.

A journal that is found later belongs to a save that was killed, and is carried out to its end.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from helpers.annotations import boxes_path, labels_path, read_boxes, read_labels
from helpers.artifacts import Artifacts, atomic_write
from helpers.errors import UserError, raise_collected

MAX_BOXES = 10_000
_ORPHAN_AGE = 60  # seconds: an older temporary file belongs to nobody


@dataclass(frozen=True)
class Stored:
    """What lies on the disk: `boxes` x1 y1 x2 y2 inclusive, a label for each ("" for none yet).

    `version` changes with the content of the files; `annotated`: there is a file of boxes; `fault`: why it cannot be
    read as it should, or "".
    """

    boxes: tuple[tuple[int, int, int, int], ...] = ()
    labels: tuple[str, ...] = ()
    version: str = ""
    annotated: bool = False
    fault: str = ""


class Conflict(Exception):
    """Somebody else saved meanwhile; `current` is what they saved."""

    def __init__(self, current: Stored) -> None:
        super().__init__("saved by somebody else meanwhile")
        self.current = current


class Store:
    """Reads and saves annotations of one data set; safe for several threads and several programs at once."""

    def __init__(self, artifacts: Artifacts) -> None:
        self.artifacts = artifacts
        self.folder = artifacts.proc / "annotate"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._threads = threading.RLock()
        self._programs = FileLock(self.folder / ".lock", timeout=30)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the annotations of the data set: nobody else saves or moves."""
        with self._threads, self._programs:
            yield

    def read(self, image_path: Path) -> Stored:
        """Return the annotation of a picture; what is damaged comes with `fault` and as far as it can be read."""
        journal = _journal(image_path)
        if journal.exists():
            with self.exclusive():
                _finish(journal)
        return _read(image_path)

    def save(
        self,
        image_path: Path,
        boxes: Sequence[Sequence[int]],
        labels: Sequence[str],
        *,
        base_version: str,
        size: tuple[int, int],
    ) -> Stored:
        """Save `boxes` (x1 y1 x2 y2) and a label for each ("" for none) and return what then lies on the disk.

        `base_version` is the version that the changes were made to, `size` the picture's (width, height). Without any
        label no labels file is written; beside labels, "" becomes UNDECIDED. Raises `Conflict` when another version
        lies there, and `UserError` that lists every box and label that cannot be saved.
        """
        new_boxes, new_labels = checked(boxes, labels, size)
        with self.exclusive():
            journal = _journal(image_path)
            _finish(journal)
            current = _read(image_path)
            content = {
                "stem": image_path.stem,
                "boxes": "".join("\t".join(map(str, box)) + "\n" for box in new_boxes),
                "labels": "".join(f"{label}\n" for label in new_labels) if new_labels or not new_boxes else None,
            }
            if content["boxes"] == _text(boxes_path(image_path)) and content["labels"] == _text(
                labels_path(image_path)
            ):
                return current
            if current.version != base_version:
                raise Conflict(current)
            if current.fault:
                _keep_faulty(image_path)
            with atomic_write(journal) as temporary:
                temporary.write_text(json.dumps(content), encoding="utf-8")
            _back_up(image_path)
            _finish(journal)
            return _read(image_path)

    def discard(self, image_path: Path, *, base_version: str) -> Stored:
        """Take the annotation of a picture away, as if nobody had looked at it; the version before stays as backup.

        Raises `Conflict` when another version than `base_version` lies there.
        """
        with self.exclusive():
            _finish(_journal(image_path))
            current = _read(image_path)
            if current.version != base_version:
                raise Conflict(current)
            _back_up(image_path)
            labels_path(image_path).unlink(missing_ok=True)
            boxes_path(image_path).unlink(missing_ok=True)
            return _read(image_path)

    def recover(self) -> None:
        """Carry saves that were killed to their end, and remove half-written files."""
        with self.exclusive():
            for folder in ("", "positive", "negative", "testImages"):
                where = self.artifacts.data / folder
                if not where.is_dir():
                    continue
                for journal in where.glob(".*.bboxes.saving"):
                    _finish(journal)
                for orphan in where.glob(".tmp-*"):
                    if time.time() - orphan.stat().st_mtime > _ORPHAN_AGE:
                        orphan.unlink(missing_ok=True)


def checked(
    boxes: Sequence[Sequence[int]], labels: Sequence[str], size: tuple[int, int]
) -> tuple[list[list[int]], list[str]]:
    """Return boxes as whole numbers, cut as `cut` does, and the lines of the labels file: [] when no box has a label.

    Raises `UserError` that lists every fault.
    """
    if len(boxes) != len(labels):
        raise UserError(f"{len(boxes)} box(es), but {len(labels)} label(s)")
    if len(boxes) > MAX_BOXES:
        raise UserError(f"{len(boxes)} boxes in one picture; {MAX_BOXES} are possible")
    faults = box_faults(boxes, size)
    for number, label in enumerate(labels, start=1):
        if label and (fault := label_fault(label)):
            faults.append(f"box {number}: {fault}")
    raise_collected(faults, f"{len(faults)} box(es) or label(s) cannot be saved:")
    lines = [label or "UNDECIDED" for label in labels] if any(labels) else []
    return [cut(box, size) for box in boxes], lines


def cut(box: Sequence[int], size: tuple[int, int]) -> list[int]:
    """Return `box` without what reaches one pixel beyond a picture of `size`: other tools write x2 = width."""
    x1, y1, x2, y2 = map(int, box)
    width, height = size
    return [x1 + (x1 == -1), y1 + (y1 == -1), x2 - (x2 == width), y2 - (y2 == height)]


def box_faults(boxes: Sequence[Sequence[int]], size: tuple[int, int]) -> list[str]:
    """Return what is wrong with boxes in a picture of `size` (width, height)."""
    faults = []
    for number, box in enumerate(boxes, start=1):
        x1, y1, x2, y2 = cut(box, size)
        if x2 < x1 or y2 < y1:
            faults.append(f"box {number} is empty ({x1} {y1} {x2} {y2})")
        elif x1 < 0 or y1 < 0 or x2 >= size[0] or y2 >= size[1]:
            faults.append(f"box {number} reaches beyond the picture of {size[0]}x{size[1]} ({x1} {y1} {x2} {y2})")
    return faults


def twin_faults(boxes: Sequence[tuple[int, int, int, int]]) -> list[str]:
    """Return which boxes stand there twice; they can be saved, but should not."""
    first = {box: number for number, box in reversed(list(enumerate(boxes, start=1)))}
    return [
        f"box {number} is the same as box {first[box]}"
        for number, box in enumerate(boxes, start=1)
        if first[box] != number
    ]


def label_fault(label: str) -> str:
    """Return why `label` cannot be the name of a class, or ""."""
    if not label.strip() or label != label.strip():
        return f"label {label!r}: empty, or a space at its ends"
    if any(not character.isprintable() for character in label):
        return f"label {label!r}: a character that does not fit into a line of text"
    if label == "__background__" or len(label) > 200:
        return f"label {label[:40]!r}: not possible as a name"
    return ""


def files_of(image_path: Path) -> tuple[Path, Path, Path]:
    """Return the files that make up an annotation: boxes, labels, and the journal of an unfinished save."""
    return boxes_path(image_path), labels_path(image_path), _journal(image_path)


def companions(image_path: Path) -> list[Path]:
    """Return every file that belongs to a picture and goes with it: annotation, backups, what was faulty."""
    start = f"{image_path.stem}.bboxes."
    return sorted(p for p in image_path.parent.iterdir() if p.name.startswith(start) and p.name.endswith(".tsv"))


def _journal(image_path: Path) -> Path:
    return image_path.with_name(f".{image_path.stem}.bboxes.saving")


def _finish(journal: Path) -> None:
    """Carry out steps 2 (labels), 3 and 4 of a save; does nothing without a journal."""
    try:
        content = json.loads(journal.read_text(encoding="utf-8"))
        image_path = journal.with_name(content["stem"] + ".jpg")  # only the stem counts
        boxes, labels = content["boxes"], content["labels"]
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{journal}: damaged; it is the journal of a save that did not end. Delete it") from None
    labels_path(image_path).unlink(missing_ok=True)
    _write(boxes_path(image_path), boxes)
    if labels is not None:
        _write(labels_path(image_path), labels)
    journal.unlink(missing_ok=True)


def _back_up(image_path: Path) -> None:
    """Copy the files to their backups; a backup of labels that is older than that of the boxes does not stay."""
    for file in (boxes_path(image_path), labels_path(image_path)):
        backup = file.with_name(file.name.removesuffix(".tsv") + ".backup.tsv")
        if file.is_file():
            with atomic_write(backup) as temporary:
                temporary.write_bytes(file.read_bytes())
        elif boxes_path(image_path).is_file():
            backup.unlink(missing_ok=True)


def _keep_faulty(image_path: Path) -> None:
    """Keep files that could not be read as they should: a save replaces them, a second one their backup."""
    for file in (boxes_path(image_path), labels_path(image_path)):
        stem = file.name.removesuffix(".tsv")
        kept = [file.with_name(f"{stem}.faulty{n or ''}.tsv") for n in range(100)]
        free = next((path for path in kept if not path.exists()), kept[-1])
        if file.is_file():
            with atomic_write(free) as temporary:
                temporary.write_bytes(file.read_bytes())


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(text.encode())


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _read(image_path: Path) -> Stored:
    box_file, label_file = boxes_path(image_path), labels_path(image_path)
    faults = []
    version = hashlib.blake2b(digest_size=8)
    for file in (box_file, label_file):
        content = file.read_bytes() if file.is_file() else None
        version.update(b"-" if content is None else b"+%d:" % len(content) + content)
    boxes: list[list[int]] = []
    labels: list[str] = []
    if box_file.is_file():
        try:
            boxes = read_boxes(box_file).tolist()
        except UserError as error:
            faults.append(str(error))
    if label_file.is_file():
        try:
            labels = read_labels(label_file)
        except UserError as error:
            faults.append(str(error))
        else:
            if not box_file.is_file():
                faults.append(f"{label_file.name} without {box_file.name}")
            elif len(labels) != len(boxes) and not faults:
                faults.append(f"{len(boxes)} box(es), but {len(labels)} label(s)")
    labels = [*labels, *[""] * len(boxes)][: len(boxes)]
    return Stored(
        tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in boxes),
        tuple(labels),
        version.hexdigest(),
        box_file.is_file(),
        "\n".join(faults),
    )
