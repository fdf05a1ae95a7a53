#!/usr/bin/env python3
"""Bring COCO 2017 to data/coco/, where --dataset coco finds it:

    python resources/install_coco.py              118,287 training and 5,000 test pictures
    python resources/install_coco.py val2017      one list of pictures; annotations always come along
    python resources/install_coco.py --from DIR   archives that you have downloaded lie in DIR

What is not in DIR is downloaded. Checksums are compared before anything is unpacked, and afterwards the pictures are
counted. A run that was stopped goes on when it is started again.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))  # started from anywhere

from helpers.console import run_script  # noqa: E402
from helpers.errors import raise_collected  # noqa: E402
from resources.archives import archive_options, fetch_archive, unpack  # noqa: E402
from resources.weight_import.download import Published  # noqa: E402

_HOME = "http://images.cocodataset.org/"
_ADVICE = "name its folder: python resources/install_coco.py --from FOLDER"
ARCHIVES = {
    "annotations": Published(
        "annotations_trainval2017.zip", (f"{_HOME}annotations/annotations_trainval2017.zip",), "md5",
        "f4bbac642086de4f52a3fdda2de5fa2c", _ADVICE,
    ),
    "train2017": Published(
        "train2017.zip", (f"{_HOME}zips/train2017.zip",), "md5", "cced6f7f71b7629ddf16f17bbcfab6b2", _ADVICE
    ),
    "val2017": Published(
        "val2017.zip", (f"{_HOME}zips/val2017.zip",), "md5", "442b8da7639aecaf257c1dceb8ba8c80", _ADVICE
    ),
}  # fmt: skip
PICTURES = {"train2017": 118_287, "val2017": 5_000}


def install(name: str, target: Path, source: Path | None, *, keep: bool = False, unchecked: bool = False) -> None:
    """Bring one archive's content to `target`, unless it is there; a download is removed afterwards unless kept."""
    if not faults_of(name, target):
        print(f"{target / name}: there already, and complete")
        return
    downloads = target / "archives"
    archive = fetch_archive(ARCHIVES[name], [*([source] if source else []), downloads], unchecked=unchecked)
    below = "annotations/instances_" if name == "annotations" else f"{name}/"
    written, there = unpack(archive, target, below=below)
    print(f"{archive}: {written} files unpacked" + (f", {there} were there" if there else ""), flush=True)
    raise_collected(faults_of(name, target), f"{target / name} is not complete:", "Run this again.")
    if not keep:
        (downloads / archive.name).unlink(missing_ok=True)
    print(f"{target / name}: complete")


def faults_of(name: str, target: Path) -> list[str]:
    """Return what is missing of one archive's content in `target`."""
    if name == "annotations":
        files = [target / "annotations" / f"instances_{each}.json" for each in PICTURES]
        return [f"{path}: missing" for path in files if not path.is_file()]
    folder = target / name
    found = sum(1 for each in folder.glob("*.jpg") if each.stat().st_size) if folder.is_dir() else 0
    return [] if found == PICTURES[name] else [f"{folder}: {found} pictures, expected {PICTURES[name]}"]


def main(argv: Sequence[str] | None = None) -> None:
    """Install what is asked for."""
    words = f"{' or '.join(PICTURES)} (default: both)"
    options = archive_options(__doc__, argv, kind="list", known=list(PICTURES), words=words, root=REPOSITORY)
    for name in ("annotations", *(options.names or PICTURES)):
        target = options.root / "data" / "coco"
        install(name, target, options.source, keep=options.keep, unchecked=options.unchecked)


if __name__ == "__main__":
    run_script(main)
