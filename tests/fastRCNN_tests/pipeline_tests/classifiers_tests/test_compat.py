"""What --compat tutorial does without is said; what is as published, or was not asked for, is not."""

import pytest

from fastRCNN.pipeline.classifiers.compat import say_what_is_overridden
from PARAMETERS import get_parameters

GIVEN = ("--classifier", "faster", "--set", "faster_max_epochs=3", "--set", "faster_optimiser=sgd",
         "--set", "rpn_anchorScales=[4, 8]", "--set", "cntk_nrRois=7", "--set", "faster_flip=False")  # fmt: skip


@pytest.mark.parametrize("compat", ["corrected", "tutorial"])
def test_the_training_of_a_network_that_proposes(compat, caplog):
    from fastRCNN.pipeline.classifiers import CLASSIFIERS

    CLASSIFIERS["faster"].training(get_parameters([*GIVEN, "--compat", compat]))
    expected = (
        "--compat tutorial trains as published, without: faster_flip = False (True instead), faster_max_epochs = 3 "
        "(20 instead)."
    )
    assert [record.message for record in caplog.records] == ([expected] if compat == "tutorial" else [])


def test_the_softmax_layer(caplog):
    from fastRCNN.pipeline.classifiers import CLASSIFIERS

    options = ("--classifier", "nn", "--compat", "tutorial", "--set", "cntk_max_epochs=2")
    CLASSIFIERS["nn"].training(get_parameters([*options, "--set", "nn_roisPerImage=0"]))
    assert not caplog.records
    CLASSIFIERS["nn"].training(get_parameters([*options, "--set", "nn_flip=True"]))
    assert "without: nn_flip = True (False instead)" in caplog.text


def test_values_are_compared_not_types(caplog):
    parameters = {"compat": "tutorial", "given": ["a", "b", "c"], "a": (1, 2), "b": 3, "c": 1}
    say_what_is_overridden(parameters, {"a": [1.0, 2.0], "b": 4})
    assert "without: b = 3 (4 instead)." in caplog.text
