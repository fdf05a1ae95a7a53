"""benchmarks/bench_steps.py: the data sets that it measures on."""

import os

import numpy as np
import pytest

from benchmarks.bench_steps import copy_set, measured
from helpers.annotations import boxes_path, labels_path, read_labels, write_annotation
from helpers.errors import UserError
from helpers.images import find_images, write_image

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs symbolic links and wait4")


@pytest.fixture
def small_set(tmp_path):
    """Return a data set of 3 + 1 + 2 pictures, two objects in each that shows any."""
    for folder, number in (("positive", 3), ("negative", 1), ("testImages", 2)):
        for i in range(number):
            picture = tmp_path / "small" / folder / f"{folder}{i}.png"
            write_image(picture, np.full((20, 30, 3), i, np.uint8))
            if folder != "negative":
                write_annotation(picture, [[1, 1, 9, 9], [10, 10, 19, 19]], ["disc", "square"])
    return tmp_path / "small"


@pytest.mark.parametrize("classes", [None, 3])
def test_a_set_of_thirty(small_set, tmp_path, classes):
    copied = tmp_path / "copied"
    copy_set(small_set, copied, pictures=30, classes=classes)
    numbers = {folder: len(find_images(copied / folder)) for folder in ("positive", "negative", "testImages")}
    assert numbers == {"positive": 21, "negative": 3, "testImages": 6}
    pictures = find_images(copied / "positive")
    assert pictures[3].read_bytes() == pictures[0].read_bytes() != pictures[1].read_bytes()
    assert boxes_path(pictures[3]).read_text() == boxes_path(small_set / "positive" / "positive0.png").read_text()
    labels = [read_labels(labels_path(picture)) for picture in pictures[:2]]
    expected = [["disc", "square"]] * 2 if classes is None else [["class00", "class01"], ["class02", "class00"]]
    assert [list(each) for each in labels] == expected


def test_what_a_program_said_is_passed_on(tmp_path):
    program = tmp_path / "fails.py"
    program.write_text("import sys; sys.exit('no such thing')")
    with pytest.raises(UserError, match="no such thing"):
        measured([program])
    program.write_text("sum(range(10**6))")
    cost = measured([program])
    assert cost.wall > 0 < cost.processor
    assert cost.mebibytes > 1
