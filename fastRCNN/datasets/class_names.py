"""Labels and class numbers: which names a data set has, and what to say of one that it has not."""

import difflib
from collections import Counter
from collections.abc import Sequence

from fastRCNN.datasets.imdb import BACKGROUND


def with_background(names: Sequence[str]) -> tuple[str, ...]:
    """Return `names` with the background first."""
    return (BACKGROUND, *names)


def unknown_labels(counts: Counter[str], classes: Sequence[str]) -> list[str]:
    """Return a phrase for each label in `counts` (label -> boxes), none of which is among `classes`, with a hint."""
    return [_unknown(label, count, classes) for label, count in sorted(counts.items())]


def _unknown(label: str, count: int, classes: Sequence[str]) -> str:
    near = next((name for name in classes[1:] if name.lower() == label.strip().lower()), None)
    near = near or next(iter(difflib.get_close_matches(label, classes[1:], n=1)), None)
    hint = f"; did you mean {near!r}? (labels are case sensitive)" if near else f" (classes: {', '.join(classes[1:])})"
    return f"label {label!r}, {count} box(es), is not among the classes{hint}"
