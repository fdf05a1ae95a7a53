"""Boxes of Selective Search and of a network in one order."""

import numpy as np

from fastRCNN.proposals.agreement import ranked_together

LEFT, MIDDLE, RIGHT = [0, 0, 9, 9], [100, 0, 109, 9], [200, 0, 209, 9]


def test_what_the_network_agrees_with_comes_first() -> None:
    half = [0, 0, 9, 19]  # IoU 0.5 with LEFT: 0.9 / 16
    found = ranked_together([RIGHT, half, MIDDLE], [LEFT, MIDDLE, [50, 50, 59, 59]], [0.9, 0.2, 0.1])
    # MIDDLE 0.2; half 0.9 / 16, the network's own LEFT as much, later; its third box 0.1 / 16; RIGHT 0.
    # The network's MIDDLE, 0.2 / 16, is a near copy of the other and comes last.
    assert found.tolist() == [MIDDLE, half, LEFT, [50, 50, 59, 59], RIGHT, MIDDLE]


def test_near_copies_come_last_in_their_order() -> None:
    near = [0, 0, 9, 8]  # IoU 0.9 with LEFT
    found = ranked_together([LEFT, near, RIGHT], [LEFT], [1.0])
    assert found.tolist() == [LEFT, RIGHT, near, LEFT]
    assert ranked_together([LEFT, near, RIGHT], [LEFT], [1.0], near=0.95).tolist() == [LEFT, near, RIGHT, LEFT]


def test_one_source_alone_keeps_its_order() -> None:
    none = np.zeros((0, 4))
    assert ranked_together([RIGHT, LEFT], none, []).tolist() == [RIGHT, LEFT]
    assert ranked_together(none, [RIGHT, LEFT], [0.9, 0.1]).tolist() == [RIGHT, LEFT]
