"""Calling other programs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers import processes
from helpers.processes import call, output_of, shown, typed

REPOSITORY = Path(__file__).resolve().parents[2]


def test_call_gives_the_exit_status(tmp_path: Path) -> None:
    assert call([sys.executable, "-c", "raise SystemExit(7)"]) == 7
    assert call([sys.executable, "-c", "open('made', 'w').close()"], tmp_path) == 0
    assert (tmp_path / "made").is_file()


def test_output(tmp_path: Path) -> None:
    assert output_of([sys.executable, "-c", "print('two\\nlines')"]) == "two\nlines"
    assert output_of([sys.executable, "-c", "print(1); raise SystemExit(1)"]) is None
    assert output_of([tmp_path / "absent"]) is None
    (tmp_path / "no_program").write_text("?")
    (tmp_path / "no_program").chmod(0o755)
    assert output_of([tmp_path / "no_program"]) is None


def test_command_as_a_reader_types_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "a" / "b.py") == str(Path("a", "b.py"))
    assert shown(tmp_path.parent / "c.py") == str(tmp_path.parent / "c.py")
    monkeypatch.setattr(os, "name", "posix")
    command = [tmp_path / ".venv" / "bin" / "python", tmp_path / "1.py", "--set", "a=(1, 2)"]
    assert typed(command) == ".venv/bin/python 1.py --set 'a=(1, 2)'"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_us_ends_the_program_too(tmp_path: Path, name: str) -> None:
    number = getattr(signal, name)
    child = tmp_path / "child.py"
    child.write_text("import os, pathlib, time\npathlib.Path('started').write_text(str(os.getpid()))\ntime.sleep(60)")
    parent = f"import sys\nsys.path.insert(0, {str(REPOSITORY)!r})\nfrom helpers.processes import call\n"
    parent += f"call([sys.executable, {str(child)!r}])"
    process = subprocess.Popen(
        [sys.executable, "-c", parent], cwd=tmp_path, start_new_session=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # nohup ignores SIGHUP, for all that it starts
    )  # fmt: skip
    started = tmp_path / "started"
    deadline = time.monotonic() + 30
    while not (started.exists() and started.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)  # to the parent alone, as `kill`, `timeout` and service managers do
    assert process.wait(30) == 128 + number
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_program_that_does_not_follow_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = (
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.kill(os.getppid(), signal.SIGTERM)\ntime.sleep(60)"
    )
    monkeypatch.setattr(processes, "_PATIENCE", 0.2)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as leaving:
        call([sys.executable, "-c", child])
    assert leaving.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before, "afterwards it is as it was"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_interrupted_program_may_tidy_up(tmp_path: Path) -> None:
    child = tmp_path / "child.py"
    child.write_text(
        "import pathlib, time\n"
        "try:\n"
        "    pathlib.Path('started').touch()\n"
        "    time.sleep(30)\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(0.6)\n"
        "    pathlib.Path('tidy').touch()\n"
    )
    # a shell that starts tests in the background has them ignore SIGINT, so the parent takes it up again
    parent = "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    parent += f"sys.path.insert(0, {str(REPOSITORY)!r})\nfrom helpers.processes import call\n"
    parent += f"try:\n    call([sys.executable, {str(child)!r}])\nexcept KeyboardInterrupt:\n    sys.exit(130)"
    process = subprocess.Popen([sys.executable, "-c", parent], cwd=tmp_path, start_new_session=True)
    deadline = time.monotonic() + 30
    while not (tmp_path / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does: it reaches both
    assert process.wait(30) == 130
    assert (tmp_path / "tidy").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_signal_while_the_program_is_being_started(monkeypatch: pytest.MonkeyPatch) -> None:
    started, original = [], subprocess.Popen

    def start(*arguments, **options):
        started.append(original(*arguments, **options))
        os.kill(os.getpid(), signal.SIGTERM)
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(SystemExit) as leaving:
        call([sys.executable, "-c", "import time; time.sleep(60)"])
    assert leaving.value.code == 128 + signal.SIGTERM
    assert started[0].returncode == -signal.SIGTERM
