#!/usr/bin/env python3
"""Bring Pascal VOC to resources/pascalVocData/, where --dataset pascalVoc looks for it:

    python resources/install_pascal_voc.py                  2007: 9,963 pictures, and their Selective Search boxes
    python resources/install_pascal_voc.py 2007 2012 boxes  these parts
    python resources/install_pascal_voc.py --from DIR       archives that you have downloaded lie in DIR

What is not in DIR is downloaded. Checksums are compared before anything is unpacked, and afterwards every list of
pictures is: all its pictures and annotations must be there. A run that was stopped goes on when it is started again.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))  # started from anywhere

from helpers.console import run_script  # noqa: E402
from helpers.errors import raise_collected  # noqa: E402
from resources.archives import archive_options, fetch_archive, unpack  # noqa: E402
from resources.weight_import.download import Published  # noqa: E402

_ADVICE = "name its folder: python resources/install_pascal_voc.py --from FOLDER"
_HOME = "http://host.robots.ox.ac.uk/pascal/VOC/"


@dataclass(frozen=True)
class Part:
    """Archives that belong together, the folder that they hold, and how many pictures each list must have (by path)."""

    archives: tuple[Published, ...]
    below: str
    lists: dict[str, int]
    files: tuple[str, ...] = ()


def _voc(name: str, folder: str, digest: str) -> Published:
    return Published(name, (f"{_HOME}{folder}/{name}",), "md5", digest, _ADVICE)


PARTS = {
    "2007": Part(
        (
            _voc("VOCtrainval_06-Nov-2007.tar", "voc2007", "c52e279531787c972589f7e41ab4ae64"),
            _voc("VOCtest_06-Nov-2007.tar", "voc2007", "b6e924de25625d8de591ea690078ad9f"),
        ),
        "VOCdevkit/VOC2007/",
        {"VOC2007/ImageSets/Main/trainval.txt": 5011, "VOC2007/ImageSets/Main/test.txt": 4952},
    ),
    "2012": Part(
        (_voc("VOCtrainval_11-May-2012.tar", "voc2012", "6cd6e144f989b92b3379bac3b3de84fd"),),
        "VOCdevkit/VOC2012/",
        {"VOC2012/ImageSets/Main/trainval.txt": 11540},
    ),
    "boxes": Part(
        (
            Published(
                "selective_search_data.tgz",
                (
                    "https://people.eecs.berkeley.edu/~rbg/fast-rcnn-data/selective_search_data.tgz",
                    "https://dl.dropboxusercontent.com/s/orrt7o6bp6ae0tc/selective_search_data.tgz?dl=0",
                ),
                "md5",
                "7078c1db87a7851b31966b96774cd9b9",
                _ADVICE,
            ),
        ),
        "selective_search_data/",
        {},
        ("voc_2007_trainval.mat", "voc_2007_test.mat"),
    ),
}


def install(part: Part, target: Path, source: Path | None, *, keep: bool = False, unchecked: bool = False) -> None:
    """Bring `part` to `target`, unless it is there already; downloads are removed afterwards unless kept."""
    if not faults_of(part, target):
        print(f"{target / part.below}: there already, and complete")
        return
    downloads = target / "archives"
    for published in part.archives:
        archive = fetch_archive(published, [*([source] if source else []), downloads], unchecked=unchecked)
        written, there = unpack(archive, target, below=part.below)
        print(f"{archive}: {written} files unpacked" + (f", {there} were there" if there else ""), flush=True)
    raise_collected(faults_of(part, target), f"{target / part.below} is not complete:", "Run this again.")
    if not keep:
        for published in part.archives:
            (downloads / published.name).unlink(missing_ok=True)
    print(f"{target / part.below}: complete")


def faults_of(part: Part, target: Path) -> list[str]:
    """Return what `part` lacks in `target`: lists, pictures, annotations."""
    faults = [
        f"{target / part.below / name}: missing" for name in part.files if not (target / part.below / name).is_file()
    ]
    for name, expected in part.lists.items():
        path = target / "VOCdevkit" / name
        if not path.is_file():
            faults.append(f"{path}: missing")
            continue
        names = path.read_text(encoding="utf-8").split()
        if len(names) != expected:
            faults.append(f"{path}: {len(names)} pictures, expected {expected}")
        year = path.parents[2]
        pictures = {each.name for each in (year / "JPEGImages").glob("*.jpg") if each.stat().st_size}
        annotations = {each.name for each in (year / "Annotations").glob("*.xml") if each.stat().st_size}
        lost = [n for n in names if f"{n}.jpg" not in pictures or f"{n}.xml" not in annotations]
        faults += (
            [f"{path}: picture or annotation of {lost[0]} is missing, and of {len(lost) - 1} more"] if lost else []
        )
    return faults


def main(argv: Sequence[str] | None = None) -> None:
    """Install the parts that are asked for."""
    words = "2007, 2012, boxes (default: 2007 boxes)"
    options = archive_options(__doc__, argv, kind="part", known=list(PARTS), words=words, root=REPOSITORY)
    for name in options.names or ["2007", "boxes"]:
        target = options.root / "resources" / "pascalVocData"
        install(PARTS[name], target, options.source, keep=options.keep, unchecked=options.unchecked)


if __name__ == "__main__":
    run_script(main)
