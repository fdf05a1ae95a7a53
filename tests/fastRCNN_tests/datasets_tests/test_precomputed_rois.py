"""Selective Search boxes as published for VOC: coordinates, order, and files that do not fit."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from fastRCNN.datasets.precomputed_rois import PrecomputedRois, rois_of_cell
from helpers.errors import UserError
from resources.miniature_sets.voc import draw_devkit, write_list


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_devkit(tmp_path_factory.mktemp("voc"))


@pytest.fixture
def devkit(tmp_path: Path) -> Path:
    """A devkit of lists alone: one year, two pictures."""
    folder = tmp_path / "VOCdevkit" / "VOC2007"
    for name in ("Annotations", "JPEGImages"):
        (folder / name).mkdir(parents=True)
    write_list(folder, "trainval", ["000007", "000005"])
    (tmp_path / "selective_search_data").mkdir()
    return folder.parent


def save(devkit: Path, cells: list, name: str = "voc_2007_trainval.mat") -> Path:
    boxes = np.empty((1, len(cells)), object)
    for number, cell in enumerate(cells):
        boxes[0, number] = np.asarray(cell)
    path = devkit.parent / "selective_search_data" / name
    savemat(path, {"boxes": boxes})
    return path


def test_coordinates_and_order(devkit: Path) -> None:
    file = save(devkit, [np.array([[1, 1, 9, 19]], np.uint16), np.array([[3, 2, 30, 40], [1, 1, 5, 5]], np.uint16)])
    found = PrecomputedRois(devkit)
    assert "VOC2007/000005" in found and "VOC2007/000006" not in found
    assert found.rois("VOC2007/000007", 50, 50).tolist() == [[0, 0, 18, 8]]  # the first of the list
    assert found.rois("VOC2007/000005", 50, 50).tolist() == [[1, 2, 39, 29], [0, 0, 4, 4]]
    assert found.file_of("VOC2007/000005") == file and found.files_of(["x", "VOC2007/000005"]) == [file]


def test_a_year_alone_and_folders_without_boxes(devkit: Path, tmp_path: Path) -> None:
    save(devkit, [[[1, 1, 9, 19]]] * 2)
    assert "VOC2007/000005" in PrecomputedRois(devkit / "VOC2007")
    assert "VOC2007/000005" not in PrecomputedRois(None)
    assert "VOC2007/000005" not in PrecomputedRois(tmp_path / "none")
    save(devkit, [[[1, 1, 9, 19]]], "voc_2007_test.mat")  # its list is not there
    save(devkit, [[[1, 1, 9, 19]]], "voc_2012_trainval.mat")  # its year neither
    assert len(PrecomputedRois(devkit).files_of(["VOC2007/000005", "VOC2007/000007"])) == 1


def test_what_the_drawn_devkit_holds(drawn: Path) -> None:
    """An independent reading: plain loops over the cells."""
    content = loadmat(drawn.parent / "selective_search_data" / "voc_2007_test.mat")
    found = PrecomputedRois(drawn)
    for cell, name in zip(content["boxes"][0], content["images"][:, 0], strict=True):
        expected = []
        for y1, x1, y2, x2 in cell.tolist():
            box = [x1 - 1, y1 - 1, x2 - 1, y2 - 1]
            if box not in expected and x2 - x1 >= 1 and y2 - y1 >= 1:
                expected.append(box)
        assert found.rois(f"VOC2007/{name[0]}", 250, 250).tolist() == expected


def test_small_boxes_and_none() -> None:
    boxes = [[5, 5, 9, 5], [5, 5, 6, 9], [5, 5, 5, 9]]  # y1 x1 y2 x2: one column, two rows, one row
    assert rois_of_cell(boxes, 50, 50).tolist() == [[4, 4, 8, 5]]
    assert rois_of_cell(np.zeros((0, 4)), 50, 50).shape == (0, 4)
    assert rois_of_cell([[0, 0, 51, 51]], 50, 50).tolist() == [[0, 0, 49, 49]]  # one pixel beyond is cut


def test_a_picture_without_boxes_is_a_roi(devkit: Path) -> None:
    save(devkit, [np.zeros((0, 4), np.uint16), [[1, 1, 9, 19]]])
    found = PrecomputedRois(devkit)
    assert found.rois("VOC2007/000005", 50, 40).tolist() == [[0, 0, 18, 8]] and not found.without
    assert found.rois("VOC2007/000007", 50, 40).tolist() == [[0, 0, 49, 39]]
    assert list(found.without) == ["VOC2007/000007"]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([[[1, 1, 9, 19]]], "boxes of 1 pictures, but its list has 2"),
        ([[[1, 1, 9, 99]]] * 2, "VOC2007/000007: boxes outside the picture of 50x50 pixels"),
        ([[[9, 1, 1, 19]]] * 2, "boxes outside the picture"),
        ([[[1, 1, 9]]] * 2, "expected rows of four numbers, y1 x1 y2 x2"),
        ([[[1, 1, 9, np.nan]]] * 2, "expected rows of four numbers"),
    ],
)
def test_files_that_do_not_fit(devkit: Path, cells: list, message: str) -> None:
    save(devkit, cells)
    with pytest.raises(UserError, match=message):
        PrecomputedRois(devkit).rois("VOC2007/000007", 50, 50)


def test_other_files(devkit: Path) -> None:
    path = save(devkit, [[[1, 1, 9, 19]]] * 2)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"voc_2007_trainval\.mat: cannot be read as a MATLAB file"):
        PrecomputedRois(devkit).rois("VOC2007/000007", 50, 50)
    savemat(path, {"boxes": np.zeros((3, 4))})
    with pytest.raises(UserError, match="expected cells named boxes"):
        PrecomputedRois(devkit).rois("VOC2007/000007", 50, 50)
