"""SVM training with hard negative mining: the straightforward version of the benchmark (liblinear) is the oracle."""

import dataclasses

import numpy as np
import pytest

from benchmarks.bench_svm import simulate, straightforward
from fastRCNN.pipeline.embeddings import EmbeddingFiles, write_embeddings
from fastRCNN.svm.scoring import score_rois
from fastRCNN.svm.train_svms import SvmTraining, train_svms
from helpers.errors import UserError
from PARAMETERS import get_parameters

PARAMETERS = SvmTraining(retrain_limit=100, retrain_growth=0)


@pytest.fixture(scope="module")
def data():
    """12 pictures of 60 ROIs, 3 classes, 64 features."""
    return simulate(np.random.default_rng(1), pictures=12, rois=60, classes=3, features=64)


class Counting(list):
    """Pictures that count how often one is read."""

    reads = 0

    def __getitem__(self, index):
        self.reads += 1
        return super().__getitem__(index)


@pytest.mark.parametrize("compat", ["corrected", "tutorial"])
@pytest.mark.parametrize(
    "changes", [{}, {"C": 0.1, "positive_weight": 2.0}, {"loss": "squared_hinge"}, {"evict_threshold": 5.0}]
)
def test_same_weights_as_the_straightforward_version(data, compat, changes):
    """With negatives that are mined twice, retraining within a pass, and eviction (a threshold of 5 drops none)."""
    parameters = dataclasses.replace(PARAMETERS, **changes)
    reports = []
    ours = train_svms(*data, parameters=parameters, compat=compat, on_trained=reports.append)
    theirs = straightforward(*data, parameters, compat=compat, tolerance=1e-8)
    assert len(reports) > 2 * 3  # not only the last, forced training
    np.testing.assert_allclose(ours.feature_scale, theirs.feature_scale, rtol=1e-6)
    assert np.abs(ours.weights - theirs.weights).max() < 1e-5 * np.linalg.norm(theirs.weights, axis=1).max()
    np.testing.assert_allclose(ours.biases, theirs.biases, atol=5e-5)
    assert not ours.weights[0].any()


def test_the_two_definitions_mine_differently(data):
    corrected = train_svms(*data, parameters=PARAMETERS)
    tutorial = train_svms(*data, parameters=PARAMETERS, compat="tutorial")
    assert np.abs(corrected.weights - tutorial.weights).max() > 1e-4 * np.abs(corrected.weights).max()


def test_the_result_is_the_same_for_any_number_of_jobs_and_from_files(data, tmp_path):
    features, overlaps = data
    expected = train_svms(features, overlaps, parameters=PARAMETERS, jobs=1)
    paths = [tmp_path / f"{i}.dat.npz" for i in range(len(features))]
    for path, rows in zip(paths, features, strict=True):
        write_embeddings(path, np.vstack([rows, np.full((3, 64), 1e6)]))  # filler never counts
    files = EmbeddingFiles(paths, [len(rows) for rows in features])
    result = train_svms(files, overlaps, parameters=PARAMETERS, jobs=3)
    assert result.weights.tobytes() == expected.weights.tobytes()
    assert result.biases.tobytes() == expected.biases.tobytes()
    assert result.feature_scale == expected.feature_scale


def test_embeddings_are_read_once_for_the_positives_and_once_per_pass(data):
    features = Counting(data[0])
    train_svms(features, data[1], parameters=dataclasses.replace(PARAMETERS, nr_epochs=3))
    assert features.reads <= 1 + 12 * (1 + 3)


def test_pictures_that_neither_measure_nor_show_an_object_are_not_read_for_the_positives():
    """110 pictures of which 100 are measured, and the last 20 show an object; each is read once more in the pass."""
    features = Counting([np.full((2, 2), i + 1, np.float32) for i in range(110)])
    overlaps = [np.array([[0, i >= 90], [0, 0]], np.float32) for i in range(110)]
    reports = []
    train_svms(features, overlaps, parameters=SvmTraining(nr_epochs=1), on_trained=reports.append)
    assert 1 + 100 + 110 <= features.reads < 1 + 110 + 110
    assert reports[-1].nr_positives == 20


def test_mined_training_separates_what_can_be_separated(data):
    features, overlaps = data
    model = train_svms(features, overlaps, parameters=dataclasses.replace(PARAMETERS, C=1.0))
    scores, overlap = score_rois(np.vstack(features), model), np.vstack(overlaps)
    for j in range(1, 4):
        assert (scores[overlap[:, j] > 0.9, j] > 0).mean() > 0.9
        assert (scores[overlap[:, j] < 0.3, j] < 0).mean() > 0.9


