"""Two thousand damaged pictures: each is read or refused by name, and none asks for more memory than it can hold."""

import io
import random
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from helpers.decoding import decode_image, inspect_image
from helpers.errors import UserError

KINDS = (
    ("JPEG", {}), ("JPEG", {"progressive": True}), ("JPEG", {"restart_marker_rows": 2}), ("PNG", {}), ("BMP", {}),
    ("WEBP", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "jpeg"}),
)  # fmt: skip


def whole_pictures():
    """The bytes of pictures of 160 x 120 pixels, of every kind and some modes."""
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    picture = Image.fromarray(cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX))
    turned = Image.Exif()
    turned[0x0112] = 6
    chosen = [(picture, kind, options) for kind, options in KINDS]
    chosen += [
        (picture.convert("P"), "PNG", {}),
        (picture.convert("CMYK"), "JPEG", {}),
        (picture, "JPEG", {"exif": turned}),
    ]
    for image, kind, options in chosen:
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        yield buffer.getvalue()


def mutated(data, rng):
    """`data` with bits turned over, cut off, with bytes put in or left out, or with another header."""
    changed = bytearray(data)
    how = rng.choice(("bits", "cut", "insert", "leave out", "header"))
    if how == "bits":
        for _ in range(rng.choice((1, 3, 10, 100))):
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    elif how == "cut":
        del changed[rng.randrange(len(changed)) :]
    elif how == "insert":
        at = rng.randrange(len(changed))
        changed[at:at] = rng.randbytes(rng.choice((1, 2, 50)))
    elif how == "leave out":
        at = rng.randrange(len(changed))
        del changed[at : at + rng.choice((1, 4, 100))]
    else:
        for _ in range(rng.choice((1, 2, 5))):
            changed[rng.randrange(200)] = rng.choice((0, 255, rng.randrange(256)))
    return bytes(changed)


def read_all(count):
    """Read `count` mutated pictures; return how many were read and how many refused."""
    rng, whole = random.Random(0), list(whole_pictures())
    outcomes = {"read": 0, "refused": 0}
    for number in range(count):
        data = mutated(whole[number % len(whole)], rng)
        for read in (decode_image, inspect_image):
            try:
                read(data, "7.jpg")
                outcomes["read"] += 1
            except UserError as error:
                assert str(error).startswith("7.jpg: "), error
                outcomes["refused"] += 1
    return outcomes


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the largest memory of a process like this")
def test_mutated_pictures_are_read_or_refused_and_memory_is_bounded():
    code = (
        "import resource, runpy, sys\n"
        "names = runpy.run_path(sys.argv[1])\n"
        "unit = 1024 if sys.platform == 'linux' else 2**20\n"
        "largest = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit\n"
        "before = largest()\n"
        "outcomes = names['read_all'](2000)\n"
        "print(outcomes['read'], outcomes['refused'], largest() - before)"
    )
    here = Path(__file__)
    child = subprocess.run(
        [sys.executable, "-c", code, str(here)], cwd=here.parents[2], check=False, capture_output=True, text=True
    )
    assert child.returncode == 0, child.stderr
    read, refused, megabytes = map(int, child.stdout.split())
    assert read > 500
    assert refused > 1000
    assert megabytes < 150
