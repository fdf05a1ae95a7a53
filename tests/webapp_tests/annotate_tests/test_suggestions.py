import threading
from pathlib import Path

import numpy as np
import pytest

from helpers.errors import UserError
from webapp.annotate.suggestions import Suggester, probabilities, uncertainty


def test_uncertainty_by_hand() -> None:
    assert uncertainty([]) == 1
    assert uncertainty([0.5]) == 1
    assert uncertainty([1.0, 0.0]) == 0
    assert uncertainty([0.75, 0.5]) == pytest.approx((0.5 + 1) / 2)


def test_margins_become_probabilities() -> None:
    assert probabilities([0.0, 1.0, -1.0], margins=True) == pytest.approx([0.5, 0.880797, 0.119203], abs=1e-6)
    assert probabilities([0.25, 1.2], margins=False) == pytest.approx([0.25, 1.0])


class Fake:
    """A detector of one function; notes that it was closed."""

    def __init__(self, find) -> None:
        self.find, self.closed = find, threading.Event()

    def __call__(self, image):
        return self.find(image)

    def close(self) -> None:
        self.closed.set()


def found(score: float) -> list[dict]:
    return [{"label": "cat", "score": score, "left": 1, "top": 2, "right": 3, "bottom": 4}]


def finish(suggester: Suggester, state: str = "done") -> dict:
    with suggester._wake:
        assert suggester._wake.wait_for(lambda: suggester._state == state, 10) or suggester._state == state
    return suggester.status()


@pytest.fixture
def suggester():
    """Pictures are numbers; a picture of -1 cannot be read."""

    def read(path: Path):
        if path.name == "bad":
            raise UserError("bad: damaged")
        return np.full((1, 1, 3), int(path.name), np.uint8)

    names = ["1", "2", "bad"]
    made = Suggester(read, lambda: [(name, Path(name)) for name in names])
    yield made
    made.stop()


def test_every_waiting_picture_is_looked_at(suggester) -> None:
    assert suggester.of("1", Path("1")) == ()
    suggester.start(lambda: (Fake(lambda image: found(image[0, 0, 0] / 4)), False))
    assert suggester.of("1", Path("1"))[0]["score"] == 0.25
    status = finish(suggester)
    assert status == {"state": "done", "error": "", "uncertainty": {"1": 0.5, "2": 1.0, "bad": 0.0}}
    assert suggester.of("7", Path("7"))[0]["score"] == 1.75  # not waiting, but somebody opened it


def test_a_picture_that_is_open_comes_first(suggester) -> None:
    order, go = [], threading.Event()

    def find(image):
        go.wait(10)
        order.append(int(image[0, 0, 0]))
        return []

    suggester.start(lambda: (Fake(find), False))
    threading.Timer(0.05, go.set).start()
    suggester.of("9", Path("9"))
    finish(suggester)
    assert order.index(9) <= 1  # at most one look was under way already


def test_a_detector_that_cannot_be_loaded_is_said(suggester) -> None:
    def load():
        raise UserError("models: not there yet")

    suggester.start(load)
    assert finish(suggester, "failed")["error"] == "models: not there yet"
    assert suggester.of("1", Path("1")) == ()


def test_a_new_detector_takes_over(suggester) -> None:
    first = Fake(lambda image: found(0.9))
    suggester.start(lambda: (first, False))
    finish(suggester)
    suggester.start(lambda: (Fake(lambda image: found(0.5)), False))
    finish(suggester)
    assert suggester.status()["uncertainty"] == {"1": 1.0, "2": 1.0, "bad": 0.0}
    assert first.closed.wait(10)
    suggester.stop()
    assert suggester.status()["state"] == "off"
