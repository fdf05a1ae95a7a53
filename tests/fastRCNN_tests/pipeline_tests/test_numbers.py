"""fastRCNN/pipeline/numbers.py: what may be rounded, by classifier and compat."""

import pytest

from fastRCNN.network import precision
from fastRCNN.pipeline.numbers import settled_numbers
from PARAMETERS import get_parameters


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--classifier", "svm"], ("bfloat16", "float16")),
        (["--classifier", "nn"], ("bfloat16", "float32")),
        (["--classifier", "faster"], ("bfloat16", "float32")),
        (["--classifier", "svm", "--compat", "tutorial"], ("float32", "float32")),
        (["--classifier", "faster", "--compat", "tutorial"], ("float32", "float32")),
        (["--classifier", "nn", "--set", "cntk_precision=float32"], ("float32", "float32")),
        (["--classifier", "nn", "--set", "cntk_embeddingType=float16"], ("bfloat16", "float16")),
    ],
)
def test_on_a_machine_with_bfloat16(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: tuple[str, str]
) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda _device: True)
    assert tuple(settled_numbers(get_parameters(arguments)).values()) == expected


def test_training_is_exact_unless_asked() -> None:
    from fastRCNN.run_context import RunContext

    rounded = get_parameters(["--set", "cntk_precision=bfloat16"])
    assert RunContext.choose(rounded).training_precision == "float32"
    asked = get_parameters(["--set", "cntk_precision=float32", "--set", "cntk_trainingPrecision=bfloat16"])
    assert (RunContext.choose(asked).precision, RunContext.choose(asked).training_precision) == ("float32", "bfloat16")
