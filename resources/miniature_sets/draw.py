"""Draw the miniature data sets:

python -m resources.miniature_sets.draw FOLDER

Then, with FOLDER = resources: python 1_computeRois.py --dataset pascalVoc
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from helpers.console import run_script
from helpers.errors import UserError
from resources.miniature_sets.coco import draw_coco
from resources.miniature_sets.voc import draw_devkit


def main(argv: Sequence[str] | None = None) -> None:
    """Draw both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where pascalVocData/ and coco/ are to be")
    parser.add_argument("--pictures", type=int, default=14, metavar="N", help="of VOC 2007's trainval (%(default)s)")
    options = parser.parse_args(argv)
    if options.pictures < 14:
        raise UserError(f"--pictures {options.pictures}: expected at least 14, so that each of 20 classes is shown")
    voc, coco = options.folder / "pascalVocData", options.folder / "coco"
    there = [folder for folder in (voc / "VOCdevkit", coco) if folder.exists()]
    if there:
        raise UserError(f"{there[0]}: there already. Remove it, or name another folder")
    half = max(8, options.pictures // 2)
    print(draw_devkit(voc, trainval=options.pictures, test=half, later=half))
    print(draw_coco(coco, train=options.pictures, val=half))


if __name__ == "__main__":
    run_script(main)
