"""Fetching a published file: what broke off goes on, and its checksum is compared before anything is done with it."""

import hashlib
import http.client
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from helpers.errors import UserError

BLOCK = 1 << 20
TIMEOUT = 30.0  # seconds without a byte
ATTEMPTS = 5  # in a row without a byte gained


@dataclass(frozen=True)
class Published:
    """A published file. `digest` is the whole checksum, or its first digits where no more is known.

    advice: what to do with a file that was downloaded on another computer.
    """

    name: str
    urls: tuple[str, ...]
    algorithm: str = "sha256"
    digest: str = ""
    advice: str = ""


def download(published: Published, target: Path) -> None:
    """Fetch `published` from the first address that has it; `target` appears whole and checked, or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    faults = []
    for url in published.urls:
        try:
            _fetch(url, part)
            break
        except (OSError, http.client.HTTPException) as error:
            faults.append(f"{url}: {getattr(error, 'reason', None) or error}")
    else:
        held = f"\n{part.stat().st_size} bytes are kept; the same command goes on from there." if part.exists() else ""
        raise UserError(
            f"{published.name} could not be downloaded:\n  " + "\n  ".join(faults) + held + "\n"
            f"Without internet here: download {published.urls[0]} on another computer and "
            + (
                published.advice
                or f"give the file to\n  python resources/import_network.py {published.name}\n"
                "The tutorial also runs without it, with the network it has."
            )
        )
    if not matches(part, published):
        found = _digest(part, published.algorithm)
        part.unlink()
        raise UserError(
            f"{published.name}: expected the {published.algorithm} {published.digest}, found {found}. What was "
            "downloaded is damaged or another file, so it was removed. Try again, or from another network."
        )
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(target)
    print(f"{target}: {_certainty(published)}", flush=True)


def _fetch(url: str, part: Path) -> None:
    """Fetch the whole of `url` to `part`, going on after what it holds, as often as that gets further."""
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _fetch_rest(url, part, before):
                return
            reason = "the transfer broke off"
        except urllib.error.HTTPError:
            raise  # an answer, not a broken line
        except (OSError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", None) or error)
        gained = part.exists() and part.stat().st_size > before
        failures = 0 if gained else failures + 1
        if failures == ATTEMPTS or (failures and before == 0):  # never heard of it: no use in asking again
            raise OSError(reason)
        time.sleep(min(failures, 1))


def _fetch_rest(url: str, part: Path, held: int) -> bool:
    """Append what follows the first `held` bytes; True when the file is complete then."""
    if urllib.parse.urlparse(url).scheme not in ("http", "https"):
        raise UserError(f"{url}: expected an address that begins with https:// or http://.")
    request = urllib.request.Request(url, headers={"Range": f"bytes={held}-"} if held else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        error.close()  # there is nothing behind what is held: complete, or of another file, which its checksum shows
        return True
    with answer:
        if answer.status != 206:  # the server sends everything from its beginning
            held = 0
        length = answer.headers.get("Content-Length")
        total = held + int(length) if length else None
        with part.open("ab" if held else "wb") as file:
            while block := answer.read(BLOCK):
                _write(file, block, part)
                held += len(block)
                _show_progress(part.name.removesuffix(".part"), held, total)
    return total is None or held == total


def _write(file, block: bytes, part: Path) -> None:  # type: ignore[no-untyped-def]
    """Write to the disk; a full one is no fault of the line."""
    try:
        file.write(block)
    except OSError as error:
        raise UserError(
            f"{part}: cannot be written ({error.strerror}). Twice the size of the file is needed."
        ) from error


def _show_progress(name: str, held: int, total: int | None) -> None:
    if sys.stderr.isatty():
        of = f" of {total / 1e6:.0f}" if total else ""
        print(f"\r{name}: {held / 1e6:.0f}{of} MB ", end="\n" if held == total else "", file=sys.stderr, flush=True)


def _digest(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def matches(path: Path, published: Published) -> bool:
    return _digest(path, published.algorithm).startswith(published.digest.lower())


def _certainty(published: Published) -> str:
    """How far the checksum was compared."""
    if not published.digest:
        return "no checksum is known of it, so none was compared"
    whole = len(published.digest) == 2 * hashlib.new(published.algorithm).digest_size
    digits = "" if whole else f" (only the first {len(published.digest)} digits are known)"
    return f"its {published.algorithm} is right{digits}"


def published_at(url: str, digest: str) -> Published:
    """A file at another address; without a checksum given, the digits that a name of torchvision's ends in serve."""
    name = urllib.parse.unquote(Path(urllib.parse.urlparse(url).path).name)
    if digest and not re.fullmatch("[0-9a-fA-F]{8,64}", digest):
        raise UserError(f"--sha256 {digest}: expected 8 to 64 hexadecimal digits.")
    in_name = re.search(r"-([0-9a-f]{8,64})\.\w+$", name)
    return Published(name, (url,), digest=digest or (in_name[1] if in_name else ""))
