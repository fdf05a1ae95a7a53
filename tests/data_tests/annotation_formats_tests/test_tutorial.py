"""The tutorial's layout: reading what Windows and other programs made of it."""

from tests.data_tests.annotation_formats_tests.conftest import Folder


def test_inclusive_pixels(folder: Folder) -> None:
    folder.add("positive/a.bboxes.tsv", "1\t2\t3\t4\n").add("positive/a.bboxes.labels.tsv", "cat\n")
    assert folder.boxes() == [(1, 2, 4, 5, "cat")]


def test_line_ends_written_twice(folder: Folder) -> None:
    folder.add("a.bboxes.tsv", "1\t2\t3\t4\r\r\n5\t6\t7\t8\r\r\n").add("a.bboxes.labels.tsv", "\ufeff0\r\r\n1\r\r\n")
    assert folder.boxes() == [(1, 2, 4, 5, "0"), (5, 6, 8, 9, "1")]


def test_one_file_means_its_folder(folder: Folder) -> None:
    for stem in "ab":
        folder.add(f"{stem}.bboxes.tsv", "1\t2\t3\t4").add(f"{stem}.bboxes.labels.tsv", stem)
    assert [box[4] for box in folder.boxes(only="a.bboxes.tsv")] == ["a", "b"]


def test_faults_name_file_and_line(folder: Folder) -> None:
    folder.add("a.bboxes.tsv", "1\t2\t3\t4\n5\t6\t7\n").add("a.bboxes.labels.tsv", "x\ny\n")
    folder.add("b.bboxes.tsv", "1\t2\t3\t4\n").add("b.bboxes.labels.tsv", "x\ny\n").add("c.bboxes.tsv", "1\t2\t3\t4\n")
    folder.read()
    text = "\n".join(folder.faults)
    assert "a.bboxes.tsv:2: expected 4 numbers, found 3 column(s): '5\\t6\\t7'" in text
    assert "b.bboxes.tsv: 1 box(es), but 2 label(s) in b.bboxes.labels.tsv" in text
    assert "c.bboxes.tsv: 1 box(es), but c.bboxes.labels.tsv is missing" in text
