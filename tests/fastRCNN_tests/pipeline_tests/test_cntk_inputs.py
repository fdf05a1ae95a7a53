"""Step 2's files: byte for byte by hand, round trips, and what damage says."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastRCNN.pipeline.cntk_inputs import (
    CntkRecord,
    FirstRois,
    absolute_rois,
    expected_bytes,
    input_files,
    line_digests,
    read_cntk_inputs,
    relative_rois,
    write_cntk_inputs,
)
from helpers.artifacts import Artifacts
from helpers.errors import UserError


def test_relative_rois_by_hand():
    # 1000x1333: scale 1000/1333; 133 -> 99.77 -> 100; 400 -> 300.07 -> 300; offset of x: (1000 - 750) / 2 = 125
    relative = relative_rois([[133, 400, 266, 800]], 1000, 1333, 1000)
    np.testing.assert_allclose(relative, [[0.225, 0.3, 0.1, 0.3]], atol=1e-12)
    # 4x3 in 10: scale 2.5, 3 rows become round(7.5) = 8 (half to even), offset 1; 1 * 2.5 rounds to 2
    np.testing.assert_allclose(relative_rois([[1, 1, 3, 2]], 4, 3, 10), [[0.2, 0.3, 0.6, 0.3]], atol=1e-12)


@given(st.integers(1, 3000), st.integers(1, 3000), st.data())
def test_to_the_square_and_back_is_within_one_pixel(width, height, data):
    x = sorted(data.draw(st.tuples(*[st.integers(0, width - 1)] * 2)))
    y = sorted(data.draw(st.tuples(*[st.integers(0, height - 1)] * 2)))
    box = np.array([[x[0], y[0], x[1], y[1]]])
    relative = relative_rois(box, width, height, 1000)
    scale = 1000 / max(width, height)
    offsets = np.array([(1000 - round(width * scale)) / 2, (1000 - round(height * scale)) / 2] * 2)
    back = (absolute_rois(relative, 1000) - offsets) / scale
    assert np.abs(back - box).max() <= 0.5 / scale + 1e-3


def test_absolute_undoes_the_division_exactly():
    boxes = np.arange(0, 2000, dtype=float).reshape(-1, 4) / 2
    boxes[:, 2:] += 10
    relative = np.concatenate([boxes[:, :2] / 1000, boxes[:, 2:] / 1000 - boxes[:, :2] / 1000], axis=1)
    np.testing.assert_array_equal(absolute_rois(relative, 1000), boxes.astype(np.float32))


PICTURES = (Path("/pictures/a ü.jpg"), Path("/pictures/b.jpg"))


@pytest.fixture
def written(tmp_path):
    artifacts = Artifacts(tmp_path, "tiny")
    records = [
        CntkRecord(
            0, Path("/pictures/a ü.jpg"), np.array([[0.1, 0.2, 0.3, 0.4], [0.0, 0.5, 0.25, 0.5]]), np.array([2, 0])
        ),
        CntkRecord(1, Path("/pictures/b.jpg"), np.zeros((0, 4)), np.zeros(0, np.int64)),
    ]
    write_cntk_inputs(artifacts, "train", records, nr_rois=3, nr_classes=3)
    return artifacts, records


def test_files_byte_for_byte(written):
    of, _ = written
    assert of.image_map("train").read_text() == "0\t/pictures/a ü.jpg\t0\n1\t/pictures/b.jpg\t0\n"
    assert of.rois_txt("train").read_text() == (
        "0 |rois 0.1 0.2 0.3 0.4 0.0 0.5 0.25 0.5 0.0 0.0 0.0 0.0\n"
        "1 |rois 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0 0.0\n"
    )
    assert of.roi_labels_txt("train").read_text() == (
        "0 |roiLabels 0 0 1 1 0 0 1 0 0\n1 |roiLabels 1 0 0 1 0 0 1 0 0\n"
    )
    assert of.nr_rois_txt("train").read_text() == "2\n0\n"


def test_round_trip(written):
    artifacts, records = written
    read = list(read_cntk_inputs(artifacts, "train", PICTURES, nr_rois=3, nr_classes=3))
    for given_record, record in zip(records, read, strict=True):
        assert (record.index, record.image_path) == (given_record.index, given_record.image_path)
        np.testing.assert_array_equal(record.rois, given_record.rois)
        np.testing.assert_array_equal(record.labels, given_record.labels)


def test_records_have_the_paths_of_the_data_set(written):
    """A folder that was copied or moved reads its own pictures; so does one from another system."""
    artifacts, _ = written
    moved = [Path("/elsewhere/pictures/a ü.jpg"), Path("/elsewhere/pictures/b.jpg")]
    path = artifacts.image_map("train")
    for prefix in ("/pictures/", "C:\\data\\pictures\\"):
        path.write_text(path.read_text().replace("/pictures/", prefix))
        records = read_cntk_inputs(artifacts, "train", moved, nr_rois=3, nr_classes=3)
        assert [record.image_path for record in records] == moved
    other = [moved[1], moved[0]]
    with pytest.raises(
        UserError, match=r"train\.txt:1: picture .*a ü\.jpg, but the data set has /elsewhere/pictures/b"
    ):
        list(read_cntk_inputs(artifacts, "train", other, nr_rois=3, nr_classes=3))
    with pytest.raises(UserError, match=r"train\.txt: 2 pictures, but the data set has 3"):
        list(read_cntk_inputs(artifacts, "train", [*moved, moved[0]], nr_rois=3, nr_classes=3))


def test_digests_of_lines_know_neither_number_nor_name(written):
    artifacts, records = written
    first, second = line_digests(artifacts, "train")
    swapped = [dataclasses.replace(record, index=1 - record.index) for record in reversed(records)]
    write_cntk_inputs(artifacts, "train", swapped, nr_rois=3, nr_classes=3)
    assert line_digests(artifacts, "train") == [second, first]
    relabelled = dataclasses.replace(records[0], labels=np.array([1, 0]))
    write_cntk_inputs(artifacts, "train", [relabelled, records[1]], nr_rois=3, nr_classes=3)
    third = line_digests(artifacts, "train")[0]
    assert third.rois == first.rois and third.labels != first.labels
    one_less = dataclasses.replace(records[1], rois=np.zeros((1, 4)), labels=np.zeros(1, np.int64))
    write_cntk_inputs(artifacts, "train", [records[0], one_less], nr_rois=3, nr_classes=3)
    assert line_digests(artifacts, "train")[1].rois != second.rois, "the number of real ROIs counts"
    artifacts.rois_txt("train").unlink()
    assert line_digests(artifacts, "train") == []


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("rois_txt", "0.25", "abc", r"train\.rois\.txt:1: not all values are numbers"),
        ("rois_txt", "0.25", "nan", r"train\.rois\.txt:1: not all values are finite"),
        ("rois_txt", " 0.25", "", r"train\.rois\.txt:1: expected 12 numbers, found 11"),
        ("rois_txt", "1 |rois", "7 |rois", r"train\.rois\.txt:2: expected a line that starts with '1 \|rois'"),
        ("roi_labels_txt", "|roiLabels 0 0 1", "|roiLabels 0 x 1", r"roilabels\.txt:1: not all values are numbers"),
        ("roi_labels_txt", "|roiLabels 0 0 1", "|roiLabels 0,0 1", r"roilabels\.txt:1: expected 9 numbers, found 8"),
        ("roi_labels_txt", "|roiLabels", "|labels", r"roilabels\.txt:1: expected a line"),
        ("nr_rois_txt", "2\n0\n", "2\n", "differ in their number of lines"),
        ("nr_rois_txt", "2\n", "9\n", r"nrRois\.txt:1: 9 ROIs, expected at most cntk_nrRois = 3"),
        ("image_map", "\t0\n", "\n", r"train\.txt:1: expected number, picture path"),
    ],
)
def test_damage_is_named_with_file_and_line(written, file, old, new, message):
    artifacts, _ = written
    path = getattr(artifacts, file)("train")
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=message) as error:
        list(read_cntk_inputs(artifacts, "train", PICTURES, nr_rois=3, nr_classes=3))
    assert "2_cntkGenerateInputs.py" in str(error.value)


def test_the_large_files_are_not_read_before_a_record_is_asked_for(written, monkeypatch):
    """They are gigabytes where pictures are many, and a start that finds everything up to date needs only the numbers
    of ROIs."""
    artifacts, _ = written
    opened = []
    whole = Path.open

    def noted(path, *args, **options):
        opened.append(path.name)
        return whole(path, *args, **options)

    monkeypatch.setattr(Path, "open", noted)
    records = read_cntk_inputs(artifacts, "train", PICTURES, nr_rois=3, nr_classes=3)
    assert (len(records), [records.count(place) for place in range(2)]) == (2, [2, 0])
    assert not {"train.rois.txt", "train.roilabels.txt"}.intersection(opened)
    records[0], records[1]
    assert opened.count("train.rois.txt") == 3, "once for the places of all lines, once for each record"


@pytest.mark.parametrize(
    ("file", "shown"),
    [("rois_txt", "train.txt 2, train.rois.txt 1, train.roilabels.txt 2, train.nrRois.txt 2"),
     ("roi_labels_txt", "train.txt 2, train.rois.txt 2, train.roilabels.txt 1, train.nrRois.txt 2"),
     ("nr_rois_txt", "train.txt 2, train.rois.txt 2, train.roilabels.txt 2, train.nrRois.txt 1")],
)  # fmt: skip
def test_a_missing_line_is_an_error_before_a_record_is_given(written, file, shown):
    """In a small file at once; in a large one with the first record, even where that has its lines."""
    artifacts, _ = written
    path = getattr(artifacts, file)("train")
    path.write_text(path.read_text().splitlines(keepends=True)[0])
    with pytest.raises(UserError) as error:
        records = read_cntk_inputs(artifacts, "train", PICTURES, nr_rois=3, nr_classes=3)
        assert file != "nr_rois_txt"
        records[0]
    assert f"cntkFiles: the files differ in their number of lines ({shown})" in str(error.value)
    assert "Run 2_cntkGenerateInputs.py again" in str(error.value)


def test_missing_files_and_too_many_rois(written, tmp_path):
    artifacts, records = written
    with pytest.raises(UserError, match=r"Run 2_cntkGenerateInputs\.py first"):
        other = dataclasses.replace(artifacts, dataset="other")
        list(read_cntk_inputs(other, "train", PICTURES, nr_rois=3, nr_classes=3))
    with pytest.raises(ValueError, match="more than nr_rois"):
        write_cntk_inputs(artifacts, "train", records, nr_rois=1, nr_classes=3)
    assert artifacts.nr_rois_txt("train").read_text() == "2\n0\n", "the old files must survive a failed write"


def test_ignored_rois_are_rows_of_zeros_and_come_back(tmp_path):
    artifacts = Artifacts(tmp_path, "tiny")
    record = CntkRecord(0, Path("/pictures/a.jpg"), np.full((3, 4), 0.25), np.array([1, -1, 0]))
    write_cntk_inputs(artifacts, "train", [record], nr_rois=4, nr_classes=2)
    assert artifacts.roi_labels_txt("train").read_text() == "0 |roiLabels 0 1 0 0 1 0 1 0\n"
    (back,) = read_cntk_inputs(artifacts, "train", [record.image_path], nr_rois=4, nr_classes=2)
    assert back.labels.tolist() == [1, -1, 0]


def test_expected_bytes_are_near(tmp_path):
    """Two pictures of 50 random ROIs in 60 places, three classes."""
    artifacts, rng = Artifacts(tmp_path, "tiny"), np.random.default_rng(0)
    corners = np.sort(rng.integers(0, 400, (2, 50, 2, 2)), axis=2).reshape(2, 50, 4)
    records = [
        CntkRecord(i, PICTURES[i], relative_rois(corners[i][:, [0, 1, 2, 3]], 500, 375, 1000), np.zeros(50, np.int64))
        for i in range(2)
    ]
    write_cntk_inputs(artifacts, "train", records, nr_rois=60, nr_classes=3)
    size = sum(path.stat().st_size for path in input_files(artifacts, "train"))
    assert 0.5 * expected_bytes(2, nr_rois=60, nr_classes=3) < size <= expected_bytes(2, nr_rois=60, nr_classes=3)


def test_the_first_rois_of_each_record():
    boxes = np.arange(12).reshape(3, 4)
    whole = CntkRecord(0, Path("a.jpg"), boxes / 20, np.array([1, 0, 2]), boxes)
    plain = CntkRecord(1, Path("b.jpg"), boxes[:1] / 20, np.array([1]))
    first = FirstRois([whole, plain], 2)
    assert len(first) == 2
    np.testing.assert_array_equal(first[0].rois, boxes[:2] / 20)
    np.testing.assert_array_equal(first[0].boxes, boxes[:2])
    assert first[0].labels.tolist() == [1, 0] and first[0].image_path == Path("a.jpg")
    assert [len(record.rois) for record in first[:]] == [2, 1] and first[1].boxes is None
