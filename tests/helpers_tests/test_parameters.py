"""Parameters: what wins over what, and what a wrong one says."""

import pytest

from helpers.errors import UserError
from helpers.parameters import make_parser
from PARAMETERS import get_parameters


def test_base_values_overrides_and_command_line():
    p = get_parameters([])
    assert (p.datasetName, p.cntk_nrRois, p.nmsThreshold) == ("grocery", 200, 0.01)
    assert p.overridden == ["classes", "roi_maxImgDim", "cntk_nrRois", "nmsThreshold"]
    assert get_parameters(["--set", "nmsThreshold=0.3"]).overridden == ["classes", "roi_maxImgDim", "cntk_nrRois"]
    assert get_parameters(["--dataset", "groceryPhotos"]).cntk_nrRois == 200
    other = get_parameters(["--dataset", "myOwnImages"])
    assert (other.cntk_nrRois, other.nmsThreshold, list(other.classes)) == (1000, 0.3, [])
    assert get_parameters(["--dataset", "pascalVoc"]).classifier == "nn"
    assert get_parameters(["--dataset", "pascalVoc", "--classifier", "svm"]).classifier == "svm"
    assert get_parameters(["--set", "cntk_nrRois=2000"]).cntk_nrRois == 2000
    assert get_parameters(["--set", "datasetName=myOwnImages"]).cntk_nrRois == 1000


@pytest.mark.parametrize("name", ["groceryShelf", "pascalVocOwn", "Grocery", "groc"])
def test_overrides_belong_to_exact_names(name):
    p = get_parameters(["--dataset", name])
    assert (p.classifier, list(p.classes), p.nmsThreshold, p.overridden) == ("svm", [], 0.3, [])


LIMITS = ("roi_minDimRel", "roi_maxDimRel", "roi_minNrPixelsRel", "roi_maxNrPixelsRel", "roi_maxAspectRatio")


@pytest.mark.parametrize("name", ["grocery", "groceryPhotos", "groceryShelf"])
def test_limits_are_fitted_or_published_or_given(name):
    assert {get_parameters(["--dataset", name])[limit] for limit in LIMITS} == {"fitted"}
    known = name in ("grocery", "groceryPhotos")
    expected = [0.04, 0.4, 0.0032, 0.0528, 4.0] if known else [0.01, 1.0, 0.0, 1.0, 4.0]
    published = get_parameters(["--dataset", name, "--compat", "tutorial"])
    assert [published[limit] for limit in LIMITS] == pytest.approx(expected)
    assert published.roi_maxImgDim == 200
    assert get_parameters(["--dataset", name]).roi_maxImgDim == (300 if known else 200)
    for compat in ("tutorial", "corrected"):
        given = ["--dataset", name, "--compat", compat, "--set", "roi_minDimRel=0.02", "--set", "roi_maxDimRel=fitted"]
        p = get_parameters(given)
        assert (p.roi_minDimRel, p.roi_maxDimRel) == (0.02, "fitted")


def test_help_explains_the_script_and_each_option():
    parser = make_parser("What it does.", classifiers={"svm": "linear SVMs", "nn": "a network"})
    text = parser.format_help()
    assert "What it does." in text and "svm: linear SVMs; nn: a network" in text and "PARAMETERS.py." in text
    assert all(action.help for action in parser._actions)


def test_options_are_in_the_result(tmp_path):
    p = get_parameters(["--root", str(tmp_path), "--seed", "7", "--jobs", "3", "--engine", "auto", "--quiet"])
    assert (p.root, p.seed, p.jobs, p.engine, p.quiet, p.compat) == (tmp_path, 7, 3, "torch", True, "corrected")


