"""resources/install_cntk.py: what it looks for, says and leaves. With CNTK, the real installation is checked too."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastRCNN.engines.cntk_process import REPOSITORY, SETTINGS, environment_folder, missing_cntk
from resources import install_cntk
from resources.install_cntk import Missing, candidates, find_mpi, find_python, library_folders, link_mpi

PROGRAM = REPOSITORY / "resources" / "install_cntk.py"
posix = pytest.mark.skipif(os.name == "nt", reason="shell scripts stand for Pythons")


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
    path.chmod(0o755)
    return path


def run(arguments: list, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-I", PROGRAM, *map(str, arguments)], env=variables, capture_output=True, text=True, timeout=60
    )


@posix
def test_without_python_36_and_mpi_one_message_says_all_that_is_missing(tmp_path):
    done = run(["--venv", tmp_path / "v", "--mpi", tmp_path], HOME=str(tmp_path), PATH=str(tmp_path))
    assert done.returncode == 1 and done.stdout == "" and not (tmp_path / "v").exists()
    assert "Traceback" not in done.stderr
    for word in ("CPython 3.6", "pyenv install 3.6.15", "conda create", "docker build", "CNTK_PYTHON", "libopenmpi3",
                 "libmpi_cxx", "Debian", "Ubuntu", "--engine torch"):  # fmt: skip
        assert word in done.stderr, word
    assert done.stderr.startswith("error: CNTK cannot be installed yet. Missing:\n- a CPython 3.6")


@posix
def test_only_what_is_missing_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(install_cntk, "supported_machine", lambda system, machine: None)
    good = program(tmp_path / "python3.6", "exit 0\n")
    with pytest.raises(Missing) as missing:
        install_cntk.install(tmp_path / "v", good, tmp_path / "no-mpi")
    assert "Open MPI" in str(missing.value) and "pyenv install" not in str(missing.value)
    mpi = libraries(tmp_path / "mpi", "libmpi.so.40", "libmpi_cxx.so.40")
    with pytest.raises(Missing) as missing:
        install_cntk.install(tmp_path / "v", program(tmp_path / "python3.9", "exit 1\n"), mpi)
    assert "python3.9 is no usable CPython 3.6" in str(missing.value) and "libopenmpi3" not in str(missing.value)
    assert not (tmp_path / "v").exists()


def libraries(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_check_without_an_installation(tmp_path):
    done = run(["--check", "--venv", tmp_path / "none"])
    assert done.returncode == 1 and "CNTK is not installed in" in done.stderr and "install_cntk.py" in done.stderr


def test_wrong_usage_and_help():
    assert run(["--wrong"]).returncode == 2
    help_text = run(["--help"])
    assert help_text.returncode == 0 and "--check" in help_text.stdout and "Exit status" in help_text.stdout


@pytest.mark.parametrize(("system", "machine"), [("Darwin", "x86_64"), ("Linux", "aarch64"), ("FreeBSD", "amd64")])
def test_machines_that_cntk_was_never_built_for(system, machine):
    with pytest.raises(Missing, match=f"{system} on {machine}.*docker build --platform linux/amd64"):
        install_cntk.supported_machine(system, machine)
    install_cntk.supported_machine("Linux", "x86_64")
    install_cntk.supported_machine("Windows", "AMD64")


@posix
def test_where_python_is_looked_for_and_in_which_order(tmp_path):
    chosen = tmp_path / "chosen"
    pyenv = program(tmp_path / "pyenv" / "versions" / "3.6.15" / "bin" / "python", "exit 1")
    older = program(tmp_path / "pyenv" / "versions" / "3.6.9" / "bin" / "python", "exit 1")
    program(tmp_path / "pyenv" / "versions" / "3.8.1" / "bin" / "python", "exit 0")
    on_path = program(tmp_path / "bin" / "python3.6", "exit 1")
    (tmp_path / ".conda").mkdir()
    (tmp_path / ".conda" / "environments.txt").write_text(f"{tmp_path / 'conda one'}\n\n")
    variables = {
        "CNTK_PYTHON": str(chosen), "PYENV_ROOT": str(tmp_path / "pyenv"), "PATH": str(tmp_path / "bin"),
        "HOME": str(tmp_path), "CONDA_PREFIX": str(tmp_path / "active"),
    }  # fmt: skip
    found = list(candidates(variables))
    assert found[0] == chosen
    assert {pyenv, older} == set(found[1:3])
    assert found[3:] == [on_path, tmp_path / "active/bin/python", tmp_path / "conda one/bin/python"]
    assert find_python(found) is None  # absent, or not 3.6
    program(tmp_path / "conda one/bin/python", "exit 0\n")
    assert find_python(found) == tmp_path / "conda one/bin/python"


def test_this_python_is_no_cpython_36():
    assert find_python([Path(sys.executable)]) is None


def test_mpi_is_a_folder_with_both_libraries(tmp_path):
    mpich = libraries(tmp_path / "mpich", "libmpi.so.12", "libmpicxx.so.12")  # another MPI under the same name
    five = libraries(tmp_path / "five", "libmpi.so.40")  # Open MPI 5: no C++ library
    four = libraries(tmp_path / "four", "libmpi.so.40", "libmpi_cxx.so.40")
    assert find_mpi([tmp_path / "none", mpich, five]) is None
    assert find_mpi([mpich, five, four]) == four
    variables = {"CNTK_MPI": "/mine", "LD_LIBRARY_PATH": "/one:/two", "PATH": ""}
    assert [str(folder) for folder in library_folders(variables)][:3] == ["/mine", "/one", "/two"]


@posix
def test_links_have_the_names_that_cntk_asks_for(tmp_path):
    four = libraries(tmp_path / "four", "libmpi.so.40", "libmpi_cxx.so.40")
    for _ in range(2):  # again over what is there
        assert link_mpi(tmp_path / "v" / "mpi", four) == [str(tmp_path / "v" / "mpi"), str(four)]
    links = {path.name: path.resolve() for path in (tmp_path / "v" / "mpi").iterdir()}
    assert links == {"libmpi.so.12": four / "libmpi.so.40", "libmpi_cxx.so.1": four / "libmpi_cxx.so.40"}
    usual = Path("/usr/lib/x86_64-linux-gnu")
    if find_mpi([usual]):
        assert link_mpi(tmp_path / "w" / "mpi", usual) == [str(tmp_path / "w" / "mpi")]  # the loader looks there anyway


@posix
@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("ImportError: libmpi_cxx.so.1: cannot open shared object file: No such file or directory", "libopenmpi3"),
        ("ImportError: libfoo.so.3: cannot open shared object file: No such file or directory", "lacks libfoo.so.3"),
        ("ROI pooling: expected 1, got 2", "its check failed:\n  ROI pooling: expected 1, got 2"),
    ],
)
def test_a_check_that_fails_says_why(said, told, tmp_path):
    program(tmp_path / "bin" / "python", f"echo '{said}' >&2\nexit 1\n")
    with pytest.raises(Missing) as missing:
        install_cntk.run_check(tmp_path, ["/links"])
    assert told in str(missing.value)


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").touch()
    with pytest.raises(Missing, match="no virtual environment"):
        install_cntk.make_environment(tmp_path, Path("/nowhere/python"))
    assert (tmp_path / "precious.txt").exists()


def test_packages_are_pinned_with_hashes():
    for line in (install_cntk.PIP + install_cntk.PACKAGES).splitlines():
        assert "==" in line and "--hash=sha256:" in line
    assert "cntk==2.7 " in install_cntk.PACKAGES and install_cntk.SETTINGS == SETTINGS


@pytest.mark.cntk
@pytest.mark.skipif(missing_cntk() is not None, reason=f"{missing_cntk()}: run resources/install_cntk.py")
def test_the_installation_here_works():
    done = subprocess.run([sys.executable, PROGRAM, "--check"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "CNTK 2.7 works: Python 3.6" in done.stdout
    folders = json.loads((environment_folder() / SETTINGS).read_text())["library_path"]
    assert all(Path(folder).is_dir() for folder in folders)
