"""Atomic writes and the lock: old or new, never half; one run at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.artifacts import Artifacts, atomic_write, exclusive
from helpers.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[2]


def test_atomic_write_keeps_the_old_file_on_an_error(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with atomic_write(path) as temporary:
        temporary.write_text("one")
        assert not path.exists()
    with pytest.raises(RuntimeError), atomic_write(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "one"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


@pytest.mark.skipif(os.name == "nt", reason="modes are a POSIX idea")
def test_atomic_write_follows_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "a") as temporary:
            temporary.write_text("x")
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_second_run_is_refused_and_names_the_first(tmp_path):
    artifacts = Artifacts(tmp_path, "tiny")
    code = (
        "import pathlib, sys\n"
        "from helpers.artifacts import Artifacts, exclusive\n"
        "from helpers.errors import UserError\n"
        "try:\n"
        "    with exclusive(Artifacts(pathlib.Path(sys.argv[1]), 'tiny')): print('got it')\n"
        "except UserError as error: print(error)\n"
    )

    def other_process():
        command = [sys.executable, "-c", code, str(tmp_path)]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True).stdout

    with exclusive(artifacts):
        assert f"in use by process {os.getpid()} since 20" in other_process()
    assert "got it" in other_process()


def test_a_killed_run_leaves_neither_lock_nor_rest(tmp_path):
    artifacts = Artifacts(tmp_path, "tiny")
    code = (
        "import os, pathlib, sys\n"
        "from helpers.artifacts import Artifacts, atomic_write, exclusive\n"
        "artifacts = Artifacts(pathlib.Path(sys.argv[1]), 'tiny')\n"
        "with exclusive(artifacts), atomic_write(artifacts.rois / 'a.txt') as t:\n"
        "    t.write_text('half'); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=REPOSITORY, check=False)
    assert len(list(artifacts.rois.iterdir())) == 1, "the kill came too late for this test"
    with exclusive(artifacts):
        assert list(artifacts.rois.iterdir()) == []


def test_paths_are_the_published_ones(tmp_path):
    of = Artifacts(tmp_path, "grocery")
    below = {
        "proc/grocery/rois/positive/wine.v2.roi.txt": of.roi_file("positive/wine.v2"),
        "proc/grocery/cntkFiles/train.rois.txt": of.rois_txt("train"),
        "proc/grocery/cntkFiles/test.nrRois.txt": of.nr_rois_txt("test"),
        "proc/grocery/cntkFiles/test_svm_parsed/3.dat.npz": of.embedding_file("test", "svm", 3),
        "proc/grocery/models/frcn_nn.npz": of.model_file("nn"),
    }
    for name, path in below.items():
        assert path == tmp_path / name


def test_data_sets_that_exist_are_listed(tmp_path):
    for name in ("b", "a"):
        (tmp_path / "data" / name / "positive").mkdir(parents=True)
    with pytest.raises(UserError, match=r"Data sets in .*: a, b"):
        Artifacts(tmp_path, "c").check_exists()
    with pytest.raises(UserError, match="negative, testImages"):
        Artifacts(tmp_path, "a").check_exists()
    with pytest.raises(UserError, match="none"):
        Artifacts(tmp_path / "nowhere", "c").check_exists()
