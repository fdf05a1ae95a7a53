"""Tuning: what counts as better, and searches over faked folds and faked steps."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.pipeline import tuning
from fastRCNN.pipeline.tuning import Search, Trial, is_better, tune
from helpers.errors import UserError
from helpers.time_budget import TimeBudget, TooLong
from PARAMETERS import get_parameters

A, B, BESIDE_A = [0, 0, 99, 99], [300, 0, 399, 99], [0, 0, 99, 59]  # BESIDE_A: 0.6 of A


def picture(boxes, scores, objects):
    table = np.stack([np.zeros(len(scores)), scores], axis=1).astype(np.float32)
    return PictureResult(0, Path("a"), np.array(boxes), table, np.array(objects), np.ones(len(objects), int))


def test_better_means_by_more_than_the_standard_error():
    assert is_better([0.6, 0.7], [0.5, 0.6])
    # gains 0.3 and -0.1: mean 0.1, standard error 0.2
    assert not is_better([0.8, 0.5], [0.5, 0.6])
    assert not is_better([0.5, 0.6], [0.5, 0.6])
    assert is_better([0.6], [0.5])


def test_mean_spread_and_gain():
    trial = Trial("svm_C", 0.1, (0.5, 0.7), before=(0.4, 0.5))
    assert (trial.mean, trial.spread) == (pytest.approx(0.6), pytest.approx(np.sqrt(0.02)))
    assert trial.gain == pytest.approx(0.15)
    assert Trial("", "", (0.5,)).spread == 0


class Rehearsed:
    """Stands in for steps 1 to 3 with other parameters: mAP of both parts by the value of ss_method and so on."""

    found: dict = {}  # noqa: RUF012
    made: list = []  # noqa: RUF012
    forgotten: list = []  # noqa: RUF012

    def __init__(self, name, parameters, real, folds, budget, beside):
        self.name, self.parameters, self.chain = name, parameters, real
        self.options = tuning.FoldOptions.choose(parameters, real.datasets["train"].classes)
        self.beside = beside
        Rehearsed.made.append(self)

    def areas(self):
        for (name, value), found in self.found.items():
            if self.parameters[name] == value:
                if isinstance(found, Exception):
                    raise found
                return found
        return (0.1, 0.1)

    def scored(self):
        return [[picture([A], [0.9], [A])]] * 2  # one object, found

    def forget(self):
        self.forgotten.append(self.name)

    def unstored(self):
        return None


@pytest.fixture
def search(monkeypatch):
    """Two objects overlap by 0.6: from a threshold of 0.6 on both are found. The SVMs learn nothing from svm_C."""
    trained = []

    def folds_of(imdb, artifacts, folds, options, unstored):
        trained.append((options.training.C, options.training.positive_overlap))
        for _ in range(folds):
            yield iter([picture([A, BESIDE_A, B], [0.9, 0.8, 0.1], [A, BESIDE_A])])

    monkeypatch.setattr(tuning, "scored_folds", folds_of)
    monkeypatch.setattr(tuning, "Rehearsal", Rehearsed)
    monkeypatch.setattr(tuning.Unstored, "choose", lambda *_: None)
    monkeypatch.setattr(Rehearsed, "found", {})
    monkeypatch.setattr(Rehearsed, "made", [])
    monkeypatch.setattr(Rehearsed, "forgotten", [])
    chain = SimpleNamespace(datasets={"train": SimpleNamespace(classes=("__background__", "a"))}, artifacts=None)
    given = {**get_parameters([]), "cntk_nrRois": 8, "svm_bboxRegression": False, "svm_C": 0.001}

    def made(seconds=1e6, **more):
        return Search(chain, 2, TimeBudget(seconds), lambda settings: {**given, **settings}, **more), trained

    return made


def test_a_search(search):
    what, trained = search()
    trials = list(tune(what))
    assert trials[0] == Trial("", "", (0.5, 0.5))
    of = {(trial.parameter, trial.value): trial for trial in trials}
    assert of["nmsThreshold", 0.5].areas == (0.5, 0.5)
    assert of["nmsThreshold", 0.6].areas == (1, 1) and of["nmsThreshold", 0.6].gain == 0.5
    assert of["cntk_nrRois", 1].areas == (0.5, 0.5) and of["cntk_nrRois", 2].areas == (1, 1)
    assert of["cntk_nrRois", 1].gain == -0.5, "what comes after stands on what was taken"
    assert [trial for trial in trials if trial.taken] == [of["nmsThreshold", 0.6]], "equal is not better"
    assert [c for c, _ in trained] == pytest.approx([0.001, 0.0001, 0.01, 0.001, 0.001])  # two C, two overlaps
    names = [trial.parameter for trial in trials]
    assert list(dict.fromkeys(names[1:])) == [
        "nmsThreshold", "nms_softSigma", "cntk_nrRois", "ss_method", "svm_C", "train_posOverlapThres",
        "cntk_padWidth", "roi_sizeGroups", "roi_limits", "classifier",
    ]  # fmt: skip
    assert all(each.parameters["nmsThreshold"] == 0.6 for each in Rehearsed.made)
    assert Rehearsed.forgotten and set(Rehearsed.forgotten) == {each.name for each in Rehearsed.made}


def test_box_regression_that_is_left_out_leaves_nothing_else_out(search, monkeypatch):
    """It moves the first box away from its object."""
    what, _ = search(only=["svm_bboxRegression", "svm_C", "train_posOverlapThres"])
    moved = np.array([[A, [500, 0, 599, 99]], [A, BESIDE_A], [A, B]], float)

    def folds_of(*_, **__):
        for _ in range(2):
            yield iter([replace(picture([A, BESIDE_A, B], [0.9, 0.8, 0.1], [A, BESIDE_A]), moved=moved)])

    monkeypatch.setattr(tuning, "scored_folds", folds_of)
    given = {**what.with_settings({}), "svm_bboxRegression": True}
    what = replace(what, with_settings=lambda settings: {**given, **settings})
    trials = list(tune(what))
    assert [(t.parameter, t.value) for t in trials if t.taken] == [("svm_bboxRegression", False)]
    assert {t.parameter for t in trials[1:]} == {"svm_bboxRegression", "svm_C", "train_posOverlapThres"}


def test_what_needs_steps_again_and_is_better_is_gone_on_from(search):
    Rehearsed.found = {("ss_method", "rpn"): (1.0, 1.0)}
    what, trained = search()
    trials = list(tune(what))
    assert [(t.parameter, t.value) for t in trials if t.taken] == [("nmsThreshold", 0.6)], "1.0 is not above 1.0"
    what, trained = search(only=["ss_method", "cntk_padWidth", "svm_C", "cntk_nrRois"])
    trained.clear()
    trials = list(tune(what))
    assert [(t.parameter, t.value, t.gain) for t in trials if t.taken] == [("ss_method", "rpn", 0.5)]
    later = [each for each in Rehearsed.made if each.parameters["cntk_padWidth"] == 640][-1]
    assert later.parameters["ss_method"] == "rpn" and later.beside, "the ROIs of what was taken may be used"
    assert [c for c, _ in trained] == pytest.approx([0.001, 0.0001, 0.01])
    assert [t.value for t in trials if t.parameter == "cntk_nrRois"] == [1, 2, 4, 8, 16, 40, 1, 2, 4, 8], (
        "at the end again"
    )


def test_of_several_values_the_best_ones_files_are_kept_until_the_end(search):
    Rehearsed.found = {("cntk_padWidth", 640): (0.6, 0.6), ("cntk_padWidth", 1500): (0.7, 0.7)}
    what, _ = search(only=["cntk_padWidth"])
    trials = list(tune(what))
    assert [(t.value, t.taken) for t in trials[1:]] == [(640, False), (1500, True)]
    names = [each.name for each in Rehearsed.made]
    assert Rehearsed.forgotten == names
    assert trials[2].settings == {"cntk_padWidth": 1500, "cntk_padHeight": 1500}


def test_what_takes_too_long_or_is_not_possible_is_said_and_the_others_are_tried(search):
    Rehearsed.found = {
        ("ss_method", "rpn"): TooLong(120), ("cntk_padWidth", 640): UserError("no network at 640"),
        ("cntk_padWidth", 1500): (0.7, 0.7),
    }  # fmt: skip
    what, _ = search(only=["ss_method", "cntk_padWidth"])
    _, rpn, small, large = tune(what)
    assert (rpn.areas, rpn.why) == ((), "not tried: about 2 min more")
    assert (small.areas, small.why) == ((), "not possible: no network at 640")
    assert large.taken


def test_what_was_remembered_is_taken_and_ends_the_search_where_there_is_no_time_to_go_on(search, monkeypatch):
    Rehearsed.found = {("ss_method", "rpn"): (0.9, 0.9)}

    def scored(self):
        raise TooLong(60)

    monkeypatch.setattr(Rehearsed, "scored", scored)
    what, trained = search(only=["cntk_nrRois", "ss_method", "cntk_padWidth", "svm_C"])
    trials = list(tune(what))
    assert [(t.parameter, t.taken) for t in trials[-2:]] == [("cntk_nrRois", False), ("ss_method", True)]
    assert len(trained) == 1 and len(Rehearsed.forgotten) == 1


def test_what_was_taken_says_how_long_the_next_one_takes(search, monkeypatch):
    """The real SVMs take 50 s, those on the smaller picture 5 s: 60 s are enough for them and for what follows."""
    now = [0.0]
    monkeypatch.setattr(tuning.time, "monotonic", lambda: now[0])
    Rehearsed.found = {("ss_method", "rpn"): (0.9, 0.9)}
    what, _ = search(seconds=60, only=["ss_method", "cntk_padWidth", "roi_sizeGroups"])
    folds, areas = tuning.scored_folds, Rehearsed.areas

    def slow_folds(*given, **more):
        now[0] += 50
        return folds(*given, **more)

    def quick_areas(self):
        now[0] += 5
        return areas(self)

    monkeypatch.setattr(tuning, "scored_folds", slow_folds)
    monkeypatch.setattr(Rehearsed, "areas", quick_areas)
    what.budget._end = 105.0  # of the clock that is turned here
    tried = [(t.parameter, t.value, bool(t.areas)) for t in tune(what)]
    assert tried == [
        ("", "", True), ("ss_method", "rpn", True), ("cntk_padWidth", 640, True), ("cntk_padWidth", 1500, True),
        ("roi_sizeGroups", "fitted", True),
    ]  # fmt: skip


def test_no_time_for_what_trains(search):
    what, trained = search(seconds=-1)
    trials = list(tune(what))
    assert len(trained) == 1 and not Rehearsed.made
    tried = {trial.parameter for trial in trials if trial.areas}
    assert tried == {"", "nmsThreshold", "nms_softSigma", "cntk_nrRois", "svm_C", "train_posOverlapThres"}
    assert [t.value for t in trials if t.parameter == "svm_C" and t.areas] == [0.001], "what it is needs no training"


def test_of_equal_values_the_first_is_taken(search):
    Rehearsed.found = {("cntk_padWidth", 640): (0.7, 0.7), ("cntk_padWidth", 1500): (0.7, 0.7)}
    what, _ = search(only=["cntk_padWidth"])
    assert [t.value for t in tune(what) if t.taken] == [640]


@pytest.mark.parametrize("error", [TooLong(120), UserError("no network at 640")])
def test_what_was_stopped_leaves_no_embeddings(search, error):
    Rehearsed.found = {("cntk_padWidth", 640): error, ("cntk_padWidth", 1500): (0.1, 0.1)}
    what, _ = search(only=["cntk_padWidth"])
    list(tune(what))
    assert Rehearsed.forgotten == [each.name for each in Rehearsed.made] and len(Rehearsed.made) == 2


def test_what_was_taken_leaves_no_embeddings_when_something_else_is_stood_on(search):
    Rehearsed.found = {("cntk_padWidth", 1500): (1.0, 1.0), ("ss_method", "rpn"): (0.7, 0.7)}  # the first that fits
    what, _ = search(only=["ss_method", "cntk_padWidth"])
    assert [t.value for t in tune(what) if t.taken] == ["rpn", 1500]
    assert sorted(Rehearsed.forgotten) == sorted(each.name for each in Rehearsed.made)
    rpn = next(each.name for each in Rehearsed.made if each.parameters["ss_method"] == "rpn")
    assert Rehearsed.forgotten[-2] == rpn, "as soon as it is not needed"


def test_embeddings_that_are_not_stored_are_computed_of_so_many_rois_as_were_taken(search, monkeypatch):
    counts = []
    monkeypatch.setattr(tuning.Unstored, "choose", lambda *_: SimpleNamespace(first=counts.append))
    monkeypatch.setattr(Trial, "mean", property(lambda trial: float(trial.value == 2)))  # the value that is liked best
    monkeypatch.setattr(tuning, "is_better", lambda areas, before: areas is not before)
    what, _ = search(only=["cntk_nrRois", "svm_C"])
    taken = [t.value for t in tune(what) if t.taken]
    assert taken[:1] == [2]
    assert counts[0] == 8 and set(counts[1:]) == {2}


def test_svms_are_trained_on_what_was_taken(search, monkeypatch):
    Rehearsed.found = {("ss_method", "rpn"): (1.0, 1.0)}
    folds_of, places = tuning.scored_folds, []

    def watched(imdb, artifacts, *more, **options):
        places.append(artifacts)
        return folds_of(imdb, artifacts, *more, **options)

    def chained(rehearsed):
        return SimpleNamespace(datasets=what.chain.datasets, artifacts=rehearsed.name)

    monkeypatch.setattr(tuning, "scored_folds", watched)
    monkeypatch.setattr(Rehearsed, "chain", property(chained, lambda *_: None), raising=False)
    what, _ = search(only=["ss_method", "svm_C"])
    assert [t.value for t in tune(what) if t.taken] == ["rpn"]
    assert places == [None, *[Rehearsed.made[0].name] * 2], "what there is, then two C"


@pytest.mark.parametrize(("trained_anew", "taken"), [((1.0, 1.0), True), ((0.5, 0.5), False), (None, False)])
def test_fewer_rois_are_taken_where_svms_that_are_trained_with_fewer_are_better_too(
    search, monkeypatch, trained_anew, taken
):
    """trained_anew: what they give in both parts; None: there is no time for it."""
    what, trained = search(seconds=1e6 if trained_anew else -1, only=["cntk_nrRois"])

    def areas_of(scored, classes, options):
        if options.nr_rois == 8:
            return (0.5, 0.5)
        return trained_anew if len(trained) > 1 else (0.75 + options.nr_rois / 100,) * 2

    monkeypatch.setattr(tuning, "areas_of", areas_of)
    trials = list(tune(what))
    four = next(trial for trial in trials if (trial.parameter, trial.value) == ("cntk_nrRois", 4))
    assert four.taken == taken and four.areas == (trained_anew or ())
    assert (four.why != "") == (trained_anew is None)
    assert len(trained) == (2 if trained_anew else 1)
    assert [trial.value for trial in trials if trial.taken] == [4] * taken
