"""What the detector learns from: the recorded layer, and cases by hand."""

import numpy as np

from fastRCNN.rpn.proposal_targets import ProposalTargetRules, proposal_targets


def test_recorded_layer(recorded) -> None:
    made = proposal_targets(recorded.arrays["proposals_train"], recorded.objects[:, :4], recorded.objects[:, 4], None)
    arrays = recorded.arrays
    np.testing.assert_array_equal(made.rois.astype(np.float32), arrays["det_rois"])
    np.testing.assert_array_equal(made.labels, arrays["det_labels"].argmax(axis=1))
    shown = np.flatnonzero(made.labels)
    recorded_targets = arrays["det_targets"].reshape(len(made.labels), -1, 4)[shown, made.labels[shown]]
    normalised = made.targets[shown] / [0.1, 0.1, 0.2, 0.2]  # the published code's standard deviations
    np.testing.assert_allclose(normalised, recorded_targets, rtol=1e-5, atol=1e-6)


def test_by_hand() -> None:
    proposals = [[0, 0, 9, 9], [0, 0, 4, 9], [0, 0, 3, 9], [50, 50, 59, 59]]  # 1, 0.5, 0.4, 0
    made = proposal_targets(proposals, [[0, 0, 9, 9]], [3], None)
    assert made.rois.tolist() == [*proposals[:2], [0, 0, 9, 9], *proposals[2:]]  # the object itself is the third
    assert made.labels.tolist() == [3, 3, 3, 0, 0]
    np.testing.assert_allclose(made.targets, [[0] * 4, [0.5, 0, np.log(2), 0], [0] * 4, [0] * 4, [0] * 4], rtol=1e-6)


def test_a_quarter_shows_objects_at_most() -> None:
    proposals = np.concatenate([np.tile([[0, 0, 9, 9]], (100, 1)), np.tile([[50, 50, 59, 59]], (100, 1))])
    rules = ProposalTargetRules(batch_size=20)
    made = proposal_targets(proposals, [[0, 0, 9, 9]], [1], np.random.default_rng(0), rules=rules)
    assert made.labels.tolist() == [1] * 5 + [0] * 15
    few = proposal_targets(proposals[98:100], [[0, 0, 9, 9]], [1], np.random.default_rng(0), rules=rules)
    assert few.labels.tolist() == [1, 1, 1]


def test_hard_background_only() -> None:
    proposals = [[0, 0, 3, 9], [50, 50, 59, 59]]
    rules = ProposalTargetRules(background_overlaps=(0.1, 0.5))
    assert proposal_targets(proposals, [[0, 0, 9, 9]], [1], None, rules=rules).rois.tolist() == [
        [0, 0, 9, 9],
        [0, 0, 3, 9],
    ]


def test_what_does_not_count_is_no_background() -> None:
    proposals = [[0, 0, 9, 9], [50, 50, 59, 59]]
    made = proposal_targets(proposals, [], [], None, ignored=[[0, 0, 9, 9]])
    assert made.rois.tolist() == [[50, 50, 59, 59]] and made.labels.tolist() == [0]


def test_empty() -> None:
    made = proposal_targets([], [], [], np.random.default_rng(0))
    assert made.rois.shape == (0, 4) and made.labels.shape == (0,) and made.targets.shape == (0, 4)
