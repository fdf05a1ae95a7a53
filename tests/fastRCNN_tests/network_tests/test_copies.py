"""Copies to and from a device, here the CPU: the same numbers, shapes and types."""

import numpy as np
import pytest
import torch

from fastRCNN.network.copies import stacked_to_device, to_device, to_host

CPU = torch.device("cpu")


def test_there_and_back():
    array = np.arange(12, dtype=np.int64).reshape(3, 4)[:, ::2]
    there = to_device(array, CPU)
    assert there.dtype == torch.int64
    (back,) = to_host([there])
    np.testing.assert_array_equal(back, array)


def test_stacked():
    arrays = [np.full((2, 3), number, np.uint8) for number in range(4)]
    stacked = stacked_to_device(arrays, CPU)
    assert stacked.dtype == torch.uint8
    np.testing.assert_array_equal(stacked.numpy(), np.stack(arrays))
    with pytest.raises(ValueError, match=r"one shape and type, got \[\(2, 3\), \(1, 3\)\]"):
        stacked_to_device([arrays[0], arrays[0][:1]], CPU)
