"""The SVM model and its text files: names and numbers of the published tutorial, and every broken file named."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.svm.model import SvmModel
from helpers.errors import UserError


@pytest.fixture
def model() -> SvmModel:
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((3, 5)) * 1e-3
    weights[0] = 0
    return SvmModel(weights, np.array([0, -0.1, 1 / 3]), 0.21)


def test_files_have_the_published_names_and_layout(model, tmp_path):
    paths = model.save(tmp_path / "trainedSvm")
    assert [path.name for path in paths] == ["svmweights_exp1.txt", "svmbias_exp1.txt", "svmfeature_scale_exp1.txt"]
    assert sorted((tmp_path / "trainedSvm").iterdir()) == sorted(paths)  # no temporary file stays
    weights = paths[0].read_text().splitlines()
    assert len(weights) == 3
    assert weights[0] == " ".join(["0.000000000000000000e+00"] * 5)
    assert paths[1].read_text().splitlines()[2] == "3.333333333333333148e-01"  # '%.18e' % (1 / 3)
    assert paths[2].read_text() == "2.099999999999999922e-01\n"  # '%.18e' % 0.21


def test_snapshot_names(model, tmp_path):
    names = [path.name for path in model.save(tmp_path, "_epoch0")]
    assert names == ["svmweights_exp1_epoch0.txt", "svmbias_exp1_epoch0.txt", "svmfeature_scale_exp1_epoch0.txt"]
    np.testing.assert_array_equal(SvmModel.load(tmp_path, "_epoch0").weights, model.weights)


def test_loading_gives_back_the_same_bits(model, tmp_path):
    model.save(tmp_path)
    loaded = SvmModel.load(tmp_path, nr_classes=3, feature_dimension=5)
    np.testing.assert_array_equal(loaded.weights, model.weights)
    np.testing.assert_array_equal(loaded.biases, model.biases)
    assert loaded.feature_scale == model.feature_scale
    assert (loaded.nr_classes, loaded.feature_dimension) == (3, 5)


def test_files_of_the_published_tutorial_are_read(tmp_path):
    # np.savetxt with its default format is what the published code calls
    np.savetxt(tmp_path / "svmweights_exp1.txt", np.array([[0, 0], [1.5, -2]]))
    np.savetxt(tmp_path / "svmbias_exp1.txt", np.array([0, 0.5]))
    np.savetxt(tmp_path / "svmfeature_scale_exp1.txt", [0.25])
    model = SvmModel.load(tmp_path)
    assert model.weights.tolist() == [[0, 0], [1.5, -2]]
    assert model.biases.tolist() == [0, 0.5]
    assert model.feature_scale == 0.25


def test_a_network_of_one_feature_is_not_read_as_a_flat_list(tmp_path):
    SvmModel(np.array([[0.0], [2.0]]), np.zeros(2), 1.0).save(tmp_path)
    assert SvmModel.load(tmp_path).weights.shape == (2, 1)


def test_missing_file_says_which_script_writes_it(tmp_path):
    with pytest.raises(UserError, match=r"svmweights_exp1\.txt: not found.*run 4_trainSvm\.py first"):
        SvmModel.load(tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("svmweights", "0 0\n1 nan\n2 3\n", r"svmweights_exp1\.txt:2: expected finite numbers, found 'nan'"),
        ("svmweights", "0 0\n1 1\n2 -inf\n", r"svmweights_exp1\.txt:3: expected finite numbers, found '-inf'"),
        ("svmweights", "0 0\n\n1 x7\n2 3\n", r"svmweights_exp1\.txt:3: expected numbers .*x7"),
        ("svmweights", "0 0\n1 1\n2\n", r"svmweights_exp1\.txt:3: expected 2 numbers .* found 1"),
        ("svmweights", "", r"svmweights_exp1\.txt: expected numbers, found an empty file"),
        ("svmweights", "0 0\n1 1\n", r"svmbias_exp1\.txt: expected one line for each of the 2 lines .* found 3"),
        ("svmbias", "0 0\n1 1\n2 2\n", r"svmbias_exp1\.txt: expected one number per line, found 2"),
        ("svmfeature_scale", "0.5\n0.5\n", r"svmfeature_scale_exp1\.txt:1: expected a single positive number"),
        ("svmfeature_scale", "-0.5\n", r"svmfeature_scale_exp1\.txt:1: expected a single positive number"),
    ],
)
def test_broken_files_are_named_with_their_line(tmp_path, file, text, message):
    SvmModel(np.zeros((3, 2)), np.zeros(3), 1.0).save(tmp_path)
    (tmp_path / f"{file}_exp1.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        SvmModel.load(tmp_path)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "svmweights_exp1.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"svmweights_exp1\.txt: cannot be read as text"):
        SvmModel.load(tmp_path)


def test_a_folder_in_the_place_of_a_file(tmp_path):
    (tmp_path / "svmweights_exp1.txt").mkdir()
    with pytest.raises(UserError, match=r"svmweights_exp1\.txt: cannot be read as text \(.*Run 4_trainSvm\.py again"):
        SvmModel.load(tmp_path)


def test_other_classes_or_another_network(model, tmp_path):
    model.save(tmp_path)
    with pytest.raises(UserError, match=r"expected 9 lines .* found 3: these SVMs were trained with other classes"):
        SvmModel.load(tmp_path, nr_classes=9)
    with pytest.raises(UserError, match=r"expected 4096 numbers per line .* found 5: .* another network"):
        SvmModel.load(tmp_path, feature_dimension=4096)


@pytest.mark.parametrize(
    ("weights", "biases", "scale"),
    [
        (np.zeros(3), np.zeros(3), 1.0),
        (np.zeros((3, 2)), np.zeros(2), 1.0),
        (np.full((1, 2), np.nan), np.zeros(1), 1.0),
        (np.zeros((1, 2)), np.array([np.inf]), 1.0),
        (np.zeros((1, 2)), np.zeros(1), 0.0),
        (np.zeros((1, 2)), np.zeros(1), float("nan")),
    ],
)
def test_impossible_models_are_refused(weights, biases, scale):
    with pytest.raises(ValueError, match=r"expected|must be"):
        SvmModel(weights, biases, scale)


def test_a_model_neither_changes_nor_shares_its_arrays():
    weights = np.ones((2, 2))
    model = SvmModel(weights, np.zeros(2), 1.0)
    weights[:] = 7
    assert model.weights.tolist() == [[1, 1], [1, 1]]
    for array in (model.weights, model.biases):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5


def test_the_weights_are_written_last(model, tmp_path, monkeypatch):
    """Where they are, all three files are: nothing else says so of files that were brought from elsewhere."""
    order, replace = [], Path.replace
    monkeypatch.setattr(Path, "replace", lambda old, new: (order.append(new.name), replace(old, new)))
    model.save(tmp_path)
    assert order == ["svmfeature_scale_exp1.txt", "svmbias_exp1.txt", "svmweights_exp1.txt"]
