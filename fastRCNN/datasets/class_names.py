"""Labels and class numbers: which names a data set has, and what to say of one that it has not."""

import difflib
import unicodedata
from collections.abc import Mapping, Sequence

from fastRCNN.datasets.imdb import BACKGROUND
from helpers.errors import raise_collected

UNKNOWN_ADVICE = (
    "Give these boxes another label (A2_annotateBboxLabels.py; EXCLUDE: they count neither way), or add it to "
    "`classes` in PARAMETERS.py. Where `classes` is empty, the labels of the training pictures are the classes."
)
LONGEST_NAME = 400
_SHOWN = 5  # places of a label


def with_background(names: Sequence[str]) -> tuple[str, ...]:
    """Return `names` with the background first; `UserError` for names that cannot be used (`fault_of_name`)."""
    odd = [f"{shortened(name)}: {fault}" for name in names if (fault := fault_of_name(name))]
    raise_collected(odd, "class name(s) cannot be used:", "Rename them.")
    return (BACKGROUND, *names)


def fault_of_name(name: str) -> str:
    """Return why `name` cannot be the name of a class, or ""."""
    if set(name) & set("\t\r\n"):
        return "a tab or line end in the name of a class, which tables are separated by"
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        return "a control character in the name of a class"
    return f"longer than {LONGEST_NAME} letters" if len(name) > LONGEST_NAME else ""


def shortened(name: str) -> str:
    """Return `name` as messages show it."""
    return repr(name if len(name) <= 60 else name[:60] + "...")


def unknown_labels(places: Mapping[str, Sequence[str]], classes: Sequence[str]) -> list[str]:
    """Return a phrase for each label in `places`, none of which is among `classes`: where it stands, what was meant.

    places: for each label, where each of its boxes is, like "a.bboxes.labels.tsv:3". `UNKNOWN_ADVICE` goes behind.
    """
    return [_unknown(label, of_label, classes) for label, of_label in sorted(places.items())]


def _unknown(label: str, places: Sequence[str], classes: Sequence[str]) -> str:
    near = next((name for name in classes[1:] if name.lower() == label.strip().lower()), None)
    near = near or next(iter(difflib.get_close_matches(label, classes[1:], n=1)), None)
    hint = f"; did you mean {near!r}? (labels are case sensitive)" if near else f" (classes: {', '.join(classes[1:])})"
    distinct = list(dict.fromkeys(places))
    shown = ", ".join(distinct[:_SHOWN]) + (f" and {len(distinct) - _SHOWN} more" if len(distinct) > _SHOWN else "")
    return f"label {label!r}, {len(places)} box(es), is not among the classes{hint}: {shown}"
