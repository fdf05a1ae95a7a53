"""What is found in a data set, all of a kind in one message: faults that stop a step, and things to know."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from helpers.errors import UserError

log = logging.getLogger(__name__)

LEFT_OUT = "damaged picture(s) are left out"
_SHOWN_FAULTS, _SHOWN_WARNINGS = 20, 5


@dataclass(frozen=True)
class Finding:
    """Things of one kind.

    kind: what follows their number in a sentence, like "box(es) stand twice in their picture".
    places: each by file, line or name, and what is there. advice: what it means, and what to do.
    """

    kind: str
    places: tuple[str, ...]
    advice: str = ""

    def text(self, shown: int) -> str:
        """Return the message, with at most `shown` places."""
        lines = [f"{len(self.places)} {self.kind}:", *(f"  {_indented(place)}" for place in self.places[:shown])]
        if len(self.places) > shown:
            lines.append(f"  ... and {len(self.places) - shown} more")
        return "\n".join([*lines, *([self.advice] if self.advice else [])])


def left_out(damaged: Iterable[str]) -> Finding:
    """Return the finding on pictures that are left out; `damaged`: what is wrong with each, by path."""
    return Finding(LEFT_OUT, tuple(damaged), "skipDamagedPictures = False stops at them instead.")


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return `findings` with the places of equal kinds together, no place twice, in order of appearance."""
    places: dict[tuple[str, str], dict[str, None]] = {}
    for finding in findings:
        places.setdefault((finding.kind, finding.advice), {}).update(dict.fromkeys(finding.places))
    return [Finding(kind, tuple(of_kind), advice) for (kind, advice), of_kind in places.items() if of_kind]


class DataFaults(UserError):
    """The faults of a data set, that are told in one message; `findings` keeps them apart."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = merged(findings)
        super().__init__("\n".join(finding.text(_SHOWN_FAULTS) for finding in self.findings))


def raise_faults(findings: Iterable[Finding]) -> None:
    """Raise `DataFaults` with all `findings` that have a place; do nothing when there is none."""
    found = merged(findings)
    if found:
        raise DataFaults(found)


def raise_together(errors: Sequence[UserError]) -> None:
    """Raise one error that says what all of `errors` do; do nothing when there is none."""
    others = list(dict.fromkeys(str(error) for error in errors if not isinstance(error, DataFaults)))
    found = [finding for error in errors if isinstance(error, DataFaults) for finding in error.findings]
    if others:
        raise UserError("\n".join([*others, *([str(DataFaults(found))] if found else [])]))
    raise_faults(found)


def log_warnings(findings: Iterable[Finding]) -> None:
    """Log one warning for each kind."""
    for finding in merged(findings):
        log.warning("%s", finding.text(_SHOWN_WARNINGS))


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
