"""Step 2: write pictures, ROIs and their labels as the text files that a Fast R-CNN network is fed with.

Reads   data/<dataset>/, proc/<dataset>/rois/
Writes  proc/<dataset>/cntkFiles/{train,test}.txt, .rois.txt, .roilabels.txt, .nrRois.txt
Prints  how many ROIs of each class there are to learn from.
"""

import logging
import sys

import helpers.first  # noqa: F401

from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.inputs_step import InputsRun
from fastRCNN.pipeline.stages import Chain
from helpers.artifacts import exclusive
from helpers.console import run_script, setup_logging, table
from helpers.remembered import remembered
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Run step 2."""
    p = get_parameters(sys.argv[1:], make_parser(__doc__))
    setup_logging(p.quiet)
    if why := CLASSIFIERS[p.classifier].does_without("inputs"):
        log.info('classifier is "%s": %s, step 2 is not needed.', p.classifier, why)
        return
    chain = Chain.choose(p, census=True)
    artifacts, imdbs, inputs = chain.artifacts, chain.datasets, InputsRun.choose(p)
    with exclusive(artifacts):
        chain.require("rois")
        with chain.writing("inputs", anew=not chain.is_up_to_date("inputs")) as work:
            written = inputs.write(chain, work) if work.todo else {}
        counts = remembered(
            artifacts.manifest_file("counts"), chain.recipe_digest("inputs"),
            lambda: written or inputs.count(chain),
        )  # fmt: skip
        log.info("Files: %s", artifacts.cntk_files)
        objects = {image_set: [0, *imdb.objects_per_class().values()] for image_set, imdb in imdbs.items()}
        rows = zip(
            imdbs["train"].classes, objects["train"], counts["train"], objects["test"], counts["test"], strict=True
        )
        print(table(["class", "train objects", "train ROIs", "test objects", "test ROIs"], rows))


if __name__ == "__main__":
    run_script(main)
