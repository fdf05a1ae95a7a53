"""Weights that ran away are named, with the checkpoint that stays."""

from pathlib import Path

import pytest
import torch

from fastRCNN.nn.finite import kept_checkpoint, require_finite_weights
from helpers.errors import UserError


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_the_first_weight_that_is_not_finite_is_named(wrong):
    parameters = {"good.weight": torch.ones(3), "fc6.bias": torch.tensor([1.0, wrong])}
    with pytest.raises(UserError, match=r"^fc6\.bias is not finite after epoch 4: training stopped\. Lower it$"):
        require_finite_weights(parameters, 4, "Lower it")
    require_finite_weights({"good.weight": torch.ones(3)}, 4, "Lower it")


def test_a_checkpoint_is_named_when_there_is_one():
    path = Path("models") / "checkpoint_nn.npz"
    assert kept_checkpoint(path, 2) == f"The checkpoint of epoch 2 is kept: {path}. "
    assert kept_checkpoint(path, 0) == kept_checkpoint(None, 2) == ""
