#!/usr/bin/env python3
"""Fetch a published AlexNet and make the tutorial's weight file of it:

    python resources/install_alexnet.py               torchvision's (245 MB)
    python resources/install_alexnet.py onnx          bvlcalexnet of the ONNX model zoo (244 MB)
    python resources/install_alexnet.py caffe         BVLC Caffe's bvlc_alexnet (244 MB)

A download that broke off goes on where it stopped when the same command is given again. Its checksum is compared
before anything is done with it. Without internet here: download the file elsewhere and give it to import_alexnet.py.
"""

import argparse
import hashlib
import http.client
import os
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))  # started from anywhere

from helpers.console import run_script  # noqa: E402
from helpers.errors import UserError  # noqa: E402
from resources.import_alexnet import OUTPUT, import_file  # noqa: E402

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


# Where the checksums come from: torchvision's from its name (8 digits) and the records of many who downloaded it (all),
# the model zoo's from its Git LFS pointer, Caffe's from models/bvlc_alexnet/readme.md.
PUBLISHED = {
    "torchvision": Published(
        "alexnet-owt-7be5be79.pth",  # torchvision puts the first eight digits of the checksum into the name
        ("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",),
        digest="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    ),
    "onnx": Published(
        "bvlcalexnet-12.onnx",
        (
            "https://huggingface.co/onnxmodelzoo/legacy_models/resolve/main/validated/vision/classification/alexnet/"
            "model/bvlcalexnet-12.onnx",
            "https://github.com/onnx/models/raw/main/validated/vision/classification/alexnet/model/bvlcalexnet-12.onnx",
        ),
        digest="6b0da9510f27f234ee96a85dc3809dd210150fdefad87f6850f9788513216945",
    ),
    "caffe": Published(
        "bvlc_alexnet.caffemodel",
        ("http://dl.caffe.berkeleyvision.org/bvlc_alexnet.caffemodel",),
        algorithm="sha1",  # the only one that its authors published
        digest="9116a64c0fbe4459d18f4bb6b56d647b63920377",
    ),
}


def install(published: Published, output: Path, *, keep: bool = False) -> None:
    """Download next to `output`, check, import, and remove the download unless it is to be kept."""
    target = output.parent / published.name
    if target.is_file() and _matches(target, published):
        print(f"{target} is there already", flush=True)
    else:
        download(published, target)
    import_file(target, output)
    if not keep:
        target.unlink()
        print(f"removed {target} (--keep keeps it)")


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
                or f"give the file to\n  python resources/import_alexnet.py {published.name}\n"
                "The tutorial also runs without it, with the network it has."
            )
        )
    if not _matches(part, published):
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
        raise UserError(f"{part}: cannot be written ({error.strerror}). 500 MB of free space are needed.") from error


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


def _matches(path: Path, published: Published) -> bool:
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


def main(argv: Sequence[str] | None = None) -> int:
    """Install one published network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "name", nargs="?", choices=sorted(PUBLISHED), default="torchvision", help="default: %(default)s"
    )
    parser.add_argument("--url", help="another address of such a file")
    parser.add_argument("--sha256", default="", help="its checksum")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="weight file to write (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the downloaded file as well")
    options = parser.parse_args(argv)
    published = published_at(options.url, options.sha256) if options.url else PUBLISHED[options.name]
    install(published, options.output, keep=options.keep)
    return 0


if __name__ == "__main__":
    run_script(main)
