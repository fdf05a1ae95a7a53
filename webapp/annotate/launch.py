"""Starting the page: a free port on 127.0.0.1, a random key, the browser, and an orderly end."""

import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from helpers.errors import UserError
from webapp.annotate.assistance import Assistance
from webapp.annotate.server import make_app
from webapp.annotate.session import Session

PORT = 8642  # the same each time, so that `ssh -L` can be typed once
_TRIED = 20  # further ports, when others are running


def serve(session: Session, help: Assistance, *, port: int = 0, browser: bool = True) -> None:
    """Serve the page until it is ended there or with Ctrl-C; prints its address.

    `port` 0 takes the first free one from `PORT` on. Raises `UserError` when a given port is taken.
    """
    key = secrets.token_urlsafe(24)
    listening = listen(port)
    number = listening.getsockname()[1]
    address = f"http://127.0.0.1:{number}/{key}/"
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(session, help, key, lambda: setattr(server, "should_exit", True)),
            log_level="warning",
            access_log=False,  # its lines would hold the key
            timeout_graceful_shutdown=5,
            server_header=False,
        )
    )
    print(f"Annotating {session.settings.artifacts.data}\nOpen {address}", flush=True)
    print(
        f"(from another computer: ssh -L {number}:127.0.0.1:{number} and this machine's name, then the same address)\n"
        "Ctrl-C here, or q on the page, ends it.",
        file=sys.stderr,
        flush=True,
    )
    measuring = threading.Thread(target=measure_all, args=(session, server), daemon=True)
    measuring.start()
    with open_browser(address, session.store.folder) if browser and not is_remote() else no_browser():
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:  # raised again by the server, after it has ended in order
            print("Ended.", file=sys.stderr)
        finally:
            help.close()


def listen(port: int) -> socket.socket:
    """Return a socket on 127.0.0.1 that listens on `port`, or on the first free one from `PORT` on."""
    for number in [port] if port else [*range(PORT, PORT + _TRIED), 0]:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name != "nt":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", number))
            listening.listen(64)
            return listening
        except OSError as error:
            listening.close()
            if port:
                raise UserError(f"--port {port}: cannot be used ({error.strerror})") from None
    raise UserError("no free port on 127.0.0.1")


def is_remote() -> bool:
    """Whether the terminal belongs to another computer, whose browser cannot be opened from here."""
    return bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))


@contextmanager
def open_browser(address: str, folder: Path) -> Iterator[None]:
    """Open `address` in the browser, through a file that only this user can read.

    The address itself would stand in the browser's command line, where every user of the machine can see it.
    """
    page = folder / "open.html"
    page.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(page, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(
                f'<!DOCTYPE html><meta http-equiv="refresh" content="0; url={address}"><title>annotate</title>\n'
            )
        threading.Thread(target=webbrowser.open, args=(page.as_uri(),), daemon=True).start()
        yield
    finally:
        page.unlink(missing_ok=True)


@contextmanager
def no_browser() -> Iterator[None]:
    """Open nothing."""
    yield


def measure_all(session: Session, server: uvicorn.Server) -> None:
    """Read the sizes of all pictures, in the background, so that the list can show boxes that do not fit."""
    try:
        session.catalogue.measure_all(lambda: not server.should_exit)
    except (UserError, OSError):
        return  # the page says so when it asks for the list
