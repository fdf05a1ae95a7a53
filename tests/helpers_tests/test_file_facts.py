"""Facts about files: remembered while a file stays as it is, found out again when it changes."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from helpers import file_facts
from helpers.file_facts import MISSING, FileFacts, file_digest, text_digest
from helpers.npz import write_npz


@pytest.fixture
def settled(monkeypatch):
    """Files may be remembered as soon as they are written."""
    monkeypatch.setattr(file_facts, "_SETTLED", -1)


class Counting:
    """Finds the length of a file, and counts how often it was asked to."""

    def __init__(self):
        self.calls = 0

    def __call__(self, path):
        self.calls += 1
        return path.stat().st_size


def test_a_fact_is_found_out_once(tmp_path, settled):
    path, find = tmp_path / "a", Counting()
    path.write_text("four")
    facts = FileFacts()
    assert [facts.recall(path, "length", find) for _ in range(3)] == [4, 4, 4]
    assert find.calls == 1
    assert facts.recall(path, "other", lambda path: "x") == "x", "one fact is not the other"
    path.write_text("longer")
    assert facts.recall(path, "length", find) == 6
    assert facts.recall(path, "other", lambda path: "y") == "y", "a changed file has no facts left"


@pytest.mark.skipif(os.name == "nt", reason="st_ctime is the time of creation there")
def test_a_file_that_was_exchanged_for_one_of_the_same_size_and_time(tmp_path, settled):
    path, facts = tmp_path / "a", FileFacts()
    path.write_text("old")
    before, digest = path.stat(), facts.digest(path)
    path.write_text("new")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert facts.digest(path) != digest


def test_what_changed_just_now_is_not_remembered(tmp_path):
    """It may change again within the tick of the file system's clock."""
    path, find, facts = tmp_path / "a", Counting(), FileFacts()
    path.write_text("four")
    facts.recall(path, "length", find)
    facts.recall(path, "length", find)
    assert find.calls == 2


def test_the_store_goes_along_with_its_folder(tmp_path, settled):
    folder, find = tmp_path / "one", Counting()
    folder.mkdir()
    (folder / "a").write_text("four")
    facts = FileFacts(folder / "seen.json", folder)
    facts.recall(folder / "a", "length", find)
    facts.save()
    folder.rename(tmp_path / "two")
    again = FileFacts(tmp_path / "two" / "seen.json", tmp_path / "two")
    assert again.recall(tmp_path / "two" / "a", "length", find) == 4
    assert find.calls == 1
    assert again.name(tmp_path / "two" / "a") == "a"
    assert again.path("a") == tmp_path / "two" / "a"
    elsewhere = tmp_path / "three" / "b"
    assert again.path(again.name(elsewhere)) == elsewhere


def test_nothing_new_is_not_written_and_a_damaged_store_is_none(tmp_path, settled):
    store, path = tmp_path / "seen.json", tmp_path / "a"
    path.write_text("four")
    facts = FileFacts(store, tmp_path)
    facts.save()
    assert not store.exists()
    facts.digest(path)
    facts.save()
    before = store.stat().st_mtime_ns
    facts.save()
    assert store.stat().st_mtime_ns == before
    again = FileFacts(store, tmp_path)
    again.digest(path)
    again.save()
    assert store.stat().st_mtime_ns == before
    for damaged in ("{", "[]", '{"a": 1}', json.dumps({"a": [1, 2]})):
        store.write_text(damaged)
        assert FileFacts(store, tmp_path).recall(path, "length", Counting()) == 4
    FileFacts().save()


def test_a_store_that_cannot_be_written_does_not_matter(tmp_path, settled):
    path, store = tmp_path / "a", tmp_path / "file" / "seen.json"
    path.write_text("four")
    (tmp_path / "file").write_text("")
    facts = FileFacts(store, tmp_path)
    facts.digest(path)
    facts.save()


def test_digests_by_content(tmp_path):
    one, other = tmp_path / "1.txt", tmp_path / "2.txt"
    one.write_bytes(b"x" * 3_000_000)
    shutil.copy(one, other)
    assert file_digest(one) == file_digest(other) == text_digest("x" * 3_000_000)
    other.write_bytes(b"x" * 2_999_999 + b"y")
    assert file_digest(one) != file_digest(other)
    assert file_digest(tmp_path / "none") == file_digest(one / "below") == MISSING
    with pytest.raises(IsADirectoryError):
        file_digest(tmp_path)


def test_an_npz_is_told_by_its_checksums(tmp_path):
    def digest(*arrays, name="a.npz"):
        write_npz(tmp_path / name, {f"array{number}": np.array(array) for number, array in enumerate(arrays)})
        return file_digest(tmp_path / name)

    first = digest([1.0, 2.0], [3.0])
    assert digest([1.0, 2.0], [3.0]) == first
    others = [digest([1.0, 2.5], [3.0]), digest([1.0, 2.0]), digest([3.0], [1.0, 2.0]), digest([[1.0, 2.0]], [3.0])]
    assert len({first, *others}) == 5
    path = tmp_path / "a.npz"
    whole = path.read_bytes()
    for damaged in (whole[:-5], whole[: len(whole) // 2], b"", b"PK", whole + b"more"):
        path.write_bytes(damaged)
        assert file_digest(path) not in (first, *others)


def test_what_changes_while_it_is_looked_at_is_not_remembered(tmp_path, settled):
    path, facts = tmp_path / "a", FileFacts()
    path.write_text("four")

    def find(path):
        path.write_text("changed")
        return "of four"

    assert facts.recall(path, "text", find) == "of four"
    assert facts.recall(path, "text", lambda path: path.read_text()) == "changed"


def test_files_are_looked_at_once_until_something_is_written(tmp_path, settled, monkeypatch):
    path, looked = tmp_path / "a", []
    look = file_facts._look
    monkeypatch.setattr(file_facts, "_look", lambda path: (looked.append(path.name), look(path))[1])
    path.write_text("four")
    facts, find = FileFacts(tmp_path / "seen.json", tmp_path), Counting()
    assert [facts.recall(path, "length", find) for _ in range(3)] == [4, 4, 4]
    facts.save()
    assert len(looked) == 4, "once for each time it was asked for, and once after it was read"
    again = FileFacts(tmp_path / "seen.json", tmp_path)
    again.look_once()
    looked.clear()
    assert [again.recall(path, "length", find) for _ in range(3)] == [4, 4, 4]
    assert [again.digest(tmp_path / "b") for _ in range(2)] == [MISSING, MISSING]
    assert looked == ["a", "b"]
    path.write_text("longer")
    assert again.recall(path, "length", find) == 4
    again.look_anew()
    assert again.recall(path, "length", find) == 6


def test_what_changes_between_the_look_and_the_reading_is_not_remembered(tmp_path, settled):
    path = tmp_path / "a"
    path.write_text("four")
    facts = FileFacts()
    facts.look_once()
    assert facts.recall(path, "first", lambda path: path.read_text()) == "four"
    path.write_text("other")
    assert facts.recall(path, "second", lambda path: path.read_text()) == "other"
    path.write_text("third")
    facts.look_anew()
    assert facts.recall(path, "second", lambda path: path.read_text()) == "third"


@pytest.mark.parametrize("root", [".", "/", "a", "/b/c"])
def test_names_are_those_of_pathlib(root):
    facts = FileFacts(root=Path(root))
    for path in (Path(root) / "x" / "y.txt", Path("/z/y"), Path("ab/c"), Path("/b/cd")):
        expected = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        assert facts.name(path) == expected
