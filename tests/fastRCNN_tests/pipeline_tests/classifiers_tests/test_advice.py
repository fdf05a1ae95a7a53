"""Advice names what the classifier can turn, with the values that there are, and only what can still be turned."""

import pytest

from fastRCNN.evaluation.error_analysis import KINDS
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.reporting.help_most import WORDS
from PARAMETERS import get_parameters


def advice(classifier, rois=1000.0, covered=0.5, **changes):
    return CLASSIFIERS[classifier].advice({**get_parameters(["--dataset", "none"]), **changes}, rois, covered)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_every_kind_of_mistake_has_its_advice(classifier):
    found = advice(classifier)
    assert found.keys() == set(KINDS) == WORDS.keys() and all(found.values())


def test_nobody_is_told_to_turn_what_belongs_to_another_classifier():
    others = {"svm": ("nn_", "rpn_", "faster_"), "nn": ("svm_", "rpn_", "faster_"), "faster": ("svm_", "nn_", "grid_")}
    for classifier, prefixes in others.items():
        for rois in (10.0, 1000.0):
            changes = {"svm_bboxRegression": False, "nn_bboxRegression": False, "faster_negatives": False}
            text = " ".join(advice(classifier, rois, **changes).values())
            assert not any(prefix in text for prefix in (*prefixes, f"classifier {classifier} or")), classifier
    assert "cntk_nrRois" not in " ".join(advice("faster").values())


def test_where_rois_are_few_a_larger_number_is_no_help():
    for classifier in ("svm", "nn"):
        assert advice(classifier, 990)["place"].startswith("more ROIs (cntk_nrRois, now 1000); classifier faster")
        few = advice(classifier, 161.4)["place"]
        assert few.startswith("more ROIs: there are 161 for each picture") and "grid_stepSizeRel, now 0.5" in few
        assert "rpn_testAfterNms" in advice(classifier, 161, ss_method="rpn")["place"]
    assert "rpn_testAfterNms, now 300" in advice("faster", 300)["missed"]
    assert "there are 40 for each picture, so a higher rpn_nmsThreshold" in advice("faster", 40)["missed"]


def test_more_rois_are_no_advice_where_they_cover_the_objects():
    for classifier in ("svm", "nn"):
        covered = advice(classifier, 990, 0.98)
        assert covered["place"].startswith("classifier faster"), covered["place"]
        assert "more ROIs" in covered["missed"]  # which no ROI covers
    assert advice("faster", 300, 0.98)["place"].startswith("a longer training")


def test_what_is_on_is_not_advised():
    assert "Regression" not in advice("svm")["place"]
    for classifier in ("svm", "nn"):
        assert (
            f"; {classifier}_bboxRegression = True; "
            in advice(classifier, **{f"{classifier}_bboxRegression": False})["place"]
        )
    assert "fitted" not in advice("svm")["missed"] + advice("faster")["missed"]
    assert '(ss_method = "rpn" or "rpn+fast")' in advice("svm")["missed"]
    assert all("ss_method" not in advice("svm", ss_method=name)["missed"] for name in ("rpn", "rpn+fast"))
    assert "ss_method" not in advice("svm", compat="tutorial")["missed"] + advice("faster")["missed"]
    assert '(roi_maxDimRel: "fitted")' in advice("svm", roi_maxDimRel=0.4)["missed"]
    assert 'rpn_anchorScales = "fitted"' in advice("faster", rpn_anchorScales=[8.0])["missed"]
    assert "faster_negatives" not in advice("faster")["background"]
    assert "faster_max_epochs, now 20" in advice("faster")["class"]
    assert "faster_detectorEpochs, now 14" in advice("faster", faster_training="stages")["class"]


def test_duplicates():
    assert "a lower nmsThreshold (now 0.3)" in advice("svm")["duplicate"]
    assert "hardly touch" in advice("svm", nmsThreshold=0.01)["duplicate"]
    assert advice("svm", nms_softSigma=0.3)["duplicate"].startswith("nms_softSigma = 0")
