"""What a trained detector would draw, for acceptance, and how sure it is: what it is least sure of teaches it most.

Pool-based active learning: Settles, "Active Learning Literature Survey", 2009; for detectors Brust, Käding and Denzler,
"Active Learning for Deep Object Detection", 2018, whose average over the detections is what `uncertainty` returns.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import UserError

log = logging.getLogger(__name__)


class Finds(Protocol):
    """What is needed of a detector: objects in a picture, as typed records."""

    def __call__(self, image: NDArray[np.uint8]) -> list[dict[str, Any]]:
        """Return records with label, score, left, top, right, bottom."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


@dataclass(frozen=True)
class Suggestion:
    """What was found in one picture: records for the page, and the picture's uncertainty in [0, 1]."""

    items: tuple[Mapping[str, Any], ...]
    uncertainty: float


def uncertainty(probabilities: ArrayLike) -> float:
    """Return how unsure a detector is of a picture: the mean of 1 - |2p - 1| over its detections, 1 without any.

    `probabilities` (D,) in [0, 1]: that each detection is right. 0.5 is least sure. A picture in which nothing was
    found is as interesting as can be: pictures are put into a data set because they show something.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    return 1.0 if p.size == 0 else float(np.mean(1 - np.abs(2 * p - 1)))


def probabilities(scores: ArrayLike, *, margins: bool) -> NDArray[np.float64]:
    """Return (D,) probabilities of (D,) `scores`: themselves, or for margins of an SVM 1 / (1 + exp(-2 score)).

    Platt's sigmoid with a fixed slope: a margin of 1, the edge of an SVM's own confidence, becomes 0.88.
    """
    s = np.asarray(scores, dtype=np.float64)
    return 1 / (1 + np.exp(-2 * s)) if margins else np.clip(s, 0, 1)


@dataclass
class Suggester:
    """Looks through pictures in a thread of its own; a picture that somebody waits for comes first."""

    read: Callable[[Path], NDArray[np.uint8]]
    waiting: Callable[[], Sequence[tuple[str, Path]]]  # pictures that nobody annotated yet
    _found: dict[str, Suggestion] = field(default_factory=dict)
    _wanted: list[tuple[str, Path]] = field(default_factory=list)
    _turn: int = 0
    _state: str = "off"
    _error: str = ""
    _wake: threading.Condition = field(default_factory=threading.Condition)

    def start(self, load: Callable[[], tuple[Finds, bool]]) -> None:
        """Use another detector from now on: `load` returns how it finds objects, and whether its scores are margins."""
        with self._wake:
            self._turn += 1
            self._state, self._error = "loading", ""
            turn = self._turn
            self._wake.notify_all()
        threading.Thread(target=self._work, args=(turn, load), daemon=True).start()

    def stop(self) -> None:
        """Make no more suggestions."""
        with self._wake:
            self._turn += 1
            self._state = "off"
            self._wake.notify_all()

    def status(self) -> dict[str, Any]:
        """Return state ("off", "loading", "looking", "done", "failed"), error, and the uncertainty of each picture."""
        with self._wake:
            known = {picture: round(each.uncertainty, 4) for picture, each in self._found.items()}
            return {"state": self._state, "error": self._error, "uncertainty": known}

    def of(self, picture: str, path: Path, seconds: float = 20) -> tuple[Mapping[str, Any], ...]:
        """Return the suggestions for a picture, waiting for them up to `seconds`; none when there is no detector."""
        with self._wake:
            if self._state in ("off", "failed"):
                return ()
            if picture not in self._found:
                self._wanted.append((picture, path))
                self._wake.notify_all()
                self._wake.wait_for(lambda: picture in self._found or self._state in ("off", "failed"), seconds)
            found = self._found.get(picture)
            return found.items if found else ()

    def _work(self, turn: int, load: Callable[[], tuple[Finds, bool]]) -> None:
        find = None
        try:
            find, margins = load()
            with self._wake:
                if turn != self._turn:
                    return
                self._found.clear()
                self._state = "looking"
            while (following := self._next(turn)) is not None:
                picture, path = following
                suggestion = self._look(find, margins, path)
                with self._wake:
                    if turn != self._turn:
                        return
                    self._found[picture] = suggestion
                    self._wake.notify_all()
        except Exception as error:
            if not isinstance(error, UserError):
                log.error("The detector failed.", exc_info=error)
            with self._wake:
                if turn == self._turn:
                    self._state, self._error = "failed", str(error)
                    self._wake.notify_all()
        finally:
            if find:
                find.close()

    def _next(self, turn: int) -> tuple[str, Path] | None:
        """Return the next picture to look at, waiting for one; None when another detector has taken over."""
        while True:
            candidates = self.waiting()
            with self._wake:
                if turn != self._turn:
                    return None
                while self._wanted:
                    wanted = self._wanted.pop()
                    if wanted[0] not in self._found:
                        return wanted
                following = next((each for each in candidates if each[0] not in self._found), None)
                if following:
                    return following
                self._state = "done"
                self._wake.wait(2)  # new pictures may come
                if turn == self._turn and self._wanted:
                    self._state = "looking"

    def _look(self, find: Finds, margins: bool, path: Path) -> Suggestion:
        try:
            records = find(self.read(path))
        except UserError as error:  # a damaged picture: the list says so
            log.debug("%s", error)
            return Suggestion((), 0.0)
        scores = [record["score"] for record in records]
        return Suggestion(tuple(records), uncertainty(probabilities(scores, margins=margins)))
