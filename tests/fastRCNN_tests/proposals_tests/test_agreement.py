"""Boxes of Selective Search and of a network in one order, by hand."""

import numpy as np
import pytest

from fastRCNN.proposals import agreement
from fastRCNN.proposals.agreement import ranked_together

LEFT, MIDDLE, RIGHT, LAST = [0, 0, 9, 9], [100, 0, 109, 9], [200, 0, 209, 9], [300, 0, 309, 9]
HALF = [0, 0, 9, 4]  # IoU 0.5 with LEFT


def test_a_box_of_the_network_counts_more_where_edges_run() -> None:
    # MIDDLE 0.5 + 0.25; LEFT 0.7 + 0.25 / 16 = 0.716; RIGHT 0.6. HALF: 0.7 / 4, less an eighth of it after LEFT: 0.15.
    # The other MIDDLE is the same box as the first: 0.
    assert ranked_together([MIDDLE, HALF], [LEFT, RIGHT, MIDDLE], [0.7, 0.6, 0.5]).tolist() == [
        MIDDLE, LEFT, RIGHT, HALF, MIDDLE,
    ]  # fmt: skip


def test_a_box_of_selective_search_counts_as_much_as_the_network_agrees() -> None:
    # HALF 0.8 / 4 * 7/8 = 0.175, between 0.18 and 0.17; of RIGHT the network knows nothing.
    found = ranked_together([RIGHT, HALF], [LEFT, MIDDLE, LAST], [0.8, 0.18, 0.17])
    assert found.tolist() == [LEFT, MIDDLE, HALF, LAST, RIGHT]


def test_only_the_surest_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "JUDGES", 1)
    # LAST is the surest, wherever it stands; MIDDLE gets nothing for the box that lies on it, which counts 0.
    assert ranked_together([MIDDLE, RIGHT], [MIDDLE, LEFT, LAST], [0.5, 0.4, 0.6]).tolist() == [
        LAST, MIDDLE, LEFT, MIDDLE, RIGHT,
    ]  # fmt: skip


def test_the_rest_follows_by_what_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    near = [0, 0, 9, 8]  # IoU 0.9 with LEFT, whose bonus is 0.25; near counts 0.9 * 0.81 = 0.73
    given = [near, LEFT], [LEFT, MIDDLE], [0.9, 0.5]
    assert ranked_together(*given).tolist() == [LEFT, MIDDLE, near, LEFT]  # 0.73 * (1 - 0.73) = 0.2
    monkeypatch.setattr(agreement, "FIRST", 1)
    assert ranked_together(*given).tolist() == [LEFT, LEFT, near, MIDDLE]  # 0.9, 0.73, 0.5


def test_what_is_given_stays_as_it_is_and_one_source_alone_in_its_order() -> None:
    chances, none = np.array([0.9, 0.1]), np.zeros((0, 4))
    ranked_together([RIGHT], [RIGHT, LEFT], chances)
    assert chances.tolist() == [0.9, 0.1]
    assert ranked_together([RIGHT, LEFT], none, []).tolist() == [RIGHT, LEFT]
    assert ranked_together(none, [RIGHT, LEFT], [0.9, 0.1]).tolist() == [RIGHT, LEFT]
