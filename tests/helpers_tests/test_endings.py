"""How a program ends, seen from outside: real processes whose output goes somewhere awkward."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.endings import outcome_of
from helpers.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
sys.path.insert(0, {repository!r})
from helpers.endings import leave, outcome_of
def main():
    {body}
leave(*outcome_of(main))
"""
MANY = "for number in range(100_000): print('a line of the table', number)"


def started(body: str, **options) -> subprocess.Popen:
    """A process that runs `body` as its main function."""
    code = PROGRAM.format(repository=str(REPOSITORY), body=body)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, "-c", code], **options)


def test_a_reader_that_closes_the_pipe_ends_it_quietly() -> None:
    process = started(MANY)
    assert process.stdout and process.stderr
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("body", [MANY, "print('one line, still in the buffer at the end')"])
def test_output_that_cannot_be_written_is_one_line(body: str) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        process = started(body, stdout=full)
        error = process.communicate()[1].decode()
    assert process.returncode == 1
    assert error == (
        "error: the output cannot be written: No space left on device. "
        "Make room, then run the same command again: what was finished is kept\n"
    )


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_letters_that_the_terminal_lacks_become_question_marks(encoding: str) -> None:
    process = started("print('class \\u82f9\\u679c')", env={**os.environ, "PYTHONIOENCODING": encoding})
    out, error = process.communicate()
    assert (process.returncode, error) == (0, b"")
    assert out.decode(encoding).strip() == "class ??"


@pytest.mark.skipif(os.name == "nt", reason="a shell that closes stdout")
def test_without_any_output() -> None:
    code = PROGRAM.format(repository=str(REPOSITORY), body="print('nobody listens')")
    done = subprocess.run(["sh", "-c", 'exec "$0" -c "$1" >&-', sys.executable, code], stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")


def raising(error: BaseException):
    def main() -> None:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (UserError("mend it"), (1, "error: mend it")),
        (UserError("wrong usage", 2), (2, "error: wrong usage")),
        (OSError(errno.EACCES, "Permission denied", "proc/x"), (1, "error: proc/x: Permission denied")),
        (
            KeyboardInterrupt(),
            (130, "interrupted: what was finished is kept; run the same command again to continue"),
        ),
    ],
)
def test_outcomes(error: BaseException, outcome: tuple[int, str]) -> None:
    assert outcome_of(raising(error)) == outcome


def test_what_main_returns_is_the_status() -> None:
    assert outcome_of(lambda: 3) == (3, "")
    assert outcome_of(lambda: None) == (0, "")


def test_a_fault_of_the_program_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        outcome_of(raising(ZeroDivisionError()))


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_ctrl_c_while_python_ends_changes_nothing() -> None:
    code = PROGRAM.format(repository=str(REPOSITORY), body="print('done', flush=True)")
    slow = "import atexit, time; atexit.register(lambda: (print('ending', flush=True), time.sleep(1)))\n"
    process = subprocess.Popen([sys.executable, "-c", slow + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout and process.stderr
    assert [process.stdout.readline(), process.stdout.readline()] == [b"done\n", b"ending\n"]
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=30)
    assert (process.returncode, out, error) == (0, b"", b"")
