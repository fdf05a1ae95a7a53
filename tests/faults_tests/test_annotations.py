"""Faults in annotation files: rows 1 to 8 and 12 of the list of bad inputs."""

import numpy as np
import pytest

from helpers.images import write_image
from tests.faults_tests.conftest import Scripts

BOXES = "23\t29\t49\t55\n80\t20\t104\t44\n"
LABELS = "disc\nsquare"


@pytest.mark.parametrize(
    ("boxes", "labels"),
    [("23\t29\t49\t55\n", "disc"), ("", ""), (BOXES.rstrip(), LABELS), (BOXES, LABELS + "\n\n")],
    ids=["one box", "no box", "no last newline", "empty lines at the end"],
)
def test_row_01_one_box_none_and_a_missing_last_newline(scripts: Scripts, boxes: str, labels: str) -> None:
    scripts.annotate(boxes, labels)
    scripts.works("1_computeRois.py", "2_cntkGenerateInputs.py")


def test_row_02_counts_of_boxes_and_labels_differ(scripts: Scripts) -> None:
    scripts.annotate(BOXES, "disc")
    scripts.fails("1_computeRois.py", "0.bboxes.tsv", "2 box(es)", "0.bboxes.labels.tsv", "1 label(s)")
    assert not (scripts.proc / "rois").exists()


@pytest.mark.parametrize("line", ["-9\t29\t49\t55", "23\t29\t70000\t55", "65535\t29\t4464\t55"])
def test_row_03_coordinates_that_would_wrap_around(scripts: Scripts, line: str) -> None:
    scripts.annotate(f"{line}\n80\t20\t104\t44\n", LABELS)
    scripts.fails("1_computeRois.py", "0.bboxes.tsv:1", " ".join(line.split()[:2]), "120x90")


@pytest.mark.parametrize("line", ["49\t29\t23\t55", "23\t55\t49\t29"])
def test_row_04_a_box_without_area(scripts: Scripts, line: str) -> None:
    scripts.annotate(f"23\t29\t49\t55\n{line}\n", LABELS)
    scripts.fails("1_computeRois.py", "0.bboxes.tsv:2", "square")


def test_row_05_a_picture_of_another_size(scripts: Scripts) -> None:
    write_image(scripts.picture, np.full((45, 60, 3), 80, np.uint8))
    scripts.annotate(BOXES, LABELS)
    scripts.fails("1_computeRois.py", "0.bboxes.tsv:2", "80 20 104 44", "60x45", "another size")


def test_row_06_columns_in_the_order_of_vott_2(scripts: Scripts) -> None:
    """x1 x2 y1 y2 in every file: recognised over the whole set, never guessed from one box."""
    for picture in sorted(scripts.data.rglob("*.png")):
        path = picture.with_name(f"{picture.stem}.bboxes.tsv")
        if path.is_file():
            rows = [line.split("\t") for line in path.read_text().splitlines()]
            path.write_text("".join(f"{x1}\t{x2}\t{y1}\t{y2}\n" for x1, y1, x2, y2 in rows))
    scripts.fails("1_computeRois.py", "x1 x2 y1 y2", "VoTT 2")


@pytest.mark.parametrize(
    ("boxes", "line"),
    [
        ("23\t29\t49\tnan\n80\t20\t104\t44\n", 1),
        ("23\t29\t49\t55\nleft\t20\t104\t44\n", 2),
        ("23\t29\t49\n80\t20\t104\t44\n", 1),
        ("xmin\tymin\txmax\tymax\n23\t29\t49\t55\n", 1),
        ("23\t29\t49\t55\n80,5\t20\t104\t44\n", 2),
    ],
    ids=["NaN", "text", "missing column", "header", "decimal comma"],
)
def test_row_07_lines_that_are_no_box(scripts: Scripts, boxes: str, line: int) -> None:
    scripts.annotate(boxes, LABELS)
    scripts.fails("1_computeRois.py", f"0.bboxes.tsv:{line}", "x1<tab>y1<tab>x2<tab>y2")


@pytest.mark.parametrize(
    ("boxes", "labels"),
    [
        ("\ufeff" + BOXES, "\ufeff" + LABELS),
        (BOXES.replace("\n", "\r\n"), LABELS.replace("\n", "\r\n")),
        (BOXES.replace("\n", "\t\n"), LABELS),
        (BOXES.replace("23", "22.6").replace("80", "80.4"), LABELS),
    ],
    ids=["byte-order mark", "CRLF", "trailing tab", "decimals"],
)
def test_row_07_harmless_forms_are_read(scripts: Scripts, boxes: str, labels: str) -> None:
    scripts.annotate(boxes, labels)
    scripts.works("1_computeRois.py", "2_cntkGenerateInputs.py")


def test_row_08_unknown_labels_with_counts_and_the_nearest_name(scripts: Scripts) -> None:
    scripts.annotate(BOXES, "Disc\nsquares")
    classes = "--set classes=['disc','square']"
    scripts.fails(f"1_computeRois.py {classes}", "'Disc'", "'squares'", "1 box(es)", "'disc'", "'square'",
                  "0.bboxes.labels.tsv:2", "add it to `classes`", "another label")  # fmt: skip
    scripts.annotate(BOXES, " disc \nsquare\t")
    scripts.works(f"1_computeRois.py {classes}")


def test_row_08_exclude_and_undecided_count_neither_way(scripts: Scripts) -> None:
    for picture in sorted((scripts.data / "testImages").glob("*.png")):
        scripts.annotate(BOXES, "EXCLUDE\nUNDECIDED", picture)
    scripts.works("1_computeRois.py")
    table = scripts.works("2_cntkGenerateInputs.py")
    assert [line.split()[3] for line in table.splitlines() if line.startswith(("disc", "square"))] == ["0", "0"]


def test_row_12_pictures_without_objects(scripts: Scripts) -> None:
    scripts.annotate("", "")
    scripts.works("1_computeRois.py", "2_cntkGenerateInputs.py")
    scripts.picture.with_name("0.bboxes.labels.tsv").unlink()
    scripts.fails("1_computeRois.py", "0.bboxes.labels.tsv", "missing", "negative/")


def test_row_08_a_tab_inside_a_label(scripts: Scripts) -> None:
    scripts.annotate(BOXES, "di\tsc\nsquare")
    scripts.fails("1_computeRois.py", "'di\\tsc'", "tab")
