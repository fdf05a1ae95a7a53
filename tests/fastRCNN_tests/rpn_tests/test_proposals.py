"""From anchors to proposals: the recorded layer, and cases by hand."""

import numpy as np
import pytest

from fastRCNN.rpn.proposals import ProposalRules, propose

WIDE = (0, 0, 1000, 1000)


@pytest.mark.parametrize(("name", "before", "after"), [("test", 6000, 300), ("train", 12000, 2000)])
def test_recorded_layer(recorded, name: str, before: int, after: int) -> None:
    made = propose(
        recorded.anchors, foreground(recorded), recorded.by_anchor("deltas", 4),
        recorded.area, rules=ProposalRules(before, after, 0.7, 16 * recorded.scale), compat="tutorial",
    )  # fmt: skip
    assert len(made.boxes) == after
    np.testing.assert_allclose(made.boxes, recorded.arrays[f"proposals_{name}"], atol=1e-3)
    assert (np.diff(made.scores) <= 0).all()


def foreground(recorded) -> np.ndarray:
    """Objectness of each anchor: the last nine channels."""
    return recorded.arrays["prob"][9:].transpose(1, 2, 0).ravel()


def test_anchors_that_do_not_move_stay_where_they_are() -> None:
    anchors = [[10, 10, 39, 29], [100, 100, 149, 139]]
    made = propose(anchors, [0.2, 0.9], np.zeros((2, 4)), WIDE)
    assert made.boxes.tolist() == anchors[::-1] and made.scores.tolist() == [0.9, 0.2]
    published = propose(anchors, [0.2, 0.9], np.zeros((2, 4)), WIDE, compat="tutorial")
    assert published.boxes.tolist() == [[100, 100, 150, 140], [10, 10, 40, 30]]


def test_boxes_are_cut_and_small_ones_dropped() -> None:
    anchors = [[-10, -10, 25, 25], [0, 0, 14, 40], [0, 0, 15, 15]]
    made = propose(anchors, [3, 2, 1], np.zeros((3, 4)), (5, 0, 100, 100), rules=ProposalRules(nms_threshold=1.0))
    assert made.boxes.tolist() == [[5, 0, 25, 25]]  # the others are 10 and 11 wide inside the picture


def test_numbers_before_and_after_suppression() -> None:
    anchors = [[40 * n, 0, 40 * n + 19, 19] for n in range(10)]
    scores = np.arange(10)
    assert len(propose(anchors, scores, np.zeros((10, 4)), WIDE, rules=ProposalRules(before_nms=4)).boxes) == 4
    made = propose(anchors, scores, np.zeros((10, 4)), WIDE, rules=ProposalRules(after_nms=3))
    assert made.scores.tolist() == [9, 8, 7]


def test_of_equal_scores_the_later_is_first() -> None:
    anchors = [[0, 0, 19, 19], [2, 0, 21, 19]]  # overlap 18 / 22
    assert propose(anchors, [1, 1], np.zeros((2, 4)), WIDE).boxes.tolist() == [[2, 0, 21, 19]]


def test_what_is_not_finite_is_dropped() -> None:
    anchors = [[0, 0, 19, 19], [100, 0, 119, 19], [200, 0, 219, 19]]
    offsets = [[0, 0, 0, 0], [0, 0, np.nan, 0], [0, 0, 0, 0]]
    made = propose(anchors, [1, 2, np.inf], offsets, WIDE)
    assert made.boxes.tolist() == [anchors[0]]
    assert len(propose([], [], [], WIDE).boxes) == 0


def test_a_box_grows_within_limits() -> None:
    made = propose([[490, 490, 509, 509]], [1], [[0, 0, 50, 0]], WIDE)
    assert made.boxes.tolist() == [[0, 490, 999, 509]]  # 62.5 times 20 pixels, cut


def test_arrays_that_do_not_belong_together() -> None:
    with pytest.raises(ValueError, match=r"a score and 4 offsets for 1 anchors, got \(2,\)"):
        propose([[0, 0, 9, 9]], [1, 2], np.zeros((1, 4)), WIDE)


def test_where_the_best_are_too_small_others_take_their_place():
    lefts = 50.0 * np.arange(10)
    sides = np.where(np.arange(10) < 7, 3, 30)  # the seven best, more than twice as many as are wanted
    anchors = np.stack([lefts, 0 * lefts, lefts + sides - 1, sides - 1.0], axis=1)
    rules = ProposalRules(before_nms=2, after_nms=5, min_side=16.0)
    found = propose(anchors, -np.arange(10.0), np.zeros((10, 4)), (0, 0, 1000, 1000), rules=rules)
    np.testing.assert_array_equal(found.boxes, anchors[[7, 8]])
    assert found.scores.tolist() == [-7, -8]
