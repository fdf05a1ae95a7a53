"""Embeddings one picture after the other: read ahead by one, or as the source itself does."""

import numpy as np
import pytest

from fastRCNN.svm.reading import AHEAD, dimension_of, in_order

FEATURES = [np.full((n, 3), n, np.float64) for n in (2, 0, 5, 1)]


class Counting(list):
    read: list[int]

    def __getitem__(self, index):
        self.read.append(index)
        return super().__getitem__(index)


@pytest.mark.parametrize("wanted", [[], [2], [3, 0], range(4)])
def test_the_pictures_that_are_asked_for(wanted):
    found = list(in_order(FEATURES, wanted))
    assert [len(rows) for rows in found] == [(2, 0, 5, 1)[i] for i in wanted]
    assert all(rows.dtype == np.float32 for rows in found)


def test_never_more_than_two_ahead():
    features = Counting(FEATURES)
    features.read = []
    for number, _ in enumerate(in_order(features, range(4))):
        assert len(features.read) <= number + 1 + AHEAD


def test_a_source_that_knows_best():
    class Source(list):
        dimension = 7

        def in_order(self, pictures):
            yield from (f"rows {i}" for i in pictures)

    assert list(in_order(Source(FEATURES), [1, 2])) == ["rows 1", "rows 2"]
    assert (dimension_of(Source(FEATURES)), dimension_of(FEATURES)) == (7, 3)
