"""What a conversion has to tell: what was lost or changed, by picture, and what could not be read."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from helpers.errors import UserError

_SHOWN = 20
_NAMED = 3


class Damaged(Exception):
    """Something in an annotation file that cannot be read; the text says what is wrong."""


class Log:
    """Collects remarks and faults. Each remark has a kind (one line in the summary) and a count for each picture."""

    def __init__(self) -> None:
        self.remarks: dict[str, Counter[str]] = defaultdict(Counter)
        self._headlines: dict[str, None] = {}
        self.faults: dict[str, list[str]] = defaultdict(list)  # picture -> what is wrong
        self._count = 0

    def headline(self, text: str) -> None:
        """Say once how something was understood."""
        self._headlines[text] = None

    @property
    def headlines(self) -> list[str]:
        """What was said once, in order."""
        return list(self._headlines)

    def remark(self, kind: str, picture: str, count: int = 1) -> None:
        """Count something that was changed or left out in a picture."""
        if count:
            self.remarks[kind][picture] += count

    def fault(self, picture: str, text: str) -> None:
        """Note that a picture's annotation cannot be used; `text` says where and why."""
        self.faults[picture].append(text)
        self._count += 1

    @contextmanager
    def part(self, picture: str, where: str | Callable[[], str]) -> Iterator[None]:
        """Turn `Damaged` into a fault of `picture`; `where` is file and line, or a function that looks for them."""
        try:
            yield
        except Damaged as error:
            place = where if isinstance(where, str) else where() if self._count < _SHOWN else where.__doc__ or picture
            self.fault(picture, f"{place}: {error}")

    @contextmanager
    def whole_file(self, picture: str) -> Iterator[None]:
        """Turn the `UserError` of a file that holds one picture into a fault of that picture."""
        try:
            yield
        except UserError as error:
            self.fault(picture, str(error))

    def raise_faults(self) -> None:
        """Raise one `UserError` that lists all faults; nothing when there are none."""
        texts = [text for of_picture in self.faults.values() for text in of_picture]
        if not texts:
            return
        shown = texts[:_SHOWN] + ([f"... and {len(texts) - _SHOWN} more"] if len(texts) > _SHOWN else [])
        raise UserError(
            f"{len(texts)} fault(s) in {len(self.faults)} picture(s):\n  "
            + "\n  ".join(shown)
            + "\nMend them, or leave these pictures out with --skip-faulty"
        )

    def summary(self) -> list[str]:
        """Lines for a person: each kind with its count, its number of pictures, and the first few of them."""
        lines = []
        for kind, pictures in self.remarks.items():
            named = ", ".join(list(pictures)[:_NAMED]) + (", ..." if len(pictures) > _NAMED else "")
            lines.append(f"{sum(pictures.values())} x {kind} (in {len(pictures)} picture(s): {named})")
        for picture, texts in self.faults.items():
            lines.append(f"left out, faulty: {picture}: {texts[0]}")
        return lines

    def rows(self) -> list[tuple[str, str, int]]:
        """Everything, by picture: (picture, what, count)."""
        rows = [(picture, kind, count) for kind, counts in self.remarks.items() for picture, count in counts.items()]
        rows += [
            (picture, f"left out, faulty: {text}", 1) for picture, all_of in self.faults.items() for text in all_of
        ]
        return sorted(rows)
