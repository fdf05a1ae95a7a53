"""The set-up of run.py: when it installs, where torch comes from, what happens without libGL."""

import os
import platform
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from helpers import virtual_environment
from helpers.errors import UserError
from helpers.processes import call, output_of
from helpers.virtual_environment import (
    CPU_INDEX,
    has_nvidia_gpu,
    index_answers,
    install,
    make_environment,
    mend_opencv,
    set_up,
    torch_source,
    wheel_folders,
)

posix = pytest.mark.skipif(os.name == "nt", reason="scripts of a POSIX shell stand for programs")


def program(path: Path, text: str) -> Path:
    """A program that is a shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
    path.chmod(0o755)
    return path


# ---- where torch comes from ------------------------------------------------------------------------------------------


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


def wheel(version: str = "2.13.0", python: str = "", machine: str = "x86_64", plus: str = "+") -> str:
    python = python or f"cp{sys.version_info[0]}{sys.version_info[1]}"
    return f"torch-{version}{plus}cpu-{python}-{python}-manylinux_2_28_{machine}.whl"


def never() -> bool:
    raise AssertionError("need not be asked")


@pytest.mark.parametrize("name", [wheel(), wheel(plus="%2B")])
def test_wheel_in_a_configured_folder_comes_first(linux: None, tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    arguments, reason = torch_source("2.13.0", [tmp_path], lambda: False, never)
    assert arguments == ["torch==2.13.0+cpu"]
    assert str(tmp_path) in reason


@pytest.mark.parametrize("name", [wheel("2.12.0"), wheel(python="cp36"), wheel(machine="aarch64"), wheel("2.13.01")])
def test_wheel_for_something_else_does_not_count(linux: None, tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert torch_source("2.13.0", [tmp_path], lambda: False, lambda: False)[0] == []


def test_then_the_index_of_cpu_builds(linux: None) -> None:
    arguments, reason = torch_source("2.13.0", [], lambda: False, lambda: True)
    assert arguments == ["torch==2.13.0+cpu", "--extra-index-url", CPU_INDEX]
    assert "CPU build" in reason


def test_then_what_pip_finds(linux: None) -> None:
    arguments, reason = torch_source("2.13.0", [], lambda: False, lambda: False)
    assert arguments == []
    assert "did not answer" in reason


def test_cuda_build_where_a_gpu_is(linux: None, tmp_path: Path) -> None:
    (tmp_path / wheel()).touch()
    assert torch_source("2.13.0", [tmp_path], lambda: True, never) == (
        [],
        "the build with CUDA, as there is an NVIDIA GPU",
    )


def test_macos_has_one_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert torch_source("2.13.0", [], never, never)[0] == []


def test_folders_that_pip_is_configured_with(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    for folder in (one, two, three):
        folder.mkdir()
    lines = [
        f":env:.find-links='{one}'",
        "global.timeout='60'",
        f"global.find-links='{two} https://example.org/wheels {tmp_path / 'absent'}'",
        f"install.find-links='{three.as_uri()}\\n{one}'",
    ]
    assert wheel_folders("\n".join(lines)) == [one, two, three]
    assert wheel_folders("") == []


@posix
@pytest.mark.parametrize(
    ("answer", "expected"),
    [("echo 'GPU 0: NVIDIA H200'", True), ("echo 'No devices were found'", False), ("echo failed >&2; exit 9", False)],
)
def test_gpu_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, expected: bool) -> None:
    program(tmp_path / "nvidia-smi", answer)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert has_nvidia_gpu() is expected


def test_no_gpu_without_its_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not has_nvidia_gpu()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(2)
        self.send_response(404 if self.path == "/absent" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_index_must_answer_in_time(server: str) -> None:
    assert index_answers(f"{server}/torch/", 5)
    assert not index_answers(f"{server}/absent", 5)
    begin = time.monotonic()
    assert not index_answers(f"{server}/slow", 0.3)
    assert time.monotonic() - begin < 1.5
    assert not index_answers("http://127.0.0.1:1/torch/", 5)


def test_name_look_up_counts_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(url: str, timeout: float) -> None:  # a name server that does not answer knows no timeout
        time.sleep(1)
        raise OSError("no name server")

    monkeypatch.setattr(virtual_environment.urllib.request, "urlopen", look_up)
    begin = time.monotonic()
    assert not index_answers(seconds=0.1)
    assert time.monotonic() - begin < 0.8


# ---- the environment -------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with requirements.txt; what is made and installed is noted in `events` instead of done."""
    (tmp_path / "requirements.txt").write_text("torch==2.13.0\n")
    events: list[str] = []

    def make(environment: Path) -> None:
        events.append("made")
        program(environment / "bin" / "python", f'exec "{sys.executable}" "$@"')

    monkeypatch.setattr(virtual_environment, "make_environment", make)
    monkeypatch.setattr(virtual_environment, "install", lambda python, requirements: events.append("installed"))
    monkeypatch.setattr(virtual_environment, "events", events, raising=False)
    return tmp_path


