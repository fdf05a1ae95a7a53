"""Options of 7_serve.py: what goes together, and what is refused before anything starts."""

from pathlib import Path

import pytest

from helpers.errors import UserError
from PARAMETERS import get_parameters, make_parser
from webapp.serve.command_line import add_options, is_loopback, settings_of

KEY = "a-key-of-some-length"


def settings(*options: str, **environment: str):
    parser = make_parser("")
    add_options(parser)
    return settings_of(get_parameters(list(options), parser), environment)


def test_defaults():
    made = settings()
    assert made.key is None
    assert made.model.dataset == "grocery"
    assert made.model.threshold == 0.5
    assert "localhost" in made.hosts
    assert made.cors_origins == ()
    assert settings("--classifier", "nn").model.threshold is None


def test_a_key():
    assert settings(FASTRCNN_API_KEY=f" {KEY}\n").key == KEY
    assert settings("--host", "0.0.0.0", FASTRCNN_API_KEY=KEY).hosts == ()
    with pytest.raises(UserError, match="FASTRCNN_API_KEY: the key has 5 characters; at least 16"):
        settings(FASTRCNN_API_KEY="short")


def test_a_key_in_a_file(tmp_path: Path):
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    assert settings("--key-file", str(file), FASTRCNN_API_KEY="another-key-of-length").key == KEY
    file.write_text("\n")
    with pytest.raises(UserError, match="empty"):
        settings("--key-file", str(file))
    with pytest.raises(UserError, match="cannot be read"):
        settings("--key-file", str(tmp_path / "none"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.org"])
def test_other_machines_need_a_key(host):
    with pytest.raises(UserError, match="everybody who can reach this machine"):
        settings("--host", host)
    assert settings("--host", host, "--no-key").key is None
    assert settings("--host", host, FASTRCNN_API_KEY=KEY).key == KEY
    with pytest.raises(UserError, match="leave one of them out"):
        settings("--host", host, "--no-key", FASTRCNN_API_KEY=KEY)


def test_hosts():
    assert "detector.example.org" in settings("--public-host", "detector.example.org").hosts
    through_a_proxy = settings("--host", "0.0.0.0", "--no-key", "--public-host", "detector.example.org").hosts
    assert set(through_a_proxy) == {"127.0.0.1", "localhost", "::1", "0.0.0.0", "detector.example.org"}
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "10.0.0.1", "example.org", ""))


def test_numbers_out_of_range_are_listed_together():
    with pytest.raises(UserError) as refused:
        settings("--workers", "0", "--queue", "-1", "--port", "70000", "--max-bytes", "0")
    for name in ("--workers 0", "--queue -1", "--port 70000", "--max-bytes 0"):
        assert name in str(refused.value)


def test_workers_share_the_cores():
    assert settings("--jobs", "8", "--workers", "3").model.threads == 2
    assert settings("--jobs", "1", "--workers", "3").model.threads == 1
