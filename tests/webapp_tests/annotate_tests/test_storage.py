import json
import multiprocessing
import os
import random
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from helpers.annotations import boxes_path, labels_path
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.images import write_image
from webapp.annotate import storage
from webapp.annotate.storage import Conflict, Store

SIZE = (120, 90)
OLD = ([[1, 2, 30, 40], [5, 5, 9, 9]], ["cat", "dog"])
NEW = ([[3, 3, 50, 60]], ["Katze, groß"])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "data" / "my" / "positive").mkdir(parents=True)
    return Store(Artifacts(tmp_path, "my"))


@pytest.fixture
def picture(store: Store) -> Path:
    path = store.artifacts.data / "positive" / "a.b.jpg"
    write_image(path, np.zeros((90, 120, 3), np.uint8))
    return path


def save(store: Store, picture: Path, content, version: str | None = None):
    boxes, labels = content
    base = store.read(picture).version if version is None else version
    return store.save(picture, boxes, labels, base_version=base, size=SIZE)


def backup(file: Path) -> Path:
    return file.with_name(file.name.replace(".tsv", ".backup.tsv"))


def test_a_save_is_read_back_and_the_version_before_is_kept(store, picture) -> None:
    assert not store.read(picture).annotated
    first = save(store, picture, OLD)
    assert boxes_path(picture).read_bytes() == b"1\t2\t30\t40\n5\t5\t9\t9\n"
    assert labels_path(picture).read_bytes() == b"cat\ndog\n"
    assert not backup(boxes_path(picture)).exists()
    second = save(store, picture, NEW)
    assert (second.boxes, second.labels, second.annotated) == (((3, 3, 50, 60),), ("Katze, groß",), True)
    assert second.version != first.version
    assert store.read(picture) == second
    assert backup(boxes_path(picture)).read_bytes() == b"1\t2\t30\t40\n5\t5\t9\t9\n"
    assert backup(labels_path(picture)).read_bytes() == b"cat\ndog\n"
    assert sorted(p.name for p in picture.parent.iterdir()) == [
        "a.b.bboxes.backup.tsv", "a.b.bboxes.labels.backup.tsv", "a.b.bboxes.labels.tsv", "a.b.bboxes.tsv", "a.b.jpg",
    ]  # fmt: skip


def test_saving_the_same_again_keeps_the_backup(store, picture) -> None:
    save(store, picture, OLD)
    save(store, picture, NEW)
    save(store, picture, NEW)
    assert backup(labels_path(picture)).read_text() == "cat\ndog\n"


def test_another_version_on_the_disk_is_a_conflict_that_changes_nothing(store, picture) -> None:
    start = store.read(picture).version
    theirs = save(store, picture, OLD)
    with pytest.raises(Conflict) as raised:
        save(store, picture, NEW, start)
    assert raised.value.current == theirs
    assert store.read(picture) == theirs


def test_what_lies_there_already_is_no_conflict(store, picture) -> None:
    start = store.read(picture).version
    assert save(store, picture, OLD) == save(store, picture, OLD, start)


def test_a_change_by_another_program_is_a_conflict(store, picture) -> None:
    base = save(store, picture, OLD).version
    labels_path(picture).write_text("cat\ncow\n")
    with pytest.raises(Conflict) as raised:
        save(store, picture, NEW, base)
    assert raised.value.current.labels == ("cat", "cow")


def test_no_objects_are_two_empty_files(store, picture) -> None:
    stored = save(store, picture, ([], []))
    assert stored.annotated
    assert boxes_path(picture).read_bytes() == labels_path(picture).read_bytes() == b""


def test_one_pixel_is_a_box_and_one_beyond_the_picture_is_cut(store, picture) -> None:
    """As the steps read them."""
    stored = save(store, picture, ([[5, 5, 5, 5], [-1, -1, 120, 90]], ["a", "b"]))
    assert stored.boxes == ((5, 5, 5, 5), (0, 0, 119, 89))


def test_boxes_without_any_class_have_no_labels_file(store, picture) -> None:
    stored = save(store, picture, ([[1, 1, 5, 5], [2, 2, 8, 8]], ["", ""]))
    assert not labels_path(picture).exists()
    assert stored.labels == ("", "")
    assert stored.fault == ""


def test_a_box_without_class_beside_others_becomes_undecided(store, picture) -> None:
    stored = save(store, picture, ([[1, 1, 5, 5], [2, 2, 8, 8]], ["", "cat"]))
    assert stored.labels == ("UNDECIDED", "cat")


def test_every_fault_is_named_and_nothing_written(store, picture) -> None:
    boxes = [[5, 5, 4, 9], [-2, 0, 5, 5], [0, 0, 121, 5], [0, 0, 119, 89], [9, 9, 7, 20]]
    labels = ["a", "b\tc", " d", "__background__", "e"]
    with pytest.raises(UserError) as raised:
        save(store, picture, (boxes, labels))
    message = str(raised.value)
    for part in (
        "box 1 is empty",
        "box 2 reaches beyond",
        "box 3 reaches",
        "120x90",
        "box 5 is empty",
        "'b\\tc'",
        "' d'",
        "__background__",
    ):
        assert part in message
    assert "box 4 is" not in message and "box 4 reaches" not in message
    assert not boxes_path(picture).exists()
    with pytest.raises(UserError, match=r"2 box\(es\), but 1 label"):
        save(store, picture, ([[1, 1, 5, 5], [2, 2, 8, 8]], ["a"]))


