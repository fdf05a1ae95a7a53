"""The plan, the files, and the renderer's command line, without rendering."""

import importlib.util
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import render
from labels import Annotation
from plan import plan
from storage import recipe, recipe_of, save, state_of

RENDER = Path(__file__).resolve().parents[2] / "data" / "render"


def test_bundled_plan():
    pictures = plan()
    assert Counter(p.folder for p in pictures) == {"positive": 25, "testImages": 10, "negative": 5}
    assert len({p.stem for p in pictures}) == len({p.entropy for p in pictures}) == 40
    assert sorted(p.view for p in pictures if p.view != "usual") == ["crowded", "dim", "tilted"]
    assert all(p.folder == "testImages" for p in pictures if p.view != "usual")
    assert [p.content for p in pictures if p.folder == "negative"] == ["empty", "desk", "empty", "bookcase", "counter"]


def test_a_longer_plan_starts_with_the_shorter_one_and_a_seed_changes_all():
    assert set(plan(40)) <= set(plan(200))
    assert not {p.entropy for p in plan(40, 0)} & {p.entropy for p in plan(40, 1)}
    assert [len(plan(n)) for n in (1, 3, 17)] == [1, 3, 17]
    with pytest.raises(ValueError, match="at least one picture, got 0"):
        plan(0)


@pytest.fixture
def planned():
    return plan(1)[0]


PIXELS = np.full((40, 30, 3), 120, np.uint8)
BOX = [Annotation("orange", (1, 2, 10, 12), 1.0)]


def test_saved_picture_is_finished_and_carries_its_recipe(tmp_path, planned):
    wanted = recipe(planned, 30, 40, 5)
    assert state_of(tmp_path, planned, wanted) == "missing"
    save(tmp_path, planned, PIXELS, BOX, wanted)
    names = sorted(p.name for p in (tmp_path / "positive").iterdir())
    assert names == ["train_00.bboxes.labels.tsv", "train_00.bboxes.tsv", "train_00.jpg"]
    assert (tmp_path / "positive/train_00.bboxes.tsv").read_bytes() == b"1\t2\t10\t12\n"
    assert (tmp_path / "positive/train_00.bboxes.labels.tsv").read_bytes() == b"orange\n"
    assert recipe_of(tmp_path / "positive/train_00.jpg") == wanted
    assert state_of(tmp_path, planned, wanted) == "finished"
    assert state_of(tmp_path, planned, recipe(planned, 30, 40, 6)) == "other recipe"
    (tmp_path / "positive/train_00.bboxes.tsv").unlink()
    assert state_of(tmp_path, planned, wanted) == "missing"


def test_a_picture_of_somebody_else_or_a_half_one_is_foreign(tmp_path, planned):
    wanted = recipe(planned, 30, 40, 5)
    save(tmp_path, planned, PIXELS, BOX, "my photo")
    assert state_of(tmp_path, planned, wanted) == "foreign"
    save(tmp_path, planned, PIXELS, BOX, wanted)
    path = tmp_path / "positive/train_00.jpg"
    path.write_bytes(path.read_bytes()[:-200])
    assert state_of(tmp_path, planned, wanted) == "foreign"


def test_a_failed_write_leaves_the_old_picture(tmp_path, planned, monkeypatch):
    save(tmp_path, planned, PIXELS, BOX, "old")
    old = (tmp_path / "positive/train_00.jpg").read_bytes()
    monkeypatch.setattr("storage.os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save(tmp_path, planned, PIXELS, None, "new")
    assert (tmp_path / "positive/train_00.jpg").read_bytes() == old


def test_nothing_foreign_is_overwritten_without_saying_so(tmp_path, planned, capsys):
    wanted = {planned: recipe(planned, 30, 40, 5)}
    save(tmp_path, planned, PIXELS, BOX, "my photo")
    with pytest.raises(FileExistsError, match=r"train_00\.jpg.*--overwrite"):
        render.to_do([planned], tmp_path, wanted, overwrite=False)
    assert render.to_do([planned], tmp_path, wanted, overwrite=True) == [planned]
    assert "replaces positive/train_00.jpg" in capsys.readouterr().err


def test_finished_pictures_are_kept(tmp_path):
    pictures = plan(8)
    wanted = {p: recipe(p, 30, 40, 5) for p in pictures}
    save(tmp_path, pictures[0], PIXELS, BOX, wanted[pictures[0]])
    assert render.to_do(pictures, tmp_path, wanted, overwrite=False) == pictures[1:]


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("--count=0", "--count must be at least 1"),
        ("--seed=-1", "--seed must not"),
        ("--width=90", "--width must be at least 300"),
        ("--dataset=../up", "name of a folder"),
    ],
)
def test_wrong_usage_is_exit_2_and_a_clear_line(argument, complaint, capsys):
    with pytest.raises(SystemExit) as stop:
        render.parse(["--dataset", "x", argument])
    assert stop.value.code == 2 and complaint in capsys.readouterr().err


def test_program_finds_its_own_work_done_without_blender(tmp_path):
    """The whole program on a set that is there already: no bpy is needed, and the exit status is 0."""
    picture = plan(1)[0]
    save(tmp_path / "data/mine", picture, PIXELS, BOX, recipe(picture, 300, 400, 5))
    command = [sys.executable, str(RENDER / "render.py"), "--dataset", "mine", "--root", str(tmp_path), "--count", "1"]
    done = subprocess.run([*command, "--width", "300", "--samples", "5"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    other = subprocess.run([*command, "--width", "330", "--samples", "5"], capture_output=True, text=True, timeout=120)
    assert other.returncode == 1 and "train_00.jpg" in other.stderr and "Traceback" not in other.stderr


def test_renders_a_small_picture_twice_alike(tmp_path):
    if importlib.util.find_spec("bpy") is None:
        pytest.skip("needs bpy: see data/render/README.md")
    options = ["--dataset", "small", "--count", "1", "--width", "300", "--samples", "1", "--threads", "1"]
    for root in ("a", "b"):
        done = subprocess.run([sys.executable, str(RENDER / "render.py"), "--root", str(tmp_path / root), *options])
        assert done.returncode == 0
    names = ("train_00.jpg", "train_00.bboxes.tsv", "train_00.bboxes.labels.tsv")
    for name in names:
        first, second = (tmp_path / root / "data/small/positive" / name for root in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()
