"""What anchors shall say: the recorded layer, and cases by hand."""

import numpy as np
import pytest

from fastRCNN.rpn.anchor_targets import AnchorRules, anchor_targets

WIDE = (0, 0, 1000, 1000)


@pytest.mark.parametrize(("batch", "suffix"), [(256, ""), (10**9, "_unsampled")])
def test_recorded_layer(recorded, batch: int, suffix: str) -> None:
    made = anchor_targets(
        recorded.anchors, recorded.objects[:, :4], recorded.area, None, rules=AnchorRules(batch_size=batch)
    )
    labels = recorded.by_anchor("rpn_labels" + suffix)[:, 0]
    np.testing.assert_array_equal(made.labels, labels)
    shown = labels == 1
    np.testing.assert_array_equal(shown, recorded.by_anchor("rpn_inside" + suffix, 4).any(axis=1))
    targets = recorded.by_anchor("rpn_targets" + suffix, 4)
    np.testing.assert_allclose(made.targets[shown], targets[shown], rtol=1e-6, atol=1e-7)


def test_the_best_anchor_of_an_object_is_one_however_bad() -> None:
    anchors = [[0, 0, 9, 9], [100, 100, 109, 109], [5, 0, 14, 9]]
    made = anchor_targets(anchors, [[5, 5, 14, 14]], WIDE, None)  # overlaps 25 / 175, 0, 50 / 150
    assert made.labels.tolist() == [0, 0, 1]
    np.testing.assert_allclose(made.targets, [[0] * 4, [0] * 4, [0, 0.5, 0, 0]])


def test_ties_are_all_objects_and_between_the_thresholds_nothing() -> None:
    objects = [[0, 0, 9, 9]]
    anchors = [[0, 0, 7, 9], [2, 0, 9, 9], [0, 0, 4, 9], [0, 0, 2, 8]]  # 0.8, 0.8, 0.5, 0.27
    assert anchor_targets(anchors, objects, WIDE, None).labels.tolist() == [1, 1, -1, 0]


def test_an_anchor_takes_the_object_that_it_overlaps_most() -> None:
    """Also when it became one as another object's best."""
    anchors = [[0, 0, 19, 9]]
    objects = [[0, 0, 17, 9], [18, 0, 27, 9]]  # 18 / 20 and 2 / 28
    made = anchor_targets(anchors, objects, WIDE, None)
    np.testing.assert_allclose(made.targets, [[-0.05, 0, np.log(0.9), 0]], rtol=1e-6)


def test_outside_says_nothing() -> None:
    anchors = [[0, 0, 9, 9], [-1, 0, 8, 9], [91, 0, 100, 9], [90, 90, 99, 99]]
    assert anchor_targets(anchors, [], (0, 0, 100, 100), None).labels.tolist() == [0, -1, -1, 0]
    made = anchor_targets(anchors[1:2], [[0, 0, 9, 9]], (0, 0, 100, 100), None)
    assert made.labels.tolist() == [-1] and not made.targets.any()


def test_what_does_not_count() -> None:
    anchors = [[0, 0, 9, 9], [50, 50, 59, 59], [70, 70, 79, 79]]
    made = anchor_targets(anchors, [[0, 0, 9, 9]], WIDE, None, ignored=[[50, 50, 59, 64], [0, 0, 9, 9]])
    assert made.labels.tolist() == [1, -1, 0]


def test_a_batch_has_half_objects_at_most() -> None:
    anchors = np.tile([[0, 0, 9, 9]], (50, 1)).tolist() + [[100 + n, 100, 109 + n, 109] for n in range(50)]
    rules = AnchorRules(batch_size=20)
    made = anchor_targets(anchors, [[0, 0, 9, 9]], WIDE, np.random.default_rng(0), rules=rules)
    assert (made.labels == 1).sum() == 10 and (made.labels == 0).sum() == 10
    other = anchor_targets(anchors, [[0, 0, 9, 9]], WIDE, np.random.default_rng(1), rules=rules)
    assert (made.labels != other.labels).any()
    assert (made.targets[made.labels != 1] == 0).all()
