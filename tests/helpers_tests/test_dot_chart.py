"""A dot chart: what is chosen is coloured, rows go down, bytes repeat."""

import numpy as np
import pytest

from helpers.dot_chart import Dot, dot_chart
from helpers.images import read_image

CHOSEN = np.array([0x0A, 0x50, 0xC8])  # blue, green, red


def drawn(path, dots, **options):
    dot_chart(path, dots, title="mAP", x_label="mAP, area", **options)
    return read_image(path)


def center(image, color):
    """Mean row and column of the pixels of a colour."""
    return np.argwhere((image == color).all(axis=2)).mean(axis=0)


def test_what_is_chosen_is_coloured_and_larger_values_are_further_right(tmp_path):
    dots = [Dot("a", "1", 0.2, 0.1), Dot("a", "2", 0.4, 0.1), Dot("b", "$x", 0.6)]
    places = [
        center(drawn(tmp_path / "a.png", [Dot(d.group, d.name, d.value, d.spread, chosen=i == n)
                                          for i, d in enumerate(dots)]), CHOSEN)
        for n in range(3)
    ]  # fmt: skip
    rows, columns = np.array(places).T
    assert (np.diff(columns) > 50).all() and np.diff(columns)[0] == pytest.approx(np.diff(columns)[1], abs=2)
    assert rows[1] - rows[0] == pytest.approx(0.19 * 110, abs=1.5), "a row"
    assert rows[2] - rows[1] == pytest.approx(1.5 * 0.19 * 110, abs=1.5), "a group more, and half a row between"
    assert not (drawn(tmp_path / "a.png", dots) == CHOSEN).all(axis=2).any()


def test_same_bytes_and_a_mark(tmp_path):
    dots = [Dot("a", "1", 0.2)]
    drawn(tmp_path / "a.png", dots), drawn(tmp_path / "b.png", dots)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with_mark = drawn(tmp_path / "c.png", dots, mark=0.2)
    assert (with_mark != read_image(tmp_path / "a.png")).any()


def test_nothing_to_draw(tmp_path):
    with pytest.raises(ValueError, match="dots: expected at least one"):
        dot_chart(tmp_path / "a.png", [], title="", x_label="")
