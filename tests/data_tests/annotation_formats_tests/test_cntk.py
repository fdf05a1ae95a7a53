"""The CNTK Examples' lists: class_map.txt, image and ROI files."""

import pytest

from helpers.errors import UserError
from tests.data_tests.annotation_formats_tests.conftest import Folder


def cntk(folder: Folder, rois: str) -> Folder:
    folder.add("class_map.txt", "__background__\t0\ncat\t1\nhot dog\t2").add(
        "train_img_file.txt", "0\tx/a.jpg\t0\n1\tx/b.jpg\t0\n"
    )
    return folder.add("train_roi_file.txt", rois)


def test_cntk_examples(folder: Folder) -> None:
    cntk(folder, "1 |roiAndLabel 5.0 6.0 7.0 8.0 2\n0 |roiAndLabel 1 2 3 4 1 5 6 7 8 2 0 0 0 0 0\n")
    assert folder.boxes() == [(1, 2, 4, 5, "cat"), (5, 6, 8, 9, "hot dog"), (5, 6, 8, 9, "hot dog")]


def test_cntk_faults(folder: Folder) -> None:
    cntk(folder, "0 |roiAndLabel 1 2 3 4 9\n1 |roiAndLabel 1 2 3\n")
    assert not folder.read()
    assert folder.faults[0].endswith("train_roi_file.txt:1: class 9 is not in class_map.txt")
    assert "train_roi_file.txt:2: expected" in folder.faults[1]
    (folder.root / "train_roi_file.txt").unlink()
    with pytest.raises(UserError, match=r"train_roi_file\.txt: missing"):
        folder.read()