@posix
def test_installs_once(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = virtual_environment.events
    python = set_up(repository)
    assert (python, events) == (repository / ".venv" / "bin" / "python", ["made", "installed"])
    assert "Set-up: the packages of requirements.txt" in capsys.readouterr().out
    assert set_up(repository) == python
    assert events == ["made", "installed"]
    assert capsys.readouterr().out == ""


@posix
def test_installs_again_when_the_requirements_change(repository: Path) -> None:
    set_up(repository)
    (repository / "requirements.txt").write_text("torch==2.14.0\n")
    set_up(repository)
    assert virtual_environment.events == ["made", "installed", "installed"]


@posix
def test_makes_a_new_one_when_the_python_changes(repository: Path) -> None:
    set_up(repository)
    program(repository / ".venv" / "bin" / "python", "echo '3.10.1 (main) [GCC 9]'")
    set_up(repository)
    assert virtual_environment.events == ["made", "installed"] * 2


@posix
def test_interrupted_installation_is_repeated(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(python: Path, requirements: Path) -> None:
        raise UserError("pip could not install")

    with monkeypatch.context() as patch, pytest.raises(UserError):
        patch.setattr(virtual_environment, "install", fail)
        set_up(repository)
    set_up(repository)
    assert virtual_environment.events == ["made", "installed"]


def test_broken_environment_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = ["--without-pip"]  # pip takes ten seconds
    monkeypatch.setattr(virtual_environment, "call", lambda command: call([*command[:3], *quick, *command[3:]]))
    environment = tmp_path / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("home = /gone\n")
    (environment / "bin" / "python").write_text("")
    make_environment(environment)
    (python,) = environment.glob("[bS]*/python")
    assert output_of([python, "-c", "import sys; print(sys.prefix)"]) == str(environment)


def test_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="is there, but is no virtual environment"):
        make_environment(tmp_path / ".venv")
    assert (tmp_path / ".venv" / "thesis.txt").read_text() == "mine"


@posix
def test_python_without_venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = program(tmp_path / "python3", "echo 'No module named venv' >&2; exit 1")
    monkeypatch.setattr(sys, "_base_executable", str(broken))
    with pytest.raises(UserError, match=r"could not make the virtual environment .*sudo apt install python3-venv"):
        make_environment(tmp_path / ".venv")


@posix
@posix
def test_the_build_of_torch_is_looked_for_where_pip_looks(
    tmp_path: Path, linux: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(virtual_environment, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(virtual_environment, "index_answers", never)
    monkeypatch.setattr(virtual_environment, "mend_opencv", lambda python, pip: None)
    folder, asked, requirements = tmp_path / "wheels", tmp_path / "pip.txt", tmp_path / "requirements.txt"
    folder.mkdir()
    (folder / wheel()).touch()
    requirements.write_text("numpy==2.0.0\ntorch==2.13.0\n")
    found = f"global.find-links='{folder}'"
    python = program(tmp_path / "python", f'case "$*" in *config*) echo "{found}";; *) echo "$*" >> {asked};; esac')
    install(python, requirements)
    (line,) = asked.read_text().splitlines()
    assert line.startswith("-m pip --disable-pip-version-check install ")
    assert line.endswith(f"-r {requirements} torch==2.13.0+cpu")


def test_failed_installation_says_what_to_do(tmp_path: Path) -> None:
    python = program(tmp_path / "python", "exit 1")
    (tmp_path / "requirements.txt").write_text("numpy==2.4.6\n")
    with pytest.raises(UserError, match=r"pip could not install the packages; .*set PIP_FIND_LINKS"):
        virtual_environment.install(python, tmp_path / "requirements.txt")


# ---- OpenCV ----------------------------------------------------------------------------------------------------------


def fake_python(tmp_path: Path, missing: str) -> Path:
    """A Python whose cv2 loads once the headless one is installed; notes pip's arguments in pip.txt."""
    return program(
        tmp_path / "python",
        f'cd "{tmp_path}"\n'
        'case "$*" in\n'
        f'  *"import cv2"*) [ -f headless ] && exit 0; echo "ImportError: {missing}" >&2; exit 1;;\n'
        "  *version*) echo 5.0.0.93;;\n"
        '  *install*) echo "$*" >> pip.txt; case "$*" in *headless==*) touch headless;; esac;;\n'
        "esac\n",
    )


@posix
def test_opencv_without_windows_where_libgl_is_missing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    python = fake_python(tmp_path, "libGL.so.1: cannot open shared object file: No such file or directory")
    mend_opencv(python, [str(python), "-m", "pip"])
    assert (tmp_path / "pip.txt").read_text().splitlines() == [
        "-m pip uninstall --yes --quiet opencv-python opencv-python-headless",
        "-m pip install --quiet --no-deps opencv-python-headless==5.0.0.93",
    ]
    assert capfd.readouterr().out == (
        "No libGL.so.1 here, which OpenCV needs for windows: opencv-python-headless takes its place.\n"
    )


@posix
def test_opencv_that_loads_is_left_alone(tmp_path: Path) -> None:
    python = fake_python(tmp_path, "")
    (tmp_path / "headless").touch()
    mend_opencv(python, [str(python), "-m", "pip"])
    assert not (tmp_path / "pip.txt").exists()


@posix
def test_opencv_that_fails_for_another_reason(tmp_path: Path) -> None:
    python = fake_python(tmp_path, "numpy.core.multiarray failed to import")
    with pytest.raises(UserError, match=r"(?s)does not load:.*multiarray failed to import"):
        mend_opencv(python, [str(python), "-m", "pip"])
