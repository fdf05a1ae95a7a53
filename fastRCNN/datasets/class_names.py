"""Labels and class numbers: which names a data set has, and what to say of one that it has not."""

import difflib
from collections import Counter
from collections.abc import Sequence

from fastRCNN.datasets.imdb import BACKGROUND
from helpers.errors import raise_collected


def with_background(names: Sequence[str]) -> tuple[str, ...]:
    """Return `names` with the background first; `UserError` for names that the tables of results cannot hold."""
    odd = [f"{name!r}: a tab or line end in the name of a class" for name in names if set(name) & set("\t\r\n")]
    raise_collected(odd, "class name(s) cannot be used, since tables are separated by them:", "Rename them.")
    return (BACKGROUND, *names)


def unknown_labels(counts: Counter[str], classes: Sequence[str]) -> list[str]:
    """Return a phrase for each label in `counts` (label -> boxes), none of which is among `classes`, with a hint."""
    return [_unknown(label, count, classes) for label, count in sorted(counts.items())]


def _unknown(label: str, count: int, classes: Sequence[str]) -> str:
    near = next((name for name in classes[1:] if name.lower() == label.strip().lower()), None)
    near = near or next(iter(difflib.get_close_matches(label, classes[1:], n=1)), None)
    hint = f"; did you mean {near!r}? (labels are case sensitive)" if near else f" (classes: {', '.join(classes[1:])})"
    return f"label {label!r}, {count} box(es), is not among the classes{hint}"
