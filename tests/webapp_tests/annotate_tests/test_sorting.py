import os
import random
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from fastRCNN.checking.near_copies import difference_hash
from helpers.annotations import boxes_path, labels_path, write_annotation
from helpers.errors import UserError
from helpers.images import write_image
from webapp.annotate.sorting import move_picture, plan_split, together


def photo(seed: int) -> np.ndarray:
    """Blurred noise: smooth, and unlike every other seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return cv2.resize(noise, (160, 120), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    write_image(path, photo(0))
    write_annotation(path, [[1, 2, 30, 40]], ["cat"])
    (tmp_path / "a.bboxes.backup.tsv").write_text("1\t1\t2\t2\n")
    (tmp_path / "ab.bboxes.tsv").write_text("not of this picture\n")
    return path


def test_a_picture_moves_with_everything_of_its_annotation(picture, tmp_path) -> None:
    moved = move_picture(picture, tmp_path / "positive")
    assert moved == tmp_path / "positive" / "a.jpg"
    assert sorted(p.name for p in moved.parent.iterdir()) == [
        "a.bboxes.backup.tsv", "a.bboxes.labels.tsv", "a.bboxes.tsv", "a.jpg",
    ]  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ab.bboxes.tsv", "positive"]
    assert boxes_path(moved).read_text() == "1\t2\t30\t40\n"
    assert move_picture(moved, moved.parent) == moved


def test_a_place_that_is_taken_is_left_alone(picture, tmp_path) -> None:
    other = tmp_path / "positive" / "a.png"
    write_image(other, photo(1))
    with pytest.raises(UserError, match=r"a\.png: there already"):
        move_picture(picture, other.parent)
    other.unlink()
    labels_path(other).write_text("dog\n")
    with pytest.raises(UserError, match="there already, without a picture"):
        move_picture(picture, other.parent)
    assert picture.exists()
    assert labels_path(picture).read_text() == "cat\n"
    assert labels_path(other).read_text() == "dog\n"


def _move_for_ever(picture: Path, folders: list[Path]) -> None:
    while True:
        for folder in folders:
            picture = move_picture(picture, folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is for systems that have it")
def test_kill_9_while_moving_never_parts_a_picture_from_its_boxes(picture, tmp_path) -> None:
    rng = random.Random(0)
    folders = [tmp_path / "positive", tmp_path / "testImages"]
    for _ in range(8):
        child = os.fork()
        if child == 0:
            try:
                _move_for_ever(picture, folders)
            finally:
                os._exit(1)
        time.sleep(0.02 + 0.05 * rng.random())
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found = [path for folder in (tmp_path, *folders) for path in folder.glob("a.jpg")]
        assert len(found) == 1
        picture = found[0]
        assert boxes_path(picture).read_text() == "1\t2\t30\t40\n"
        assert labels_path(picture).read_text() == "cat\n"


def test_near_copies_are_found_and_others_are_not() -> None:
    noise = np.random.default_rng(5).normal(0, 6, photo(0).shape)
    shots = {
        "first": photo(0),
        "again": np.clip(photo(0) + noise, 0, 255).astype(np.uint8),
        "smaller": cv2.resize(photo(0), (80, 60), interpolation=cv2.INTER_AREA),
        "darker": (photo(0) * 0.6).astype(np.uint8),
        **{f"other {seed}": photo(seed) for seed in range(1, 6)},
    }
    groups = together(list(shots), {name: difference_hash(image) for name, image in shots.items()})
    assert sorted(map(sorted, groups), key=len)[-1] == ["again", "darker", "first", "smaller"]
    assert len(groups) == 6


def test_the_split_is_80_20_seeded_and_keeps_near_copies_together() -> None:
    names = [f"{number:02}.jpg" for number in range(20)]
    prints = {name: difference_hash(photo(number // 2)) for number, name in enumerate(names)}  # pairs of equal pictures
    pictures = [(name, 3) for name in names]
    plan = plan_split([*pictures, ("none.jpg", 0)], prints, share=0.2, seed=0)
    test = sorted(name for name, folder in plan.items() if folder == "testImages")
    assert len(test) == 4
    assert plan["none.jpg"] == "negative"
    assert sum(folder == "positive" for folder in plan.values()) == 16
    assert {int(name[:2]) // 2 for name in test} == {int(test[0][:2]) // 2, int(test[-1][:2]) // 2}
    assert plan == plan_split([*reversed(pictures), ("none.jpg", 0)], prints, share=0.2, seed=0)
    assert any(plan != plan_split([*pictures, ("none.jpg", 0)], prints, share=0.2, seed=seed) for seed in range(1, 6))


def test_a_group_that_does_not_fit_stays_to_train_on() -> None:
    """Three copies and nothing else: one test picture is asked for, but they cannot be parted."""
    prints = {name: difference_hash(photo(0)) for name in "abc"}
    assert set(plan_split([(name, 1) for name in "abc"], prints, share=0.3, seed=0).values()) == {"positive"}


@pytest.mark.parametrize(("count", "share", "test"), [(1, 0.5, 0), (2, 0.5, 1), (3, 0.99, 2), (5, 0.0, 0), (0, 0.2, 0)])
def test_one_picture_to_train_on_always_stays(count, share, test) -> None:
    prints = {str(number): difference_hash(photo(number)) for number in range(count)}
    plan = plan_split([(name, 1) for name in prints], prints, share=share, seed=3)
    assert sum(folder == "testImages" for folder in plan.values()) == test