@pytest.mark.parametrize(
    ("assignment", "name", "value"),
    [
        ("grid_aspectRatios=[1.0, 3.0]", "grid_aspectRatios", [1.0, 3.0]),
        ("ss_kvals=(10, 20, 3)", "ss_kvals", (10, 20, 3)),
        ("svm_posWeight=2.5", "svm_posWeight", 2.5),
        ("svm_posWeight=balanced", "svm_posWeight", "balanced"),
        ("roi_maxAspectRatio=3", "roi_maxAspectRatio", 3.0),
        ("roi_maxAspectRatio=fitted", "roi_maxAspectRatio", "fitted"),
        ("roi_maxAspectRatio='fitted'", "roi_maxAspectRatio", "fitted"),
        ("ss_kvals=(50, 500, 100)", "ss_kvals", (50, 500, 100)),
        ("ss_kvals=(50, 500, 6.0)", "ss_kvals", (50, 500, 6.0)),
        ("svm_C=1", "svm_C", 1.0),
        ("ss_method=fast", "ss_method", "fast"),
        ("classes=['a', 'ü b']", "classes", ["a", "ü b"]),
    ],
)
def test_set_takes_every_type(assignment, name, value):
    result = get_parameters(["--set", assignment])[name]
    assert result == value
    assert type(result) is type(value)


def test_set_may_be_repeated_and_the_last_one_counts():
    p = get_parameters([part for text in ("ss_method=fast", "svm_C=2", "cntk_nrRois=77", "svm_C=3")
                        for part in ("--set", text)])  # fmt: skip
    assert (p.ss_method, p.svm_C, p.cntk_nrRois) == ("fast", 3.0, 77)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("cntk_nrRoi=1", "did you mean cntk_nrRois"),
        ("cntk_nrRois", "expected NAME=VALUE"),
        ("cntk_nrRois=0", "expected a value from 1"),
        ("cntk_nrRois=2.5", "expected a whole number"),
        ("cntk_nrRois=many", "expected a whole number"),
        ("cntk_nrRois=True", "expected a whole number"),
        ("svm_C=nan", "expected a number"),
        ("svm_posWeight=heavy", "svm_posWeight"),
        ("svm_posWeight=-1", "svm_posWeight"),
        ("classifier=forest", "expected one of 'svm', 'nn'"),
        ("ss_method=magic", "expected one of"),
        ("ss_kvals=(500, 50, 6)", "ss_kvals"),
        ("ss_kvals=(50, 500, 6.5)", "a whole number of scales from 1 to 100"),
        ("ss_kvals=(50, 500, 1e6)", "a whole number of scales from 1 to 100"),
        ("ss_kvals=(50, 500, 101)", "a whole number of scales from 1 to 100"),
        ("ss_kvals=(50, 1e999, 6)", "ss_kvals"),
        ("ss_kvals=(50, 500, 1e999)", "ss_kvals"),
        ("ss_kvals=(50, 500, 0)", "ss_kvals"),
        ("roi_minDimRel=fit", "expected a number from 0 to 1, or 'fitted'"),
        ("roi_minDimRel=-0.1", "expected a number from 0 to 1, or 'fitted'"),
        ("roi_minDimRel=nan", "expected a number from 0 to 1, or 'fitted'"),
        ("roi_minDimRel=True", "expected a number from 0 to 1, or 'fitted'"),
        ("roi_minDimRel=[0.1]", "expected a number from 0 to 1, or 'fitted'"),
        ("cntk_precision=half", "expected one of 'auto', 'float32', 'bfloat16'"),
        ("cntk_svdRanks=[1024]", "expected [], or whole numbers for fc6 and fc7"),
        ("cntk_svdRanks=[1024, -1]", "expected [], or whole numbers for fc6 and fc7"),
        ("cntk_svdRanks=[1024, 2.5]", "expected [], or whole numbers for fc6 and fc7"),
        ("cntk_svdRanks=1024", "expected a list"),
        ("grid_aspectRatios=[0]", "expected positive numbers"),
        ("grid_aspectRatios=1.0", "expected a list"),
        ("cntk_padWidth=800", "differ"),
        ("classes=['a', 'a']", "different names"),
        ("classes=['a ']", "without spaces"),
        ("datasetName=../elsewhere", "name of a folder"),
        ("cntk_model=/no/such/file.npz", "no such file"),
        ("vis_decisionThresholds={'forest': 0.5}", "expected a number or None for 'svm' and 'nn'"),
        ("vis_decisionThresholds={'svm': 'high'}", "expected a number or None for 'svm' and 'nn'"),
        ("vis_decisionThresholds={'svm': True}", "expected a number or None for 'svm' and 'nn'"),
        ("vis_decisionThresholds=[0.5]", "expected a dictionary"),
        ("cntk_lr_per_image=[1e999]", "expected positive numbers"),
        ("nn_dropout=1e999", "expected a number"),
    ],
)
def test_wrong_values_say_what_was_expected(assignment, message):
    with pytest.raises(UserError) as error:
        get_parameters(["--set", assignment])
    assert message in str(error.value)


