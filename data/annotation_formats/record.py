"""The one record that every format is read into and written from.

Coordinates are the edges of a box, float: left, top, right, bottom from the picture's top left corner, so that a box
around the one pixel in the corner is 0 0 1 1, and the whole picture is 0 0 width height. They are pixels of the upright
picture, or fractions of its width and height where the format has fractions and the size is not known (`relative`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

DIFFICULT, TRUNCATED, OCCLUDED, CROWD = "difficult", "truncated", "occluded", "crowd"
MARKS = (DIFFICULT, TRUNCATED, OCCLUDED, CROWD)
NO_LABEL = "UNDECIDED"  # the tutorial's word for a box that nobody gave a class
TRAIN, VALIDATION, TEST = "train", "val", "test"


@dataclass(frozen=True)
class Box:
    """One object: its class, its edges (see above), and what else formats may say of it."""

    label: str
    left: float
    top: float
    right: float
    bottom: float
    relative: bool = False
    marks: frozenset[str] = frozenset()
    attributes: tuple[tuple[str, str], ...] = ()
    track: str = ""
    where: str = ""

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.right, self.bottom


@dataclass(frozen=True)
class Picture:
    """One annotated picture: `name` as its file calls it, `size` width and height or None where it is not known."""

    name: str
    boxes: tuple[Box, ...] = ()
    size: tuple[int, int] | None = None
    subset: str = ""
    other_names: tuple[str, ...] = ()  # where else to look for the file, best first
    beside: Path | None = None  # the annotation file: pictures in its folder are meant before others of the same name
    incomplete: bool = False  # it holds objects that are no boxes (points, lines): without boxes, it is no negative
    file: Path | None = None  # where the picture was found

    @property
    def names(self) -> tuple[str, ...]:
        """All names under which the file may lie."""
        return (self.name, *self.other_names)


@dataclass
class DataSet:
    """Pictures, and the classes in the order in which their file declares them (those of no box too)."""

    pictures: list[Picture] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)

    def all_classes(self) -> list[str]:
        """The declared classes, then those that only boxes name, sorted."""
        used = {box.label for picture in self.pictures for box in picture.boxes}
        declared = list(dict.fromkeys(self.classes))
        return declared + sorted(used - set(declared))


def marks_of(**flags: object) -> frozenset[str]:
    """Marks from flags as files write them: `marks_of(difficult="1", truncated=0)`."""
    return frozenset(name for name, flag in flags.items() if is_true(flag))


def is_true(flag: object) -> bool:
    """Whether a flag is set: True, 1, "1", "true", "yes"; not None, "", 0, "Unspecified", -1 (OpenImages' unknown)."""
    return str(flag).strip().lower() in ("1", "1.0", "true", "yes")


def as_attributes(pairs: Iterable[tuple[object, object]]) -> tuple[tuple[str, str], ...]:
    """Attributes as pairs of text, without those that have no value."""
    texts = ((str(name), str(value).lower() if isinstance(value, bool) else str(value)) for name, value in pairs)
    return tuple((name, value) for name, value in texts if value not in ("", "None"))
