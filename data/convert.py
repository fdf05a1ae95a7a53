#!/usr/bin/env python3
"""Convert annotations of other tools into the tutorial's, and back.

    python data/convert.py ~/exports/raccoon data/raccoon --split 0.2
        what lies in the folder is recognised; pictures are copied; a fifth of them, drawn by --seed, is for testing

    python data/convert.py --from coco instances.json --pictures ~/photos data/mine
        one file, its pictures somewhere else

    python data/convert.py data/grocery --to yolo ~/grocery_yolo
    python data/convert.py data/grocery --to csv:keras-frcnn ~/table --no-pictures
        the other way; annotations alone

DST is a new folder. Nothing is overwritten, and when something is wrong nothing is written. What a format cannot hold
is counted in the summary; conversion_report.tsv in DST lists it by picture. docs/ANNOTATION_FORMATS.md has a table of
the formats' conventions, and what to type when you come from another tool.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))  # run as a program from anywhere

from data.annotation_formats.conversion import Request, Result, convert  # noqa: E402
from data.annotation_formats.fitting import CHOICES, Choices  # noqa: E402
from data.annotation_formats.registry import formats  # noqa: E402
from data.annotation_formats.source import REPORT_NAME  # noqa: E402
from helpers.annotations import alike_labels  # noqa: E402
from helpers.console import run_script, setup_logging  # noqa: E402


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the command line, convert, print what was done."""
    options = _parser().parse_args(argv)
    setup_logging(options.quiet)
    request = Request(
        source=options.source,
        target=options.target,
        source_format=options.source_format,
        target_format=options.target_format,
        with_pictures=not options.no_pictures,
        pictures=options.pictures,
        split=options.split,
        seed=options.seed,
        choices=Choices(options.difficult, options.truncated),
        skip_faulty=options.skip_faulty,
        overwrite=options.overwrite,
    )
    result = convert(request)
    print("\n".join(summary(result, request)))


def summary(result: Result, request: Request) -> list[str]:
    """What was done, in lines."""
    data = result.data
    labels = Counter(box.label for picture in data.pictures for box in picture.boxes)
    subsets = Counter(picture.subset or "train" for picture in data.pictures)
    empty = sum(not picture.boxes for picture in data.pictures)
    classes = ", ".join(f"{label} {count}" for label, count in labels.most_common(20)) + (
        ", ..." if len(labels) > 20 else ""
    )
    lines = [
        f"{request.source}: {result.source_format.name} ({result.source_format.title}): {result.reason}",
        *result.log.headlines,
        f"{request.target}: {result.target_format.name}, {counted(len(data.pictures), 'picture')} "
        f"({', '.join(f'{name} {count}' for name, count in sorted(subsets.items()))}; {empty} without objects), "
        f"{counted(labels.total(), 'box')} of {counted(len(labels), 'class')}: {classes}",
        *result.log.summary(),
    ]
    lines += [f"labels that look alike, and stay different classes: {group}" for group in alike_labels(list(labels))]
    if result.log.remarks or result.log.faults:
        lines.append(f"by picture: {request.target / REPORT_NAME}")
    if result.target_format.name == "tutorial" and "test" not in subsets:
        lines.append("testImages/ is empty; --split 0.2 would draw a fifth of the pictures for it")
    elif result.target_format.name == "tutorial" and (folder := request.target.absolute().parent).name == "data":
        root = "" if folder.parent == REPOSITORY else f" --root {folder.parent}"
        lines.append(f"next: python3 run.py --dataset {request.target.name}{root}")
    return lines


def counted(number: int, thing: str) -> str:
    """Return a number with its word.

    >>> counted(1, "class"), counted(2, "box"), counted(3, "picture")
    ('1 class', '2 boxes', '3 pictures')
    """
    return f"{number} {thing}" + ("" if number == 1 else "es" if thing[-1] in "sx" else "s")


def _parser() -> argparse.ArgumentParser:
    known = formats()
    listed = "\n".join(
        f"  {name:<13} {each.title}"
        + (f"; {name}:" + f", {name}:".join(f for f in each.flavours if f) if any(each.flavours) else "")
        for name, each in known.items()
    )
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"formats:\n{listed}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="SRC", type=Path, help="folder, or one annotation file")
    parser.add_argument("target", metavar="DST", type=Path, help="folder to make, such as data/myOwnImages")
    parser.add_argument(
        "--from",
        dest="source_format",
        metavar="FORMAT",
        default="auto",
        help="format of SRC (default: auto, recognise it)",
    )
    parser.add_argument(
        "--to", dest="target_format", metavar="FORMAT", default="tutorial", help="format of DST (default: tutorial)"
    )
    parser.add_argument(
        "--no-pictures", action="store_true", help="annotations alone; pictures are neither needed nor copied"
    )
    parser.add_argument("--pictures", metavar="DIR", type=Path, help="look for pictures in this folder too")
    parser.add_argument(
        "--split", type=float, metavar="SHARE", help="draw this share of the pictures for testing, whatever SRC says"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="for --split (default: 0)")
    parser.add_argument(
        "--difficult",
        choices=CHOICES,
        default="keep",
        help="difficult and crowd boxes where DST has no such mark: as EXCLUDE, as ordinary ones (default), or not",
    )
    parser.add_argument("--truncated", choices=CHOICES, default="keep", help="the same for truncated boxes")
    parser.add_argument(
        "--skip-faulty", action="store_true", help="leave out pictures whose annotation is faulty, and list them"
    )
    parser.add_argument("--overwrite", action="store_true", help="DST may be there; it is kept as DST.before-1")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser


if __name__ == "__main__":
    run_script(main)