def test_a_dictionary_is_given_by_entries():
    p = get_parameters(["--set", "vis_decisionThresholds={'nn': 0.25}"])
    assert p.vis_decisionThresholds == {**get_parameters([]).vis_decisionThresholds, "nn": 0.25}


def test_a_list_or_a_word_that_stands_for_one():
    assert get_parameters([]).rpn_anchorScales == "fitted"
    assert list(get_parameters(["--set", "rpn_anchorScales=[4, 8.5]"]).rpn_anchorScales) == [4, 8.5]
    assert get_parameters(["--set", "rpn_anchorScales=fitted"]).rpn_anchorScales == "fitted"
    for wrong in ("[]", "[0, 8]", "['a']", "3", "best"):
        with pytest.raises(UserError, match=r"rpn_anchorScales = .*: expected 'fitted', or a list of numbers"):
            get_parameters(["--set", f"rpn_anchorScales={wrong}"])


def test_thresholds_name_classifiers():
    with pytest.raises(UserError, match=r"scoreThresholds = .*: expected a number or None for 'svm' and 'nn' and"):
        get_parameters(["--set", "scoreThresholds={'knn': 0.5}"])
    with pytest.raises(UserError, match=r"rpn_negativeOverlap = 0.8 is greater than rpn_positiveOverlap = 0.7"):
        get_parameters(["--set", "rpn_negativeOverlap=0.8"])
    for wrong in ("{'disc': 7}", "{'disc': '0.5'}", "{'disc': None}", "{1: 0.5}"):
        with pytest.raises(UserError, match=r"nmsThresholds = .*: expected names of classes, and numbers from 0 to 1"):
            get_parameters(["--set", f"nmsThresholds={wrong}"])
    with pytest.raises(UserError, match=r"faster_backgroundOverlap = 0.5 is not below faster_foregroundOverlap = 0.5"):
        get_parameters(["--set", "faster_backgroundOverlap=0.5"])


@pytest.mark.parametrize("seed", ["-1", str(2**32), str(2**80)])
def test_seeds_that_a_generator_refuses(seed):
    with pytest.raises(UserError, match=f"--seed {seed}: expected a whole number from 0 to 4294967295"):
        get_parameters(["--seed", seed])
    assert get_parameters(["--seed", str(2**32 - 1)]).seed == 2**32 - 1


def test_limits_that_leave_no_room():
    with pytest.raises(UserError, match=r"roi_minDimRel = 0\.9 is greater than roi_maxDimRel = 0\.8"):
        get_parameters(["--set", "roi_minDimRel=0.9", "--set", "roi_maxDimRel=0.8"])


def test_a_negative_number_of_threads_is_refused():
    with pytest.raises(UserError, match="--jobs -3: expected a number of threads"):
        get_parameters(["--jobs", "-3"])


def test_all_wrong_values_are_listed_together():
    with pytest.raises(UserError) as error:
        get_parameters(["--set", "cntk_nrRois=0", "--set", "svm_C=-1"])
    assert "cntk_nrRois" in str(error.value)
    assert "svm_C" in str(error.value)


def test_wrong_usage_leaves_with_2(capsys):
    with pytest.raises(SystemExit) as leaving:
        get_parameters(["--engine", "caffe"])
    assert leaving.value.code == 2
    assert "--engine" in capsys.readouterr().err


def test_an_overlap_of_1_is_refused_since_nothing_overlaps_by_more():
    with pytest.raises(UserError, match=r"evalVocOverlapThreshold = 1: expected a value from 0(\.0)? to 0\.99"):
        get_parameters(["--set", "evalVocOverlapThreshold=1"])


@pytest.mark.parametrize("label", ["EXCLUDE", "UNDECIDED"])
def test_labels_that_count_neither_way_are_no_classes(label):
    with pytest.raises(UserError, match=f"{label} is no class"):
        get_parameters(["--set", f"classes=['disc', '{label}']"])


def test_what_PARAMETERS_imports_is_no_parameter():
    p = get_parameters([])
    assert [name for name in p if name.isupper()] == []
    assert all(not callable(value) for value in p.values())
