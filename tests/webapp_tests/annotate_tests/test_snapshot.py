from pathlib import Path

import pytest

from helpers.annotations import boxes_path, labels_path, read_annotation
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.images import write_image
from tests.conftest import draw_tiny_picture
from webapp.annotate.catalogue import Catalogue
from webapp.annotate.snapshot import plan_training, write_snapshot
from webapp.annotate.storage import Store


@pytest.fixture
def catalogue(tiny_root: Path) -> Catalogue:
    return Catalogue(Store(Artifacts(tiny_root, "tiny")))


def names(entries) -> list[str]:
    return [entry.id for entry in entries]


def test_only_what_is_annotated_and_labelled_is_trained_on(catalogue, tiny_root) -> None:
    data = tiny_root / "data" / "tiny"
    boxes_path(data / "positive" / "0.png").unlink()
    labels_path(data / "positive" / "0.png").unlink()
    labels_path(data / "positive" / "1.png").unlink()  # boxes without classes
    labels_path(data / "positive" / "2.png").write_text("disc\nUNDECIDED\n")
    for kind in (boxes_path, labels_path):
        kind(data / "positive" / "3.png").write_text("")
    write_image(data / "new.png", draw_tiny_picture(9)[0])
    boxes_path(data / "new.png").write_text("1\t2\t30\t40\n")
    labels_path(data / "new.png").write_text("disc\n")
    plan = plan_training(catalogue.entries(), 0)
    assert names(plan.train) == ["new.png", "positive/2.png"]
    assert names(plan.negative) == ["positive/3.png", "negative/4.png"]
    assert names(plan.test) == ["testImages/5.png", "testImages/6.png"]
    assert (plan.held_out, plan.classes) == (False, ["disc", "square"])


def test_pictures_with_a_fault_are_left_out(catalogue, tiny_root) -> None:
    boxes_path(tiny_root / "data" / "tiny" / "positive" / "0.png").write_text("1\t2\t300\t40\n5\t5\t9\t9\n")
    measured = [catalogue.measure(entry) for entry in catalogue.entries()]
    assert names(plan_training(measured, 0).train) == ["positive/1.png", "positive/2.png", "positive/3.png"]


def test_without_test_pictures_some_are_held_out(catalogue, tiny_root) -> None:
    for path in (tiny_root / "data" / "tiny" / "testImages").iterdir():
        path.unlink()
    plan = plan_training(catalogue.entries(), 0)
    assert plan.held_out
    assert (len(plan.train), len(plan.test)) == (3, 1)
    assert not {*names(plan.train)} & {*names(plan.test)}
    assert plan == plan_training(catalogue.entries(), 0)


def test_too_few_pictures_are_said(catalogue, tiny_root) -> None:
    for path in (tiny_root / "data" / "tiny").rglob("*.labels.tsv"):
        path.unlink()
    with pytest.raises(UserError, match=r"0 picture\(s\) with named boxes"):
        plan_training(catalogue.entries(), 0)


def test_smaller_shares_are_parts_of_larger_ones(catalogue) -> None:
    plan = plan_training(catalogue.entries(), 0)
    half, quarter = plan.reduced(0.5, 0), plan.reduced(0.01, 0)
    assert (len(half.train), len(quarter.train)) == (2, 1)
    assert {*names(quarter.train)} < {*names(half.train)} < {*names(plan.train)}
    assert half.test == plan.test


def test_the_snapshot_is_a_data_set_and_replaces_the_one_before(catalogue, tiny_root, tmp_path) -> None:
    place = Artifacts(tmp_path / "snapshot", "tiny")
    plan = plan_training(catalogue.entries(), 0)
    write_snapshot(plan, place)
    write_snapshot(plan.reduced(0.5, 0), place)
    place.check_exists()
    counts = {
        folder: len(list((place.data / folder).glob("*.png"))) for folder in ("positive", "negative", "testImages")
    }
    assert counts == {"positive": 2, "negative": 1, "testImages": 2}
    assert read_annotation(place.data / "testImages" / "5.png", 120, 90).labels == ("disc", "square")
    source = tiny_root / "data" / "tiny" / "testImages" / "5.png"
    assert (place.data / "testImages" / "5.png").read_bytes() == source.read_bytes()


def test_pictures_of_one_name_from_different_folders(catalogue, tiny_root, tmp_path) -> None:
    data = tiny_root / "data" / "tiny"
    for path in (data / "positive").glob("0.*"):
        (data / path.name).write_bytes(path.read_bytes())
    place = Artifacts(tmp_path / "snapshot", "tiny")
    write_snapshot(plan_training(catalogue.entries(), 0), place)
    assert sorted(path.name for path in (place.data / "positive").glob("*.png")) == [
        "0.png",
        "1.png",
        "2.png",
        "3.png",
        "positive_0.png",
    ]
