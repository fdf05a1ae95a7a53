"""What a ledger knows of a file: by its content and its recipe, however the last run ended."""

import os

import pytest

from helpers.file_facts import FileFacts
from helpers.ledgers import Ledger, State
from helpers.manifests import BY_HAND, Manifest, Recipe

RECIPE = Recipe("1_x.py", {}, {})


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def ledger(folder) -> Ledger:
    """The ledger as a new run reads it."""
    return Ledger(folder / "manifests" / "x.json", FileFacts(root=folder))


def make(of: Ledger, path, text, recipe="new") -> None:
    of.announce({path: recipe})
    path.write_text(text)
    of.enter(path)


def test_a_whole_run(folder):
    a, b = folder / "a", folder / "b"
    first = ledger(folder)
    assert first.state(a, "new") is State.MISSING
    assert not first.interrupted
    make(first, a, "1")
    make(first, b, "2", recipe="of b")
    assert first.interrupted
    first.finish(RECIPE, {a: "new", b: "of b"})
    again = ledger(folder)
    assert not again.interrupted
    assert again.manifest.recipe == RECIPE
    assert again.state(a, "new") is State.FRESH
    assert again.state(a, "of b") is State.STALE
    assert again.state(folder / "c", "new") is State.MISSING
    a.write_text("exchanged")
    assert ledger(folder).state(a, "new") is State.CHANGED


def test_files_are_looked_at_anew_as_soon_as_one_is_written_or_removed(folder, monkeypatch):
    monkeypatch.setattr("helpers.file_facts._SETTLED", -1)
    a, b = folder / "a", folder / "b"
    first = ledger(folder)
    make(first, a, "1")
    make(first, b, "2")
    first.finish(RECIPE, {a: "new", b: "new"})
    again = ledger(folder)
    again.facts.look_once()
    assert [again.state(path, "new") for path in (a, b)] == [State.FRESH] * 2
    again.finish(RECIPE, {a: "new"})
    assert again.state(b, "new") is State.MISSING
    again = ledger(folder)
    again.facts.look_once()
    assert again.state(a, "newer") is State.STALE
    make(again, a, "3", recipe="newer")
    assert again.state(a, "newer") is State.FRESH


def test_a_kill_before_after_and_between(folder):
    old, half, done, by_hand = (folder / name for name in ("old", "half", "done", "by_hand"))
    first = ledger(folder)
    for path in (old, half):
        make(first, path, "old", recipe="old")
    first.finish(RECIPE, {old: "old", half: "old"})
    by_hand.write_text("by hand")
    killed = ledger(folder)
    killed.announce({half: "new", old: "new"})
    half.write_text("new")  # written, and not entered
    make(killed, done, "new")
    again = ledger(folder)
    assert again.interrupted
    assert again.state(done, "new") is State.FRESH
    assert again.state(half, "new") is State.STALE, "nobody knows whether it is whole"
    assert again.state(old, "new") is State.STALE
    assert again.state(old, "old") is State.FRESH, "nothing has touched it"
    assert again.state(by_hand, "new") is State.BY_HAND


def test_the_end_of_a_torn_line_does_not_hide_the_next_one(folder):
    a = folder / "a"
    first = ledger(folder)
    make(first, a, "1")
    text = first.journal.read_bytes()
    first.journal.write_bytes(text[:-9])
    second = ledger(folder)
    assert second.state(a, "new") is State.STALE, "its entry is lost"
    make(second, a, "1")
    assert ledger(folder).state(a, "new") is State.FRESH
    first.journal.write_bytes(first.journal.read_bytes() + b'\n[]\n\xff\n{"finished": 3}')
    assert ledger(folder).state(a, "new") is State.FRESH


def test_by_hand_stays_by_hand(folder):
    a = folder / "a"
    a.write_text("by hand")
    ledger(folder).finish(RECIPE, {a: "new"})
    again = ledger(folder)
    assert again.manifest.files["a"].recipe == BY_HAND
    for recipe in ("new", "newer"):
        assert again.state(a, recipe) is State.BY_HAND


def test_what_is_no_longer_wanted_goes_but_for_what_is_not_ours(folder):
    mine, exchanged, by_hand, kept = (folder / name for name in ("mine", "exchanged", "by_hand", "kept"))
    first = ledger(folder)
    for path in (mine, exchanged, kept):
        make(first, path, path.name)
    by_hand.write_text("by hand")
    first.finish(RECIPE, dict.fromkeys((mine, exchanged, by_hand, kept), "new"))
    exchanged.write_text("another")
    ledger(folder).finish(RECIPE, {kept: "new"})
    assert [path.exists() for path in (mine, exchanged, by_hand, kept)] == [False, True, True, True]


def test_files_go_along_with_their_new_names(folder):
    paths = [folder / str(number) for number in range(4)]
    first = ledger(folder)
    for number in range(3):
        make(first, paths[number], f"content {number}", recipe=f"recipe {number}")
    first.finish(RECIPE, {paths[number]: f"recipe {number}" for number in range(3)})
    second = ledger(folder)
    wanted = {paths[0]: "recipe of a new one", **{paths[number + 1]: f"recipe {number}" for number in range(3)}}
    assert second.adopt(wanted) == paths[1:]
    assert not paths[0].exists()
    assert [path.read_text() for path in paths[1:]] == ["content 0", "content 1", "content 2"]
    assert all(second.state(path, wanted[path]) is State.FRESH for path in paths[1:])
    assert ledger(folder).state(paths[2], "recipe 1") is State.FRESH, "a killed run knows it too"
    paths[3].write_text("exchanged")
    assert ledger(folder).adopt({folder / "5": "recipe 2"}) == []


def test_the_manifest_is_written_after_all_files_and_before_the_journal_goes(folder, monkeypatch):
    order = []
    a, orphan = folder / "a", folder / "orphan"
    first = ledger(folder)
    make(first, a, "1")
    make(first, orphan, "2")
    unlink, save = type(a).unlink, Manifest.save
    monkeypatch.setattr(type(a), "unlink", lambda path, **kw: (order.append(path.name), unlink(path, **kw)))
    monkeypatch.setattr(Manifest, "save", lambda manifest, path: (order.append("manifest"), save(manifest, path)))
    first.finish(RECIPE, {a: "new"})
    assert [name for name in order if not name.startswith(".tmp")] == ["orphan", "manifest", "x.journal"]


def test_announcements_wait_for_the_disk(folder, monkeypatch):
    """After a power cut a file that has its new name must be known as announced."""
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append(os.pread(handle, 99, 0)))
    first = ledger(folder)
    monkeypatch.setattr(first.journal.__class__, "open", readable(first.journal.__class__.open))
    first.announce({folder / "a": "new"})
    assert [b'{"announced":{"a":"new"}}' in content for content in flushed] == [True]


def readable(original):
    """`open`, of files that can be read as well."""
    return lambda path, mode="r", *more, **options: original(path, mode.replace("ab", "a+b"), *more, **options)
