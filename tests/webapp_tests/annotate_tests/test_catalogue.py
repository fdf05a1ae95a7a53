from pathlib import Path

import pytest

from helpers.annotations import boxes_path, labels_path
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.images import write_image
from tests.conftest import draw_tiny_picture
from webapp.annotate.catalogue import Catalogue
from webapp.annotate.storage import Store


@pytest.fixture
def catalogue(tiny_root: Path) -> Catalogue:
    """data/tiny: positive/0..3, negative/4, testImages/5, 6, and a new picture."""
    write_image(tiny_root / "data" / "tiny" / "new.png", draw_tiny_picture(9)[0])
    return Catalogue(Store(Artifacts(tiny_root, "tiny")))


def test_new_pictures_come_first_then_folder_by_folder(catalogue) -> None:
    assert [entry.id for entry in catalogue.entries()] == [
        "new.png", "positive/0.png", "positive/1.png", "positive/2.png", "positive/3.png",
        "negative/4.png", "testImages/5.png", "testImages/6.png",
    ]  # fmt: skip


def test_state_of_each_picture(catalogue, tiny_root) -> None:
    folder = tiny_root / "data" / "tiny" / "positive"
    labels_path(folder / "1.png").write_text("disc\nUNDECIDED\n")
    labels_path(folder / "2.png").unlink()
    boxes_path(folder / "3.png").write_text("1\t2\t300\t40\n1\t2\t3\t4\n")
    found = {entry.id: catalogue.measure(entry).summary() for entry in catalogue.entries()}
    assert [found[f"positive/{n}.png"]["unlabelled"] for n in range(4)] == [0, 1, 2, 0]
    assert [summary["annotated"] for summary in found.values()] == [False, True, True, True, True, True, True, True]
    assert [bool(summary["fault"]) for summary in found.values()] == [
        False,
        False,
        False,
        False,
        True,
        False,
        False,
        False,
    ]
    assert "beyond the picture of 120x90" in found["positive/3.png"]["fault"]
    assert found["positive/0.png"]["count"] == 2


def test_faults_that_need_the_size_appear_when_it_is_known(catalogue, tiny_root) -> None:
    boxes_path(tiny_root / "data" / "tiny" / "positive" / "3.png").write_text("1\t2\t300\t40\n1\t2\t3\t4\n")
    assert not any(entry.fault for entry in catalogue.entries())
    catalogue.measure_all(lambda: False)
    assert not any(entry.size for entry in catalogue.entries())
    catalogue.measure_all()
    assert [entry.id for entry in catalogue.entries() if entry.fault] == ["positive/3.png"]
    assert all(entry.size == (120, 90) for entry in catalogue.entries())


def test_boxes_in_negative_twins_and_damaged_pictures_are_faults(catalogue, tiny_root) -> None:
    data = tiny_root / "data" / "tiny"
    boxes_path(data / "negative" / "4.png").write_text("1\t2\t3\t4\n")
    boxes_path(data / "positive" / "0.png").write_text("1\t2\t3\t4\n1\t2\t3\t4\n")
    (data / "positive" / "1.png").write_bytes((data / "positive" / "1.png").read_bytes()[:200])
    faults = {entry.id: catalogue.measure(entry).fault for entry in catalogue.entries()}
    assert "move it to positive/" in faults["negative/4.png"]
    assert "box 2 is the same as box 1" in faults["positive/0.png"]
    assert "cut off" in faults["positive/1.png"]


@pytest.mark.parametrize("name", [
    "", "../secret.png", "positive/../0.png", "/etc/passwd", "positive", "positive/", "other/0.png",
    "positive\\0.png", "positive/0.bboxes.tsv", "positive/nothing.png",
])  # fmt: skip
def test_only_pictures_of_the_data_set_are_found(catalogue, name) -> None:
    with pytest.raises(UserError, match="no such picture"):
        catalogue.find(name)


@pytest.mark.parametrize("name", ["../outside.png", "positive/../../outside.png", "other/inside.png", "./0.png"])
def test_pictures_elsewhere_are_not_found(catalogue, tiny_root, name) -> None:
    for place in (tiny_root / "data" / "outside.png", tiny_root / "data" / "tiny" / "other" / "inside.png"):
        write_image(place, draw_tiny_picture(0)[0])
    with pytest.raises(UserError, match="no such picture"):
        catalogue.find(name)


def test_changed_files_are_read_again(catalogue, tiny_root) -> None:
    assert catalogue.find("positive/0.png").stored.labels == ("disc", "square")
    labels_path(tiny_root / "data" / "tiny" / "positive" / "0.png").write_text("disc\ndisc\n")
    assert catalogue.find("positive/0.png").stored.labels == ("disc", "disc")
    assert catalogue.labels() == ["disc", "square"]
