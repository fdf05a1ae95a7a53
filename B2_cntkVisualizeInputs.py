"""Look into the network's inputs: read step 2's files back and draw what the network is going to see.

Reads   proc/<dataset>/cntkFiles/{train,test}.{txt,rois.txt,roilabels.txt,nrRois.txt}
Writes  results/<dataset>/inputs/<set>_<i><picture>: padded pictures; ROIs that show an object in the colour of its
        class, some of the others in grey
Prints  the number of ROIs of each class per picture.
"""

import logging
import sys
from itertools import islice

import numpy as np

from fastRCNN.pipeline.cntk_inputs import read_cntk_inputs
from fastRCNN.pipeline.stages import Chain
from fastRCNN.reporting.visualization import draw_inputs
from helpers.artifacts import IMAGE_SETS
from helpers.console import progress, run_script, setup_logging, table
from helpers.images import pad_to_square, read_image, write_image
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Draw the inputs."""
    parser = make_parser(__doc__)
    parser.add_argument("--image-set", choices=(*IMAGE_SETS, "all"), default="all", help="pictures to draw")
    parser.add_argument("--pictures", type=int, default=25, metavar="N", help="at most N of each set (default: 25)")
    parser.add_argument("--negatives", type=int, default=10, metavar="N",
                        help="ROIs without an object to draw, evenly chosen (default: 10)")  # fmt: skip
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    chain = Chain.choose(p)
    artifacts, classes = chain.artifacts, chain.datasets["train"].classes
    chain.require("rois", "inputs")
    rows = []
    for image_set in (name for name in IMAGE_SETS if p.image_set in (name, "all")):
        pictures = chain.datasets[image_set].image_paths
        records = read_cntk_inputs(artifacts, image_set, pictures, nr_rois=p.cntk_nrRois, nr_classes=len(classes))
        for record in islice(progress(records, f"{image_set} pictures"), max(0, p.pictures)):
            padded, _ = pad_to_square(read_image(record.image_path), p.cntk_padWidth)
            rois = record.absolute_rois(p.cntk_padWidth)
            name = f"{image_set}_{record.index}{record.image_path.name}"
            picture = draw_inputs(padded, rois, record.labels, classes, max_negatives=max(0, p.negatives))
            write_image(artifacts.results / "inputs" / name, picture)
            rows.append([name, *np.bincount(record.labels[record.labels >= 0], minlength=len(classes)).tolist()])
    print(table(["picture", "no object", *classes[1:]], rows))
    log.info("Pictures: %s", artifacts.results / "inputs")


if __name__ == "__main__":
    run_script(main)
