"""One process alone: everything stays as it is. Several of them: tests/scripts_tests/test_torchrun.py."""

import numpy as np
import pytest
import torch

from fastRCNN.nn.processes import Processes


def test_one_process_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    one = Processes.join("cpu")
    parameter = torch.ones(2, requires_grad=True)
    assert (one.rank, one.count) == (0, 1)
    assert one.agree(True) is True and one.agree(False) is False
    assert one.mine([1, 2, 3]) == [1, 2, 3]
    np.testing.assert_array_equal(one.added_up(np.array([1.0, 2.0])), [1, 2])
    one.add_gradients([parameter])
    one.start_alike([parameter])
    one.leave()
    assert parameter.grad is None and parameter.tolist() == [1, 1]


def test_parts_of_a_minibatch() -> None:
    parts = [Processes(rank, 3).mine(range(7)) for rank in range(3)]
    assert [list(part) for part in parts] == [[0, 3, 6], [1, 4], [2, 5]]
