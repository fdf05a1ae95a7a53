"""From the command line to settings: what may be asked for, and what is refused before anything starts."""

import argparse
import ipaddress
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.errors import UserError
from webapp.serve.model_choice import ModelChoice
from webapp.serve.pool import PoolLimits
from webapp.serve.settings import ServiceSettings
from webapp.serve.uploads import UploadLimits
from webapp.serve.worker_process import KEY_VARIABLE

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SHORTEST_KEY = 16


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the service's options to the parser of the scripts."""
    network = parser.add_argument_group("who can reach it")
    network.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS",
        help="address to listen on (default: 127.0.0.1, this machine alone). 0.0.0.0 means everybody who can reach "
        "this machine, and asks for a key, or --no-key",
    )  # fmt: skip
    network.add_argument("--port", type=int, default=8080, metavar="N", help="(default: 8080; 0: any free one)")
    network.add_argument(
        "--key-file", type=Path, metavar="FILE",
        help=f"file that holds the key that clients must send; or the environment variable {KEY_VARIABLE}",
    )  # fmt: skip
    network.add_argument("--no-key", action="store_true", help="answer everybody who can reach it, without a key")
    network.add_argument(
        "--public-host", action="append", default=[], metavar="NAME",
        help="a name that clients reach the service by, for example through a proxy; repeatable. "
        "On 127.0.0.1 only localhost is known otherwise",
    )  # fmt: skip
    network.add_argument(
        "--cors-origin", action="append", default=[], metavar="ORIGIN",
        help="let pages of https://example.org (or file:// for VoTT) ask; repeatable (default: none)",
    )  # fmt: skip
    load = parser.add_argument_group("how much it takes on")
    load.add_argument("--workers", type=int, default=1, metavar="N",
                      help="processes that hold the model; they share the cores (default: 1)")  # fmt: skip
    load.add_argument("--queue", type=int, default=16, metavar="N",
                      help="pictures that may wait; more are refused with 503 (default: 16)")  # fmt: skip
    load.add_argument("--max-bytes", type=int, default=20 << 20, metavar="N",
                      help="of a picture's file (default: 20 MiB)")  # fmt: skip
    load.add_argument("--max-pixels", type=int, default=50_000_000, metavar="N",
                      help="of a picture (default: 50 million)")  # fmt: skip
    load.add_argument("--upload-seconds", type=float, default=20.0, metavar="S",
                      help="until a picture must be there (default: 20)")  # fmt: skip
    load.add_argument("--picture-seconds", type=float, default=60.0, metavar="S",
                      help="for a picture; then its worker is started again (default: 60)")  # fmt: skip
    parser.add_argument("--log-format", choices=("text", "json"), default="text", help="of the lines on stderr")


def settings_of(p: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> ServiceSettings:
    """Return the settings for the parameters and options `p`; `UserError` for what does not go together."""
    faults = [
        f"--{name.replace('_', '-')} {p[name]}: expected at least {least}"
        for name, least in (("workers", 1), ("queue", 0), ("max_bytes", 1), ("max_pixels", 1),
                            ("upload_seconds", 0.1), ("picture_seconds", 0.1))
        if p[name] < least
    ]  # fmt: skip
    if not 0 <= p["port"] <= 65535:
        faults.append(f"--port {p['port']}: expected 0 to 65535")
    if faults:
        raise UserError("\n".join(faults))
    key = _key(p["key_file"], environment)
    local = is_loopback(p["host"])
    if key and p["no_key"]:
        raise UserError(f"--no-key, but there is a key ({KEY_VARIABLE} or --key-file): leave one of them out")
    if not local and not key and not p["no_key"]:
        raise UserError(
            f"--host {p['host']}: everybody who can reach this machine could use the detector. Give a key in the "
            f"environment variable {KEY_VARIABLE} or with --key-file, or say --no-key if that is meant"
        )
    threads = max(1, p["jobs"] // p["workers"])
    known = (*_LOOPBACK, p["host"], *p["public_host"]) if local or p["public_host"] else ()
    return ServiceSettings(
        model=ModelChoice(
            p["root"], p["datasetName"], p["classifier"], p["engine"], p["device"], threads,
            p["vis_decisionThresholds"].get(p["classifier"]), p["log_format"] == "json",
        ),
        pool=PoolLimits(p["workers"], p["queue"], p["max_pixels"], p["picture_seconds"]),
        uploads=UploadLimits(p["max_bytes"], p["upload_seconds"], max(256 << 20, 4 * p["max_bytes"])),
        key=key,
        hosts=known,
        cors_origins=tuple(p["cors_origin"]),
        json_log=p["log_format"] == "json",
    )  # fmt: skip


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host in _LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _key(file: Path | None, environment: Mapping[str, str]) -> str | None:
    """Return the key, None when there is none."""
    if file is None:
        key, origin = environment.get(KEY_VARIABLE, "").strip(), KEY_VARIABLE
    else:
        origin = str(file)
        try:
            key = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as fault:
            raise UserError(f"--key-file {file}: cannot be read ({fault})") from None
        if not key:
            raise UserError(f"--key-file {file}: the file is empty; it should hold the key")
    if key and len(key) < _SHORTEST_KEY:
        raise UserError(
            f"{origin}: the key has {len(key)} characters; at least {_SHORTEST_KEY} are needed. "
            'Make one: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return key or None


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a listening socket; `UserError` when the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(1024)
    except OSError as fault:
        reason = fault.strerror or str(fault)
        raise UserError(f"--host {host} --port {port}: cannot listen there: {reason}. Try another --port") from None
    return listening
