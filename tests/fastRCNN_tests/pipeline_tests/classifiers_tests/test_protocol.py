"""The table of classifiers: what each row says, that nothing else compares names, and that a fourth one is one row."""

import ast
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.pipeline import classifiers
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.classifiers.svm import SvmOutputs
from fastRCNN.pipeline.embeddings import write_embeddings
from fastRCNN.pipeline.results import scored_pictures
from fastRCNN.pipeline.stages import STAGES
from helpers.annotations import write_rois
from helpers.artifacts import Artifacts

REPOSITORY = Path(classifiers.__file__).resolve().parents[3]


def test_every_row_names_steps_that_there_are():
    for name, classifier in CLASSIFIERS.items():
        assert name == classifier.name
        assert classifier.title
        assert set(classifier.stages) <= STAGES.keys()
        for stage in STAGES:
            assert bool(classifier.does_without(stage)) == (stage not in classifier.stages)


def test_what_the_table_says():
    svm, nn = CLASSIFIERS["svm"], CLASSIFIERS["nn"]
    assert (svm.trains_network, svm.gives_probabilities, svm.may_round, svm.may_halve) == (False, False, True, True)
    assert (nn.trains_network, nn.gives_probabilities, nn.may_round, nn.may_halve) == (True, True, True, False)
    of = Artifacts(Path("r"), "d")
    assert [path.name for path in svm.network_files(of)] == ["frcn_svm.npz"]
    assert [path.name for path in nn.network_files(of)] == ["frcn_nn.npz", "boxes_nn.npz"]
    for with_boxes, expected in ((False, ["0.dat.npz"]), (True, ["0.dat.npz", "0.boxes.npz"])):
        first = Path("0.dat.npz")
        assert [path.name for path in nn.output_files(of, first, "a/0", with_boxes=with_boxes)] == expected
        assert svm.output_files(of, first, "a/0", with_boxes=with_boxes) == [first]
    for each in (svm, nn):
        assert not each.proposes and each.nr_rois({"cntk_nrRois": 7}) == 7
        assert each.roi_file(of, "positive/0") == Path("r/proc/d/rois/positive/0.roi.txt")
    assert svm.training({}) is None
    assert svm.boxes_file(of) == Path("r/proc/d/trainedSvm/boxes_exp1.npz")
    assert nn.boxes_file(of) == Path("r/proc/d/models/boxes_nn.npz")


def test_nothing_else_compares_classifiers_by_name():
    """No `== "svm"`, `!= "nn"` or `in ("svm", ...)` outside the table's own package."""
    found = []
    for path in [
        *REPOSITORY.glob("*.py"),
        *(REPOSITORY / "fastRCNN").rglob("*.py"),
        *(REPOSITORY / "helpers").rglob("*.py"),
    ]:
        if path.parent.name == "classifiers":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                words = {each.value for side in sides for each in ast.walk(side) if isinstance(each, ast.Constant)}
                named = any("classifier" in ast.unparse(side) for side in sides)
                if named and words & CLASSIFIERS.keys():
                    found.append(f"{path.relative_to(REPOSITORY)}:{node.lineno}: {ast.unparse(node)}")
    assert found == []


class Brightest:
    """A fourth classifier: the largest number of an embedding is the score of class 1."""

    name, title, stages = "brightest", "the largest number", ("rois", "inputs", "network", "embeddings")
    proposes = False
    width, why_width, scripts = 3, "as it happens", "3_runCntk.py"

    def roi_file(self, artifacts, key):
        return artifacts.roi_file(key)

    def outputs(self, artifacts, nr_classes, *, with_boxes=None):
        return SvmOutputs(artifacts.model_file(self.name))

    def scorer(self, artifacts, nr_classes, *, compat="corrected"):
        return self

    def __call__(self, rows):
        scores = np.zeros((len(rows), 3), np.float32)
        scores[:, 1] = rows.max(axis=1)
        offsets = np.zeros((len(rows), 3, 4), np.float32)
        offsets[:, 2, 0] = 0.5
        return scores, offsets


def test_a_fourth_classifier_is_one_row(tiny_root, monkeypatch):
    monkeypatch.setitem(CLASSIFIERS, "brightest", Brightest())
    of = Artifacts(tiny_root, "tiny")
    imdb = open_dataset(of, "test")
    for record in imdb:
        write_rois(of.roi_file(record.key), [[0, 0, 9, 9], [50, 40, 79, 69]])
        write_embeddings(of.embedding_file("test", "brightest", record.index), [[1, 7, 2], [3, 0, 0], [9, 9, 9]])
    found = next(scored_pictures(imdb, of, classifier="brightest"))
    np.testing.assert_array_equal(found.scores, [[0, 7, 0], [0, 3, 0]])
    np.testing.assert_array_equal(found.moved[:, 2], [[5, 0, 14, 9], [65, 40, 94, 69]])


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_it_can_be_chosen(name):
    from PARAMETERS import get_parameters, limits

    assert limits["classifier"] == tuple(CLASSIFIERS)
    assert get_parameters(["--classifier", name]).classifier == name
    assert "classifiers" not in get_parameters([])
    assert isinstance(SimpleNamespace(**get_parameters([])).classifier, str)
