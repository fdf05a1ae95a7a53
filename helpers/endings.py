"""How a program ends: with an exit status and at most one message, whatever happened to it or to its output.

Standard library only: `run.py` uses this before any package is installed.
"""

import atexit
import errno
import os
import signal
import sys
from collections.abc import Callable

from helpers.errors import UserError

INTERRUPTED = "interrupted: what was finished is kept; run the same command again to continue"


def outcome_of(main: Callable[[], int | None]) -> tuple[int, str]:
    """Run `main` and return an exit status and what to tell on stderr: (0, "") when it is done.

    A user's mistake is 1 or the error's own `status`, Ctrl-C is 130. A reader that closes the pipe (`| head`) ends
    the program quietly; output that cannot be written, to a full disk say, is one line. What the terminal's encoding
    lacks is shown as `?`.
    """
    _show_what_is_possible()
    try:
        status = main() or 0
        if sys.stdout:
            sys.stdout.flush()  # what is still in the buffer may be what cannot be written
        return status, ""
    except UserError as error:
        return error.status, f"error: {error}"
    except KeyboardInterrupt:
        return 130, INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return 0, ""
    except OSError as error:
        if error.filename is None:
            _drop_output()
        advice = ". Make room, then run the same command again: what was finished is kept"
        where, what = error.filename or "the output cannot be written", error.strerror or error
        return 1, f"error: {where}: {what}{advice if error.errno == errno.ENOSPC else ''}"


def leave(status: int, message: str = "") -> None:
    """Leave the process with `status`, with `message` on stderr.

    Ctrl-C while Python takes itself down changes nothing any more: the status tells how the work ended.
    """
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    if status == 1 and message:
        sys.exit(message)
    if message:
        print(message, file=sys.stderr)
    sys.exit(status)


def _show_what_is_possible() -> None:
    """Let stdout and stderr write `?` for letters that their encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _drop_output() -> None:
    """Send what is still to be printed nowhere, so that Python does not complain when it flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream:
                stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
