"""A call that a GPU has no room for, with an error like PyTorch's."""

import pytest
import torch

from fastRCNN.pipeline.within_memory import WithinMemory
from helpers.errors import UserError


def limited(most, calls):
    """Return a function of several numbers that has room for `most` of them; it notes how many it got."""

    def double(items):
        calls.append(len(items))
        if len(items) > most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return [2 * item for item in items]

    return double


def test_half_as_many_from_then_on(caplog):
    within, calls = WithinMemory(), []
    assert within(limited(8, calls), range(8)) == list(range(0, 16, 2)) and calls == [8]
    calls.clear()
    assert within(limited(3, calls), range(8)) == list(range(0, 16, 2))
    assert calls == [8, 4, 2, 2, 2, 2]
    calls.clear()
    assert within(limited(3, calls), range(5)) == [0, 2, 4, 6, 8]
    assert calls == [2, 2, 1]
    assert caplog.messages == [
        "The GPU's memory has no room for 8 pictures at once: 4 from here on.",
        "The GPU's memory has no room for 4 pictures at once: 2 from here on.",
    ]


def test_no_room_for_one():
    with pytest.raises(UserError, match=r"no room for one picture .* lower cntk_nrRois or cntk_padWidth"):
        WithinMemory()(limited(0, []), range(3))


def test_other_errors_are_those_of_the_function():
    def fails(items):
        raise ValueError(f"{len(items)} items")

    with pytest.raises(ValueError, match="3 items"):
        WithinMemory()(fails, range(3))