@pytest.mark.parametrize(("boxes", "labels", "fault"), [
    ("1\t2\t30\n", "cat\n", "expected 4 numbers"), ("1\t2\t3\t4\n", "cat\ndog\n", "1 box(es), but 2 label(s)"),
    ("1\t2\t3\t4\n5\t6\t7\t8\n", "\ndog\n", "label is empty"), (None, "cat\n", "without a.b.bboxes.tsv"),
])  # fmt: skip
def test_faulty_files_are_shown_and_never_lost(store, picture, boxes, labels, fault) -> None:
    for path, text in ((boxes_path(picture), boxes), (labels_path(picture), labels)):
        if text is not None:
            path.write_text(text)
    assert fault in store.read(picture).fault
    for content in (OLD, NEW, OLD):
        assert save(store, picture, content).fault == ""
    kept = {path.name: path.read_text() for path in picture.parent.glob("*.faulty.tsv")}
    expected = {"a.b.bboxes.faulty.tsv": boxes, "a.b.bboxes.labels.faulty.tsv": labels}
    assert kept == {name: text for name, text in expected.items() if text is not None}


def test_a_second_faulty_file_does_not_replace_the_first(store, picture) -> None:
    for text in ("first", "second"):
        boxes_path(picture).write_text(text)
        save(store, picture, OLD)
    kept = sorted(path.read_text() for path in picture.parent.glob("*.bboxes.faulty*.tsv"))
    assert kept == ["first", "second"]


@pytest.mark.parametrize("step", ["labels gone", "boxes written", "all written"])
def test_a_killed_save_is_carried_to_its_end(store, picture, step) -> None:
    save(store, picture, OLD)
    journal = picture.with_name(".a.b.bboxes.saving")
    journal.write_text(json.dumps({"stem": "a.b", "boxes": "3\t3\t50\t60\n", "labels": "cow\n"}))
    labels_path(picture).unlink()
    if step != "labels gone":
        boxes_path(picture).write_text("3\t3\t50\t60\n")
    if step == "all written":
        labels_path(picture).write_text("cow\n")
    Store(store.artifacts).recover()
    assert (store.read(picture).boxes, store.read(picture).labels) == (((3, 3, 50, 60),), ("cow",))
    assert not journal.exists()


def test_a_journal_is_noticed_while_reading(store, picture) -> None:
    picture.with_name(".a.b.bboxes.saving").write_text(
        json.dumps({"stem": "a.b", "boxes": "3\t3\t50\t60\n", "labels": None})
    )
    assert store.read(picture).boxes == ((3, 3, 50, 60),)


def test_an_annotation_can_be_taken_away_and_stays_as_backup(store, picture) -> None:
    version = save(store, picture, OLD).version
    with pytest.raises(Conflict):
        store.discard(picture, base_version="other")
    assert not store.discard(picture, base_version=version).annotated
    assert not boxes_path(picture).exists() and not labels_path(picture).exists()
    assert backup(labels_path(picture)).read_text() == "cat\ndog\n"


def test_old_orphans_are_removed_and_young_ones_left(store, picture) -> None:
    old, young = picture.with_name(".tmp-old.tsv"), picture.with_name(".tmp-young.tsv")
    for path in (old, young):
        path.write_text("x")
    os.utime(old, (time.time() - 3600,) * 2)
    store.recover()
    assert (old.exists(), young.exists()) == (False, True)


def _save_for_ever(root: Path, picture: Path) -> None:
    store = Store(Artifacts(root, "my"))
    for turn in range(1_000_000):
        save(store, picture, (OLD, NEW)[turn % 2])


def test_kill_9_at_any_moment_leaves_a_whole_pair(store, picture) -> None:
    """Ten processes that save without pause, each killed at a moment drawn by chance."""
    rng = random.Random(0)
    wanted = {tuple(map(tuple, boxes)): tuple(labels) for boxes, labels in (OLD, NEW)}
    context = multiprocessing.get_context("fork" if os.name != "nt" else "spawn")
    save(store, picture, OLD)
    for _ in range(10):
        process = context.Process(target=_save_for_ever, args=(store.artifacts.root, picture))
        process.start()
        time.sleep(0.05 + 0.1 * rng.random())
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        boxes = storage._text(boxes_path(picture))
        if labels_path(picture).exists():  # a step that reads now sees a pair, not boxes with labels of others
            assert (boxes, labels_path(picture).read_text()) in {
                ("".join("\t".join(map(str, box)) + "\n" for box in b), "".join(f"{x}\n" for x in names))
                for b, names in (OLD, NEW)
            }
        found = store.read(picture)
        assert found.fault == ""
        assert wanted[found.boxes] == found.labels
    assert save(store, picture, ([], [])).boxes == ()


def test_of_many_savers_at_once_one_wins_each_version(store, picture) -> None:
    base = store.read(picture).version
    outcomes = []

    def attempt(number: int) -> None:
        try:
            save(Store(store.artifacts), picture, ([[0, 0, 10 + number, 10]], [f"n{number}"]), base)
            outcomes.append(number)
        except Conflict as conflict:
            assert conflict.current.labels

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1
    assert store.read(picture).labels == (f"n{outcomes[0]}",)


def test_a_full_disk_leaves_the_old_version(store, picture, monkeypatch) -> None:
    before = save(store, picture, OLD)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("helpers.artifacts.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save(store, picture, NEW)
    monkeypatch.undo()
    assert store.read(picture) == before
