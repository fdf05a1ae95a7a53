"""Sends the service what it cannot like, and checks that it lives: damaged pictures, then schemathesis.

    .venv/bin/python benchmarks/fuzz_service.py [--root DIR] [--dataset NAME] [--pictures 2000] [--examples 100]

Pictures: bits flipped, cut off, zeros and other bytes inside, other headers and sizes, decompression bombs, other kinds
of files; from the pictures of testImages as JPEG, PNG, WebP and BMP. schemathesis makes requests from the service's own
OpenAPI document. Exit status 1 for an answer of 500 or above other than 503, a worker that ended, or a leak.
"""

import argparse
import json
import subprocess
import sys
import urllib.error
import urllib.request
import zlib
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.load_service import Service  # noqa: E402
from helpers.images import find_images, read_image  # noqa: E402

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
OTHERS = (
    b"", b"hello", b"GIF89a" + bytes(40), b"%PDF-1.7\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    b"PK\x03\x04" + bytes(40), b"II*\x00" + bytes(40), b"\x7fELF" + bytes(40), b"{}", b"\x00" * 1000, b"BM", b"RIFF",
    b"RIFF\x00\x00\x00\x00WEBP", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x18ftypheic" + bytes(40),
)  # fmt: skip


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """Return `data` damaged in one of several ways."""
    bytes_ = bytearray(data)
    match int(rng.integers(9)):
        case 0:  # bits flipped anywhere
            for at in rng.integers(len(bytes_), size=int(rng.integers(1, 30))):
                bytes_[at] ^= 1 << int(rng.integers(8))
        case 1:  # bits flipped in the header
            for at in rng.integers(min(200, len(bytes_)), size=int(rng.integers(1, 8))):
                bytes_[at] ^= 1 << int(rng.integers(8))
        case 2:  # cut off
            del bytes_[int(rng.integers(1, len(bytes_))) :]
        case 3:  # a part is zeros
            at, size = int(rng.integers(len(bytes_))), int(rng.integers(1, 3000))
            bytes_[at : at + size] = bytes(len(bytes_[at : at + size]))
        case 4:  # a part is missing
            at = int(rng.integers(20, len(bytes_)))
            del bytes_[at : at + int(rng.integers(1, 3000))]
        case 5:  # a part is somewhere else
            at, to = rng.integers(len(bytes_), size=2)
            bytes_[to:to] = bytes_[at : at + 500]
        case 6:  # noise in a part
            at = int(rng.integers(len(bytes_)))
            part = bytes_[at : at + 400]
            bytes_[at : at + 400] = rng.bytes(len(part))
        case 7:  # another beginning
            bytes_[: int(rng.integers(1, 30))] = rng.bytes(int(rng.integers(1, 30)))
        case _:  # rubbish behind it
            bytes_ += rng.bytes(int(rng.integers(1, 5000)))
    return bytes(bytes_)


def bombs() -> list[bytes]:
    """Return small files that claim, or hold, huge pictures, and thin ones."""

    def png(width: int, height: int, rows: bytes) -> bytes:
        def chunk(kind: bytes, content: bytes) -> bytes:
            check = zlib.crc32(kind + content).to_bytes(4, "big")
            return len(content).to_bytes(4, "big") + kind + content + check

        head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")

    zeros = zlib.compress(bytes(60_000_000), 9)
    sizes = ((60_000, 60_000), (2**31 - 1, 2**31 - 1), (7_000, 7_000), (1, 4_000_000), (20_000, 20), (20, 20_000))
    made = [png(width, height, zeros) for width, height in sizes]
    header = b"BM" + bytes(8) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little")
    made.append(header + (50_000).to_bytes(4, "little") * 2 + b"\x01\x00\x18\x00" + bytes(200))
    made.append(
        b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
        + bytes(500)
        + b"\xff\xd9"
    )
    return made


def ask(url: str, data: bytes) -> tuple[int, bytes]:
    """Return status and body of POST /detect."""
    request = urllib.request.Request(url + "/detect", data, {"Content-Type": "application/octet-stream"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as fault:
        with fault:
            return fault.code, fault.read()


def main() -> int:
    """Print what came, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=REPOSITORY)
    parser.add_argument("--dataset", default="grocery")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--examples", type=int, default=100, help="of schemathesis for each address; 0: none")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    root = options.root.resolve()
    rng = np.random.default_rng(options.seed)
    images = [read_image(path) for path in find_images(root / "data" / options.dataset / "testImages")[:4]]
    small = [cv2.resize(image, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA) for image in images]
    whole = [cv2.imencode(kind, image)[1].tobytes() for image in small for kind in (".jpg", ".png", ".webp", ".bmp")]
    service = Service(root, options.dataset, [])
    faults: list[str] = []
    for data in whole:
        if ask(service.url, data)[0] != 200:
            faults.append("a whole picture was refused")
    made = [*OTHERS, *bombs()]
    made += [mutated(whole[int(rng.integers(len(whole)))], rng) for _ in range(options.pictures - len(made))]
    statuses: Counter[str] = Counter()
    memory, files = [service.megabytes()], service.descriptors()
    workers = service.processes()
    for number, data in enumerate(made):
        status, body = ask(service.url, data)
        kind = "" if status == 200 else json.loads(body)["type"].partition("#")[2]
        statuses[f"{status} {kind}".strip()] += 1
        if status >= 500 and status != 503:
            faults.append(f"picture {number}: {status} {body!r}")
        if (number + 1) % 500 == 0:
            memory.append(service.megabytes())
    print(
        f"{len(made)} damaged pictures: {', '.join(f'{number} x {name}' for name, number in statuses.most_common())}."
    )
    print(f"Memory, service + worker, MiB, each 500: {[[round(each) for each in values] for values in memory]}.")
    print(f"Open files before {files}, after {service.descriptors()}.")
    if service.processes() != workers:
        faults.append("a worker ended")
    if options.examples:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)]
        command += ["run", service.url + "/openapi.json", "--checks", "all", "--max-examples", str(options.examples)]
        command += ["--seed", str(options.seed), "--no-color"]
        ended = subprocess.run(command, capture_output=True, text=True)
        print(ended.stdout[-3000:])
        if ended.returncode:
            faults.append("schemathesis found faults")
    if service.processes() != workers:
        faults.append("a worker ended")
    if ask(service.url, whole[0])[0] != 200:
        faults.append("a whole picture was refused afterwards")
    print(f"Exit status after SIGTERM: {service.stop()}.")
    for fault in faults[:20]:
        print(f"FAULT: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
