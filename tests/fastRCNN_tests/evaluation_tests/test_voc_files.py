"""The devkit's detection files: exact lines, reading back, and lines that are none."""

from pathlib import Path

import pytest

from fastRCNN.evaluation.kept_detections import KeptDetections
from fastRCNN.evaluation.voc_files import detection_file, read_detection_file, write_detection_files
from helpers.errors import UserError

CLASSES = ("__background__", "car", "cat/dog")


@pytest.fixture
def written(tmp_path: Path) -> list[Path]:
    kept = KeptDetections()
    kept.add(0, [[0, 9, 19, 29.5], [4, 4, 5, 5]], [0.98765, -1.25], [1, 1])
    kept.add(1, [[1, 1, 2, 2]], [0.5], [1])  # of another set
    kept.add(2, [[7, 8, 9, 10]], [0.0004], [1])
    return write_detection_files(tmp_path / "Main", "test", kept, {0: "000001", 2: "a b"}, CLASSES)


def test_lines(written: list[Path]) -> None:
    """Counted from 1, nine digits of the score, which keep the ranking, one of the coordinates."""
    assert [path.name for path in written] == ["comp4_det_test_car.txt", "comp4_det_test_cat_dog.txt"]
    assert written[0].read_bytes() == (
        b"000001 0.987649977 1.0 10.0 20.0 30.5\n000001 -1.250000000 5.0 5.0 6.0 6.0\n"
        b"a b 0.000400000 8.0 9.0 10.0 11.0\n"
    )
    assert written[1].read_bytes() == b""


def test_reading_back(written: list[Path]) -> None:
    found = read_detection_file(written[0])
    assert found.names == ["000001", "000001", "a b"] and found.scores.tolist() == [0.987649977, -1.25, 0.0004]
    assert found.boxes.tolist() == [[0, 9, 19, 29.5], [4, 4, 5, 5], [7, 8, 9, 10]]
    assert len(read_detection_file(written[1]).names) == 0


def test_lines_that_are_none(tmp_path: Path) -> None:
    path = detection_file(tmp_path, "test", "car")
    path.write_text("a 0.5 1 2 3 4\n\nb 0.5 1 2 3\nc x 1 2 3 4\nd nan 1 2 3 4\n")
    with pytest.raises(UserError, match=r"(?s)3 fault.*:3: expected name, score.*:4: .*:5: "):
        read_detection_file(path)
    with pytest.raises(UserError, match=r"comp4_det_val_car\.txt: cannot be read"):
        read_detection_file(detection_file(tmp_path, "val", "car"))
