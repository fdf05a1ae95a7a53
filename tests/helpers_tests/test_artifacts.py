"""Atomic writes and the lock: old or new, never half; one run at a time."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.artifacts import Artifacts, atomic_write, exclusive, write_output
from helpers.errors import UserError
from helpers.tables import write_text

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
def test_folders_are_made_on_the_way(tmp_path):
    path = tmp_path / "a" / "b" / "c.txt"
    write_text(path, "text")
    with atomic_write(path) as temporary:
        temporary.write_text("again")
    assert path.read_text() == "again" and list(path.parent.iterdir()) == [path]


def test_atomic_write_follows_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "a") as temporary:
            temporary.write_text("x")
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_file_is_flushed_before_it_has_its_name(tmp_path, monkeypatch):
    order = []
    replace = os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: order.append(("flushed", os.fstat(handle).st_size)))
    monkeypatch.setattr(os, "replace", lambda old, new: (order.append(("named", new)), replace(old, new)))
    with atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("four")
    assert order == [("flushed", 4), ("named", tmp_path / "a")]


def test_a_file_system_that_cannot_flush_or_knows_no_rights(tmp_path, monkeypatch):
    def refuse(number):
        def call(*arguments, **options):
            raise OSError(number, os.strerror(number))

        return call

    for number in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        monkeypatch.setattr(os, "fsync", refuse(number))
        with atomic_write(tmp_path / "a") as temporary:
            temporary.write_text("x")
    monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
    with pytest.raises(OSError, match="a'"), atomic_write(tmp_path / "a"):
        pass
    monkeypatch.undo()
    (tmp_path / "a").chmod(0o600)
    monkeypatch.setattr(os, "chmod", refuse(errno.EPERM))
    monkeypatch.setattr(os, "fchmod", refuse(errno.EPERM), raising=False)
    with atomic_write(tmp_path / "a") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a").read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="modes are a POSIX idea")
def test_rights_of_a_file_stay_and_the_umask_is_not_touched(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o600)
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("other threads make files as well"))
    with atomic_write(path) as temporary:
        temporary.write_text("new")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("write", [write_output, lambda path, text: write_text(path, text)])
def test_a_link_stays_a_link(tmp_path, write):
    target, link, dangling = tmp_path / "there" / "a", tmp_path / "link", tmp_path / "dangling"
    target.parent.mkdir()
    target.write_text("old")
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "later")
    write(link, "new")
    write(dangling, "new")
    assert link.is_symlink() and target.read_text() == "new" == (tmp_path / "later").read_text()
    assert dangling.is_symlink() and sorted(path.name for path in target.parent.iterdir()) == ["a"]


@pytest.mark.skipif(os.name == "nt", reason="named pipes and /dev are a POSIX idea")
def test_output_into_pipes_and_devices_is_written_through(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen([sys.executable, "-c", f"print(open({str(pipe)!r}).read(), end='')"], stdout=-1)
    write_output(pipe, "grüße\n")
    assert reader.communicate(timeout=60)[0].decode() == "grüße\n"
    assert pipe.is_fifo()
    write_output(Path("/dev/null"), b"gone")
    assert Path("/dev/null").is_char_device()
    write_output(tmp_path / "new" / "file", b"\x00")
    assert (tmp_path / "new" / "file").read_bytes() == b"\x00"


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="there is no /dev/stdout")
@pytest.mark.parametrize("into_file", [False, True])
def test_output_to_dev_stdout(tmp_path, into_file):
    """Also where the shell has redirected it into a file, which must not be replaced under its feet."""
    code = (
        "import pathlib\nfrom helpers.artifacts import write_output\n"
        "print('first', flush=True)\nwrite_output(pathlib.Path('/dev/stdout'), 'second\\n')\nprint('third', flush=True)"
    )
    path = tmp_path / "out"
    with path.open("ab") as file:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=REPOSITORY, stdout=file if into_file else -1, check=True
        )
    assert (path.read_bytes() if into_file else done.stdout) == b"first\nsecond\nthird\n"


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


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_a_file_system_has_no_locks_a_warning_says_so(tmp_path, monkeypatch, caplog, number):
    def refuse(lock, *arguments, **options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    artifacts = Artifacts(tmp_path, "tiny")
    with exclusive(artifacts):
        assert (artifacts.proc / "inUse.txt").exists()
    (said,) = caplog.messages
    assert said.startswith(f"{artifacts.proc}: this file system has no locks") and os.strerror(number) in said
    monkeypatch.setattr("filelock.FileLock.acquire", lambda lock: (_ for _ in ()).throw(PermissionError(13, "no", "x")))
    with pytest.raises(PermissionError), exclusive(artifacts):
        pass


def test_forgotten_rests_in_the_results_are_cleared(tmp_path):
    artifacts = Artifacts(tmp_path, "tiny")
    old, now = artifacts.results / "visualizations" / ".tmp-1.png", artifacts.results / ".tmp-2.json"
    old.parent.mkdir(parents=True)
    for path in (old, now):
        path.touch()
    os.utime(old, (1e9, 1e9))
    with exclusive(artifacts):
        assert (old.exists(), now.exists()) == (False, True), "another run may be writing it"


def test_a_proc_folder_may_lie_anywhere(tmp_path):
    of = Artifacts.of_proc(tmp_path / "copy")
    assert of.model_file("svm") == tmp_path / "copy" / "models" / "frcn_svm.npz"


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


def test_a_trial_has_its_own_files_and_the_rois_of_step_1(tmp_path):
    real = Artifacts(tmp_path, "set", data_folder=tmp_path / "elsewhere")
    trial = real.trial("nn_1_of_5")
    assert trial.roi_file("a/b") == real.roi_file("a/b") and trial.data == real.data
    assert trial.proc == tmp_path / "proc/set/folds/nn_1_of_5"
    assert trial.model_file("nn") == trial.proc / "models/frcn_nn.npz"


def test_steps_beside_the_real_ones_have_their_own_files_and_the_rois_of_whom_they_like(tmp_path):
    real = Artifacts(tmp_path, "set")
    own, shared = real.rehearsal("a", None), real.rehearsal("b", real.rois)
    assert own.roi_file("p/1") == tmp_path / "proc/set/tuning/a/rois/p/1.roi.txt"
    assert shared.roi_file("p/1") == real.roi_file("p/1") and shared.proc == tmp_path / "proc/set/tuning/b"
    assert own.data == shared.data == real.data
