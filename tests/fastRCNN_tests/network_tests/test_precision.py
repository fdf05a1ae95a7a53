"""Which precision is chosen, by machine, engine and purpose."""

import pytest
import torch

from fastRCNN.network import precision
from fastRCNN.network.precision import choose_precision, has_bfloat16
from helpers.errors import UserError


@pytest.fixture(params=[True, False])
def hardware(request, monkeypatch):
    """Whether the machine is said to have bfloat16."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda _device: request.param)
    return request.param


def test_auto_follows_the_machine_for_embeddings_only(hardware):
    assert choose_precision("auto") == ("bfloat16" if hardware else "float32")
    for choice in ({"engine": "cntk"}, {"may_round": False}):
        assert choose_precision("auto", **choice) == "float32"


def test_what_is_asked_for_is_done(hardware):
    for wanted in ("float32", "bfloat16"):
        assert choose_precision(wanted) == choose_precision(wanted, may_round=False) == wanted
    assert choose_precision("float32", engine="cntk") == "float32"


def test_what_cannot_be():
    with pytest.raises(UserError, match="CNTK computes in float32"):
        choose_precision("bfloat16", engine="cntk")
    with pytest.raises(ValueError, match="'float16'"):
        choose_precision("float16")


@pytest.mark.parametrize(
    ("features", "expected"), [("amx_bf16 avx512_bf16", True), ("avx512_bf16", True), ("avx2", False), ("", False)]
)
def test_what_the_processor_says(monkeypatch, features, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(features.split(), True))
    assert has_bfloat16("cpu") is expected
