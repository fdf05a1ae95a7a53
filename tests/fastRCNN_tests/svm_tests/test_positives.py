"""Which ROIs are positives, which classes have any."""

import numpy as np
import pytest

from fastRCNN.svm.positives import names_of, positives_of, trainable_classes
from helpers.errors import UserError

OVERLAP = np.array([[0, 0.5, 0.2, 0], [0, 0.6, 0.7, 0], [0, 0.4, 0, 0], [0, np.nan, 0, 0]], np.float32)


def test_a_roi_is_a_positive_of_one_class_at_most():
    best, positive = positives_of(OVERLAP, 0.5)
    assert best[:3].tolist() == [1, 2, 1] and positive.tolist() == [True, True, False, False]


def test_classes_without_positives(caplog):
    with pytest.raises(UserError, match=r"No positive example for: c\. .*take it out"):
        trainable_classes([OVERLAP], 0.5, ("__background__", "a", "b", "c"), skip=False)
    assert trainable_classes([OVERLAP], 0.5, None, skip=True) == [1, 2]
    assert "class 3. Skipped" in caplog.text
    assert trainable_classes([OVERLAP, OVERLAP[:, [0, 3, 2, 1]]], 0.5, None, skip=False) == [1, 2, 3]
    with pytest.raises(UserError, match="class 1, class 2, class 3"):
        trainable_classes([OVERLAP], 0.9, None, skip=True)


def test_names():
    assert names_of([2], ("x", "y", "z")) == ["z"] and names_of([2], None) == ["class 2"]
