"""ROIs with their overlaps and labels, by hand."""

import numpy as np
import pytest

from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.datasets.roidb import IGNORED, load_roidb, roi_labels, roi_overlaps
from helpers.annotations import write_annotation, write_rois
from helpers.artifacts import Artifacts
from helpers.errors import UserError


@pytest.fixture
def tiny(tiny_root):
    artifacts = Artifacts(tiny_root, "tiny")
    for image_set in ("train", "test"):
        for key in open_dataset(artifacts, image_set).keys:
            write_rois(artifacts.roi_file(key), [[0, 0, 9, 9], [50, 40, 79, 69], [0, 0, 119, 89]])
    write_annotation(artifacts.data / "positive" / "0.png", [[0, 0, 9, 19], [50, 40, 79, 69]], ["disc", "square"])
    return artifacts


def test_training_puts_the_annotated_boxes_first(tiny):
    record = next(load_roidb(open_dataset(tiny, "train"), tiny, 4, with_ground_truth=True))
    assert record.rois.tolist() == [[0, 0, 9, 19], [50, 40, 79, 69], [0, 0, 9, 9], [50, 40, 79, 69]]  # cut to 4
    assert record.is_ground_truth.tolist() == [True, True, False, False]
    np.testing.assert_allclose(record.overlaps, [[0, 1, 0], [0, 0, 1], [0, 0.5, 0], [0, 0, 1]])
    assert roi_labels(record.overlaps, 0.5).tolist() == [1, 2, 1, 2]
    assert roi_labels(record.overlaps, 0.51).tolist() == [1, 2, 0, 2]


def test_test_set_has_proposals_only(tiny):
    record = next(load_roidb(open_dataset(tiny, "test"), tiny, 200, with_ground_truth=False))
    assert len(record.rois) == 3
    assert not record.is_ground_truth.any()


def test_negative_pictures_have_background_only(tiny):
    record = list(load_roidb(open_dataset(tiny, "train"), tiny, 200, with_ground_truth=True))[4]
    assert record.overlaps.tolist() == [[0, 0, 0]] * 3
    assert roi_labels(record.overlaps).tolist() == [0, 0, 0]


def test_the_best_object_of_a_class_counts():
    overlaps = roi_overlaps([[0, 0, 9, 9]], [[0, 0, 9, 4], [0, 0, 9, 8], [5, 5, 9, 9]], np.array([1, 1, 2]), 3)
    np.testing.assert_allclose(overlaps, [[0, 0.9, 0.25]])
    assert roi_overlaps([], [[0, 0, 1, 1]], np.array([1]), 3).shape == (0, 3)


def test_more_objects_than_places_is_said(tiny, caplog):
    records = list(load_roidb(open_dataset(tiny, "train"), tiny, 2, with_ground_truth=True))
    assert [len(record.rois) for record in records[:4]] == [2] * 4
    assert all(record.is_ground_truth.all() for record in records[:4])
    (said,) = caplog.messages  # one line, however many pictures
    assert said.startswith(
        "4 picture(s), like 0.png, have so many annotated boxes that cntk_nrRois = 2 leaves no place"
    )
    caplog.clear()
    list(load_roidb(open_dataset(tiny, "train"), tiny, 3, with_ground_truth=True))
    list(load_roidb(open_dataset(tiny, "train"), tiny, 1, with_ground_truth=False))
    assert not caplog.messages


def test_missing_and_foreign_roi_files(tiny):
    imdb = open_dataset(tiny, "test")
    write_rois(tiny.roi_file(imdb.keys[0]), [[0, 0, 9, 9], [0, 0, 120, 89]])
    with pytest.raises(UserError, match=r"5\.roi\.txt:2: ROI 0 0 120 89 is not inside 5\.png of 120x90"):
        list(load_roidb(imdb, tiny, 9, with_ground_truth=False))
    tiny.roi_file(imdb.keys[0]).unlink()
    with pytest.raises(UserError, match=r"Run 1_computeRois\.py first"):
        list(load_roidb(imdb, tiny, 9, with_ground_truth=False))


@pytest.mark.parametrize(
    "roi", [[-1, 0, 9, 9], [0, -1, 9, 9], [0, 0, 120, 9], [0, 0, 9, 90], [9, 0, 8, 9], [0, 9, 9, 8]]
)
def test_a_roi_that_is_not_inside_its_picture_is_named_with_its_line(tiny, roi):
    imdb = open_dataset(tiny, "test")
    path = tiny.roi_file(imdb.keys[0])
    path.write_text("".join(f"{' '.join(map(str, each))}\n" for each in ([0, 0, 119, 89], [5, 5, 5, 5], roi)))
    with pytest.raises(UserError, match=rf"5\.roi\.txt:3: .*{' '.join(map(str, roi))}"):
        list(load_roidb(imdb, tiny, 9, with_ground_truth=False))


def test_rois_on_ignored_boxes_are_no_examples(tiny):
    """ROIs: [0 0 9 9], [50 40 79 69], the whole picture. EXCLUDE covers the first, UNDECIDED half of the third."""
    picture = tiny.data / "positive" / "0.png"
    write_annotation(picture, [[0, 0, 9, 8], [50, 40, 79, 69], [0, 0, 119, 44]], ["EXCLUDE", "square", "UNDECIDED"])
    nothing = np.nan
    records = [
        next(load_roidb(open_dataset(tiny, "train"), tiny, 9, with_ground_truth=True, ignore_from=threshold))
        for threshold in (0.5, 0.51, None)
    ]
    own, first, second, third = [0, 0, 1], [0, 0, 0], [0, 0, 1], [0, 0, 900 / 10800]
    hidden = [0, nothing, nothing]
    np.testing.assert_allclose(records[0].overlaps, [own, hidden, second, hidden], rtol=1e-6)
    np.testing.assert_allclose(records[1].overlaps, [own, hidden, second, third], rtol=1e-6)
    np.testing.assert_allclose(records[2].overlaps, [own, first, second, third], rtol=1e-6)
    assert [roi_labels(record.overlaps).tolist() for record in records] == [
        [2, IGNORED, 2, IGNORED], [2, IGNORED, 2, 0], [2, 0, 2, 0]
    ]  # fmt: skip
