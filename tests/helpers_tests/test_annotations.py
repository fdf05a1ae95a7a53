"""Good and bad annotation files, as users and VoTT write them."""

import numpy as np
import pytest

from helpers.annotations import (
    boxes_path,
    labels_path,
    read_annotation,
    read_boxes,
    read_coordinates,
    read_labels,
    read_rois,
    write_annotation,
    write_rois,
)
from helpers.errors import UserError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("213\t337\t329\t473\n", [[213, 337, 329, 473]]),
        ("213\t337\t329\t473", [[213, 337, 329, 473]]),
        ("1\t2\t3\t4\n5\t6\t7\t8\n\n", [[1, 2, 3, 4], [5, 6, 7, 8]]),
        ("\ufeff1\t2\t3\t4\r\n5\t6\t7\t8\t\r\n", [[1, 2, 3, 4], [5, 6, 7, 8]]),
        ("1.4\t2.6\t3.5\t4.5\n", [[1, 3, 4, 4]]),
        ("-1\t2\t70000\t4\n", [[-1, 2, 70000, 4]]),  # never wrapped to 65535 or 4464
    ],
)
def test_boxes_are_read(tmp_path, text, expected):
    path = tmp_path / "a.bboxes.tsv"
    path.write_bytes(text.encode())
    boxes = read_boxes(path)
    assert boxes.shape == (len(expected), 4)
    assert boxes.tolist() == expected


def test_plain_files_read_at_once_are_read_as_line_by_line(tmp_path):
    rows = np.random.default_rng(0).integers(0, 1_000_000, (50, 4))
    text = "".join(" ".join(map(str, row)) + "\n" for row in rows.tolist())
    (tmp_path / "plain").write_text(text)
    (tmp_path / "odd").write_text(text + " \n")  # an empty line at the end: read line by line
    assert read_rois(tmp_path / "plain").tolist() == read_rois(tmp_path / "odd").tolist() == rows.tolist()
    assert read_rois(tmp_path / "plain").dtype == np.int32
    (tmp_path / "huge").write_text("1 2 3 1000000\n")
    with pytest.raises(UserError, match="not a pixel coordinate"):
        read_rois(tmp_path / "huge")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1\t2\t3", "found 3 column"),
        ("1\t2\t3\t4\t5", "found 5 column"),
        ("left\ttop\tright\tbottom", "not a number"),
        ("1,5\t2\t3\t4", "decimal comma"),
        ("1,2,3,4", "write tabs"),
        ("1\t2\tnan\t4", "not a pixel"),
        ("1\t2\tinf\t4", "not a pixel"),
        ("1_0\t2\t3\t4", "not a number"),
        ("", "the line is empty"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, reason):
    path = tmp_path / "a.bboxes.tsv"
    path.write_text(f"1\t2\t3\t4\n{line}\n{line}\n5\t6\t7\t8\n")
    with pytest.raises(UserError, match=reason) as error:
        read_boxes(path)
    assert "a.bboxes.tsv:2:" in str(error.value)
    assert "a.bboxes.tsv:3:" in str(error.value)


def test_labels_without_last_newline_and_with_crlf(tmp_path):
    path = tmp_path / "a.bboxes.labels.tsv"
    path.write_bytes("orange\r\nBrötchen \r\nwater".encode())
    assert read_labels(path) == ["orange", "Brötchen", "water"]


def test_an_empty_label_is_named(tmp_path):
    path = tmp_path / "a.bboxes.labels.tsv"
    path.write_text("orange\n\nwater\n")
    with pytest.raises(UserError, match=r"labels\.tsv:2: the label is empty"):
        read_labels(path)


def test_latin_1_is_named(tmp_path):
    path = tmp_path / "a.bboxes.labels.tsv"
    path.write_bytes("Brötchen".encode("latin-1"))
    with pytest.raises(UserError, match="not a UTF-8"):
        read_labels(path)


def test_annotation_round_trip(tmp_path):
    picture = tmp_path / "a b ü.jpg"
    write_annotation(picture, [[1, 2, 30, 40], [0, 0, 99, 49]], ["x", "ü"])
    assert boxes_path(picture).read_bytes() == b"1\t2\t30\t40\n0\t0\t99\t49\n"
    annotation = read_annotation(picture, 100, 50)
    assert annotation.boxes.tolist() == [[1, 2, 30, 40], [0, 0, 99, 49]]
    assert annotation.labels == ("x", "ü")
    assert annotation.boxes.dtype == np.int32


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ([9, 5, 8, 9], "not be less than left"),
        ([5, 9, 9, 5], "not be less than left"),
        ([-2, 5, 5, 9], "negative"),
        ([5, -2, 5, 9], "negative"),
        ([0, 0, 101, 9], "beyond the picture"),
        ([0, 0, 9, 51], "beyond the picture"),
        ([100, 0, 100, 9], "beyond the picture"),
    ],
)
def test_boxes_that_do_not_fit_are_named_with_size(tmp_path, box, reason):
    picture = tmp_path / "a.jpg"
    write_annotation(picture, [[1, 1, 5, 5], box], ["x", "y"])
    with pytest.raises(UserError, match=reason) as error:
        read_annotation(picture, 100, 50)
    assert "a.bboxes.tsv:2:" in str(error.value)
    assert "100x50" in str(error.value)


def test_up_to_one_pixel_beyond_the_picture_is_cut_and_a_pixel_is_a_box(tmp_path):
    """x2 = width, as VoTT, CVAT and VOC write it; decimals are rounded first."""
    picture = tmp_path / "a.jpg"
    write_annotation(picture, [[1, 1, 5, 5]] * 4, ["a", "b", "c", "d"])
    boxes_path(picture).write_text("0.4\t-0.6\t99.6\t50\n-1\t-1\t100.4\t49.5\n7\t8\t7\t8\n99\t49\t100\t50\n")
    expected = [[0, 0, 99, 49], [0, 0, 99, 49], [7, 8, 7, 8], [99, 49, 99, 49]]
    assert read_annotation(picture, 100, 50).boxes.tolist() == expected


def test_coordinates_are_as_they_stand_in_the_file(tmp_path):
    path = tmp_path / "a.bboxes.tsv"
    path.write_text("0.25\t1\t2.5\t3\n")
    assert read_coordinates(path).tolist() == [[0.25, 1, 2.5, 3]]
    path.write_text("1\t2\t3\t4\n")
    assert read_coordinates(path).dtype == np.float64


def test_counts_that_differ_are_both_named(tmp_path):
    picture = tmp_path / "a.jpg"
    write_annotation(picture, [[1, 1, 5, 5]], ["x"])
    labels_path(picture).write_text("x\ny\n")
    with pytest.raises(UserError, match=r"1 box.*2 label"):
        read_annotation(picture, 100, 50)


def test_missing_annotation_is_named(tmp_path):
    with pytest.raises(UserError, match=r"a\.bboxes\.tsv: missing"):
        read_annotation(tmp_path / "a.jpg", 100, 50)


@pytest.mark.parametrize("rois", [[], [[1, 2, 3, 4]], [[1, 2, 3, 4], [0, 0, 9, 9]]])
def test_rois_round_trip_also_for_none_and_one(tmp_path, rois):
    path = tmp_path / "rois" / "a.roi.txt"
    write_rois(path, rois)
    assert path.read_text() == "".join(f"{a} {b} {c} {d}\n" for a, b, c, d in rois)
    assert read_rois(path).tolist() == rois
    assert read_rois(path).shape == (len(rois), 4)