def test_feature_scale_by_hand():
    """Norms 5 and 15: the mean is 10, so a target of 20 needs a scale of 2."""
    features = [np.array([[3, 4]], np.float32), np.array([[9, 12]], np.float32)]
    overlaps = [np.array([[0, 1]], np.float32), np.array([[0, 0]], np.float32)]
    assert train_svms(features, overlaps).feature_scale == pytest.approx(2)


def test_what_counts_as_positive_and_as_negative():
    """Best class with 0.5 or more; below 0.3 for a negative; between the two an ROI is neither."""
    features = [np.eye(6, dtype=np.float32)]
    overlaps = [
        np.array([[0, 0.5, 0.2], [0, 0.6, 0.7], [0, 0.49, 0], [0, 0.3, 0], [0, 0.29, 0], [0, 0, 0]], np.float32)
    ]
    reports = []
    train_svms(features, overlaps, on_trained=reports.append, parameters=SvmTraining(nr_epochs=1))
    assert [(r.class_index, r.nr_positives, r.nr_negatives) for r in reports] == [(1, 1, 2), (2, 1, 5)]


def test_a_negative_found_again_counts_twice(data):
    reports = []
    parameters = SvmTraining(nr_epochs=2, retrain_limit=10**6)
    train_svms(*data, parameters=parameters, on_trained=reports.append)
    negatives = [sum(int((overlap[:, j] < 0.3).sum()) for overlap in data[1]) for j in (1, 2, 3)]
    assert [report.nr_negatives for report in reports] == [2 * n for n in negatives]


def test_growth_retrains_less_often_where_caches_are_large_and_ends_near_the_same(data):
    """With 100 new ones and 50 % of the cache between two trainings; the tutorial knows the 100 alone."""
    often, seldom, tutorial, published = [], [], [], []
    grown = dataclasses.replace(PARAMETERS, retrain_growth=0.5)
    exact = train_svms(*data, parameters=PARAMETERS, on_trained=often.append)
    fewer = train_svms(*data, parameters=grown, on_trained=seldom.append)
    train_svms(*data, parameters=PARAMETERS, compat="tutorial", on_trained=tutorial.append)
    train_svms(*data, parameters=grown, compat="tutorial", on_trained=published.append)
    assert 2 * 3 < len(seldom) < len(often)
    assert len(published) == len(tutorial)
    for j in range(1, 4):
        cosine = exact.weights[j] @ fewer.weights[j] / np.prod([np.linalg.norm(m.weights[j]) for m in (exact, fewer)])
        assert cosine > 0.98


def test_no_growth_before_a_cache_holds_twice_the_limit(data):
    """What is small is trained as published: 200 in the cache wait for 100, with a growth of a half."""
    parameters = dataclasses.replace(PARAMETERS, retrain_limit=400)
    one, other = (
        train_svms(*data, parameters=dataclasses.replace(parameters, retrain_growth=growth)) for growth in (0, 0.5)
    )
    assert one.weights.tobytes() == other.weights.tobytes()


def test_a_random_part_stands_for_all_where_memory_is_short(data, caplog):
    """Half of 720 rows of 64 floats: counts and loss are nearly those of all, and so are the weights."""
    everything = dataclasses.replace(PARAMETERS, retrain_limit=10**6, nr_epochs=1, max_bytes=720 * 64 * 4)
    half = dataclasses.replace(everything, max_bytes=everything.max_bytes / 2)
    of_all, of_half = [], []
    whole = train_svms(*data, parameters=everything, on_trained=of_all.append)
    assert "stands for all" not in caplog.text
    caplog.set_level("INFO")
    part = train_svms(*data, parameters=half, on_trained=of_half.append)
    assert caplog.text.count("a random part stands for all") == 1
    for one, other in zip(of_all, of_half, strict=True):
        for name in ("nr_positives", "nr_negatives", "kept", "loss"):
            assert getattr(other, name) == pytest.approx(getattr(one, name), rel=0.2)
        pair = whole.weights[one.class_index], part.weights[one.class_index]
        assert pair[0] @ pair[1] / np.prod(np.linalg.norm(pair, axis=1)) > 0.9
    assert train_svms(*data, parameters=half, jobs=3).weights.tobytes() == part.weights.tobytes()


def test_snapshots_after_each_pass(data):
    snapshots = {}
    model = train_svms(*data, parameters=PARAMETERS, on_epoch=lambda epoch, so_far: snapshots.update({epoch: so_far}))
    assert list(snapshots) == [0, 1]
    assert not np.array_equal(snapshots[0].weights, snapshots[1].weights)
    assert snapshots[0].feature_scale == model.feature_scale


