import os
import socket
import stat
from pathlib import Path

import pytest

from helpers.errors import UserError
from tests.webapp_tests.annotate_tests.running import request, running
from webapp.annotate import launch


def test_the_program_answers_on_this_machine_alone_and_only_with_the_key(tiny_root: Path) -> None:
    with running(tiny_root, "tiny") as program:
        assert program.ask("state")[0] == 200
        base = program.address.rsplit("/", 2)[0]
        for path in ("/", "/api/state", "/static/main.js", "/wrong-key/", "/wrong-key/api/state"):
            assert request(base + path)[0] == 403
            assert request(base + path, b"{}", {"Content-Type": "application/json"})[0] == 403
        assert (
            request(f"{program.address}api/state", b"{}", {"Content-Type": "application/json", "Host": "evil.example"})[
                0
            ]
            == 403
        )
        assert (
            request(
                f"{program.address}api/state",
                b"{}",
                {"Content-Type": "application/json", "Origin": "http://evil.example"},
            )[0]
            == 403
        )
        port = int(base.rsplit(":", 1)[1])
        for address in other_addresses():
            with socket.socket() as other, pytest.raises(OSError):
                other.settimeout(2)
                other.connect((address, port))
        assert program.ask("quit")[0] == 200
        assert program.process.wait(20) == 0


def other_addresses() -> list[str]:
    """This machine's addresses beside 127.0.0.1."""
    try:
        found = socket.gethostbyname_ex(socket.gethostname())[2]
    except OSError:
        return []
    return [address for address in found if not address.startswith("127.")]


def test_keys_differ(tiny_root: Path) -> None:
    with running(tiny_root, "tiny") as one, running(tiny_root, "tiny") as two:
        assert one.address.rsplit("/", 2)[1] != two.address.rsplit("/", 2)[1]
        assert len(one.address.rsplit("/", 2)[1]) >= 32
        assert one.address.rsplit("/", 2)[0] != two.address.rsplit("/", 2)[0]


def test_a_port_that_is_taken() -> None:
    with launch.listen(0) as first:
        number = first.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {number}"):
            launch.listen(number)
        with launch.listen(0) as second:
            assert second.getsockname()[1] != number


@pytest.mark.skipif(os.name == "nt", reason="file modes are for systems that have them")
def test_the_address_is_handed_to_the_browser_in_a_private_file(tmp_path, monkeypatch) -> None:
    opened = []
    monkeypatch.setattr(launch.webbrowser, "open", opened.append)
    with launch.open_browser("http://127.0.0.1:1/secret/", tmp_path):
        page = tmp_path / "open.html"
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
        assert "http://127.0.0.1:1/secret/" in page.read_text()
    assert not page.exists()
    assert all("secret" not in url for url in opened)


def test_no_browser_over_ssh(monkeypatch) -> None:
    for name in ("SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    assert not launch.is_remote()
    monkeypatch.setenv("SSH_CONNECTION", "1.2.3.4 5 6.7.8.9 22")
    assert launch.is_remote()
