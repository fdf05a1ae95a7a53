#!/usr/bin/env python3
"""Fetch Microsoft's photos of groceries in a refrigerator into data/groceryPhotos.

The photos belong to github.com/Azure/ObjectDetectionUsingCntk (MIT licence): 20 annotated ones for training, 5 for
testing, 5 without groceries. The archive is some tens of megabytes. A stopped download continues with the next call.

Without internet: download the archive in a browser on another machine, copy it here, and give its place as
--url file:///path/to/ObjectDetectionUsingCntk-master.zip
"""

import argparse
import re
import shutil
import struct
import sys
import urllib.error
import urllib.request
import zipfile
from http.client import HTTPException
from pathlib import Path

URL = "https://github.com/Azure/ObjectDetectionUsingCntk/archive/refs/heads/master.zip"
EXPECTED = {"positive": 20, "testImages": 5, "negative": 5}  # pictures per folder
LABELS = {"orange", "eggBox", "joghurt", "ketchup", "squash", "mushroom", "water", "mustard", "EXCLUDE", "UNDECIDED"}
BIGGEST_FILE = 64 * 2**20  # bytes; no photo comes near it
_WANTED = re.compile(r"[^/]+/data/grocery/(positive|testImages|negative)/([^/\\]+\.(?:jpg|tsv))")


class InstallError(Exception):
    """Something a reader can act on; printed as one line."""


def download(url, part, timeout=30):
    """Fetch `url` into the file `part`, continuing what is already in it if the server can."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            resumed = have > 0 and getattr(answer, "status", None) == 206
            received = _copy(answer, part, have if resumed else 0)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is left to fetch: the file is complete, or not ours
            return
        raise InstallError(f"the server answered {error.code} {error.reason} for {url}") from error
    except (urllib.error.URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise InstallError(
            f"can not fetch {url}: {reason}. What has come is kept; run this again to continue, or see "
            "--help for a machine without internet"
        ) from error
    expected = answer.headers.get("Content-Length")
    if expected is not None and received < int(expected):
        raise InstallError(f"the download broke off after {received} of {expected} bytes. Run this again to continue")


def _copy(answer, part, start):
    """Append the answer to `part` from byte `start` on; returns the bytes received."""
    received, shown = 0, 0
    with part.open("r+b" if start else "wb") as file:
        file.seek(start)
        while block := answer.read(1 << 18):
            file.write(block)
            received += len(block)
            if received - shown >= 8 << 20:
                shown = received
                print(f"  {(start + received) / 2**20:.0f} MB", file=sys.stderr)
        file.truncate()
    return received


def unpack(archive, folder):
    """Write the data set inside the archive into `folder` and return how many files that were."""
    count = 0
    try:
        with zipfile.ZipFile(archive) as zipped:
            for entry in zipped.infolist():
                match = _WANTED.fullmatch(entry.filename)
                if not match:
                    continue
                if entry.file_size > BIGGEST_FILE:
                    raise InstallError(
                        f"{entry.filename} in the archive is {entry.file_size} bytes: not the published file"
                    )
                target = folder / match[1] / match[2]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(zipped.read(entry))  # checks the CRC
                count += 1
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, ValueError) as error:
        raise InstallError(f"the archive is damaged or not a zip file ({error})") from error
    if not count:
        raise InstallError("the archive holds no data/grocery folder: not the tutorial's archive")
    return count


def jpeg_size(content):
    """(width, height) of the bytes of a complete JPEG, or None."""
    if content[:2] != b"\xff\xd8" or b"\xff\xd9" not in content[-64:]:
        return None
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], struct.unpack(">H", content[at + 2 : at + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def check_annotation(picture, size):
    """List of faults of one picture's two annotation files; size: (width, height)."""
    boxes, labels = (picture.with_suffix(ending) for ending in (".bboxes.tsv", ".bboxes.labels.tsv"))
    if not boxes.exists() or not labels.exists():
        return [f"{picture.name}: its annotation is missing"]
    try:
        rows = [[int(v) for v in line.split("\t")] for line in boxes.read_text(encoding="utf-8").splitlines() if line]
        names = labels.read_text(encoding="utf-8").split()
    except (ValueError, UnicodeDecodeError) as error:
        return [f"{boxes.name}: {error}"]
    faults = [] if len(rows) == len(names) else [f"{boxes.name}: {len(rows)} boxes but {len(names)} labels"]
    for number, row in enumerate(rows, 1):
        if len(row) != 4 or not (0 <= row[0] < row[2] < size[0] and 0 <= row[1] < row[3] < size[1]):
            faults.append(f"{boxes.name}:{number}: {row} is no box inside {size[0]}x{size[1]} pixels")
    return faults + [f"{labels.name}: unknown label {name}" for name in names if name not in LABELS]


def faults_of(folder):
    """List of everything that is wrong with a data set folder; empty when it is what was published."""
    faults = []
    for name, expected in EXPECTED.items():
        pictures = sorted((folder / name).glob("*.jpg"))
        if len(pictures) != expected:
            faults.append(f"{name}/ has {len(pictures)} pictures, expected {expected}")
        for picture in pictures:
            size = jpeg_size(picture.read_bytes())
            if size is None:
                faults.append(f"{name}/{picture.name} is not a complete JPEG")
            elif name != "negative":
                faults += check_annotation(picture, size)
    return faults


def _summary(faults):
    return "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")


def install(url, target):
    """Bring the data set to `target`, whole or not at all. Returns a line that says what was done."""
    if target.exists():
        faults = faults_of(target)
        if faults:
            raise InstallError(
                f"{target} exists but is not the published set ({_summary(faults)}). Rename or remove "
                "that folder, then run this again"
            )
        return f"{target} is there already and complete"
    part, unpacked = target.with_name(target.name + ".zip.part"), target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(unpacked, ignore_errors=True)
    print(f"fetching {url}", file=sys.stderr)
    download(url, part)
    try:
        unpack(part, unpacked)
        faults = faults_of(unpacked)
        if faults:
            raise InstallError(f"what came is not the published set: {_summary(faults)}")
        unpacked.replace(target)
    except InstallError as error:
        # Continuing a damaged file would only add to it.
        part.unlink()
        raise InstallError(f"{error}. The download was removed; run this again") from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    part.unlink()
    return f"{target}: {sum(EXPECTED.values())} pictures"


def main(argv=None):
    """Exit status 0 when the photos are there, 1 with one line when not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=URL, help="where the archive is: https://, http:// or file:// (%(default)s)")
    parser.add_argument(
        "--root",
        type=Path,
        default=Path(__file__).resolve().parents[1],
        help="folder that holds data/ (default: the repository)",
    )
    options = parser.parse_args(argv)
    try:
        print(install(options.url, options.root / "data" / "groceryPhotos"))
    except (InstallError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: stopped; what has come is kept, run this again to continue", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