def test_all_classes_without_positives_are_named_before_anything_is_read(data):
    overlaps = [overlap.copy() for overlap in data[1]]
    for overlap in overlaps:
        overlap[:, [1, 3]] = np.minimum(overlap[:, [1, 3]], 0.4)
    features = Counting(data[0])
    with pytest.raises(UserError, match=r"No positive example for: orange, water\. .* these classes"):
        train_svms(features, overlaps, class_names=("__background__", "orange", "eggBox", "water"))
    assert features.reads == 0
    with pytest.raises(UserError, match=r"No positive example for: class 1, class 3\."):
        train_svms(features, overlaps)


def test_a_class_without_positives_can_be_skipped_and_is_never_detected(data, caplog):
    overlaps = [overlap.copy() for overlap in data[1]]
    for overlap in overlaps:
        overlap[:, 2] = np.minimum(overlap[:, 2], 0.4)
    parameters = dataclasses.replace(PARAMETERS, skip_classes_without_positives=True)
    model = train_svms(data[0], overlaps, parameters=parameters)
    assert "No positive example for: class 2. Skipped: never detected." in caplog.text
    assert not model.weights[2].any()
    scores = score_rois(np.vstack(data[0]), model)
    assert (scores[:, 2] < scores[:, 0]).all()
    assert (scores.argmax(axis=1) == 1).any()
    nothing = [np.minimum(overlap, 0.4) for overlap in overlaps]
    with pytest.raises(UserError, match="No positive example for: class 1, class 2, class 3"):
        train_svms(data[0], nothing, parameters=parameters)


def test_a_class_without_negatives_is_named(data):
    overlaps = [np.maximum(overlap, np.array([0, 0.31, 0, 0], np.float32)) for overlap in data[1]]
    with pytest.raises(UserError, match="No negative example was found for: class 1"):
        train_svms(data[0], overlaps, parameters=PARAMETERS)


def test_pictures_without_rois_pass(data):
    features, overlaps = data
    expected = train_svms(features, overlaps, parameters=PARAMETERS)
    empty = np.zeros((0, 64), np.float32), np.zeros((0, 4), np.float32)
    result = train_svms([*features, empty[0]], [*overlaps, empty[1]], parameters=PARAMETERS)
    np.testing.assert_array_equal(result.weights, expected.weights)


def test_unfit_embeddings():
    overlaps = [np.array([[0, 1], [0, 0]], np.float32)]
    with pytest.raises(UserError, match=r"all zero, or not finite.*3_runCntk\.py"):
        train_svms([np.zeros((2, 3), np.float32)], overlaps)
    with pytest.raises(ValueError, match=r"picture 0: expected embeddings of shape \(2, 3\), got \(1, 3\)"):
        train_svms([np.ones((1, 3), np.float32)], overlaps)
    with pytest.raises(ValueError, match="1 features, 2 overlaps"):
        train_svms([np.ones((2, 3), np.float32)], overlaps * 2)
    with pytest.raises(UserError, match="No pictures to train SVMs on"):
        train_svms([], [])


def test_defaults_are_the_published_parameters():
    of, p = SvmTraining(), get_parameters(["--compat", "tutorial"])
    assert (of.C, of.intercept_scaling, of.positive_weight, of.loss) == (p.svm_C, p.svm_B, p.svm_posWeight, p.svm_loss)
    assert (of.nr_epochs, of.retrain_limit, of.evict_threshold) == (
        p.svm_nrEpochs, p.svm_retrainLimit, p.svm_evictThreshold,
    )  # fmt: skip
    assert (of.target_norm, of.seed, of.positive_overlap) == (p.svm_targetNorm, p.svm_rngSeed, p.train_posOverlapThres)


@pytest.mark.parametrize(
    ("name", "value"),
    [("C", 0.0), ("nr_epochs", 0), ("retrain_limit", 0), ("positive_weight", "auto"), ("positive_weight", -1.0),
     ("loss", "l1"), ("target_norm", -1.0), ("C", float("nan"))],
)  # fmt: skip
def test_parameters_out_of_range(name, value):
    with pytest.raises(ValueError, match=rf"{name}: expected .* got"):
        SvmTraining(**{name: value})


def test_the_pictures_for_the_scale_are_chosen_by_the_seed():
    """Of 101 pictures 100 are measured: which one is left out depends on the seed alone."""
    features = [np.full((2, 2), i + 1, np.float32) for i in range(101)]
    overlaps = [np.array([[0, 1], [0, 0]], np.float32)] * 101
    scales = [train_svms(features, overlaps, parameters=SvmTraining(seed=seed)).feature_scale for seed in (3, 3, 4)]
    assert scales[0] == scales[1] != scales[2]
