"""Step 2: write pictures, ROIs and their labels as the text files that a Fast R-CNN network is fed with.

Reads   data/<dataset>/, proc/<dataset>/rois/
Writes  proc/<dataset>/cntkFiles/{train,test}.txt, .rois.txt, .roilabels.txt, .nrRois.txt
Prints  how many ROIs of each class there are to learn from.
"""

import logging
import sys
from collections.abc import Iterator

import numpy as np

from fastRCNN.datasets.roidb import RoiRecord, load_roidb, roi_labels
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.cntk_inputs import CntkRecord, input_files, relative_rois, write_cntk_inputs
from fastRCNN.pipeline.stages import Chain
from helpers.artifacts import exclusive
from helpers.console import progress, run_script, setup_logging, table
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
    artifacts, imdbs = chain.artifacts, chain.datasets
    with exclusive(artifacts):
        chain.require("rois")
        counts = {}
        with chain.writing("inputs", anew=True) as work:
            for image_set, imdb in imdbs.items():
                ignore_from = None if p.compat == "tutorial" else p.train_posOverlapThres
                roidb = load_roidb(imdb, artifacts, p.cntk_nrRois, image_set == "train", ignore_from=ignore_from)
                counts[image_set] = np.zeros(len(imdb.classes), np.int64)
                records = to_records(progress(roidb, f"{image_set} inputs", len(imdb)), p, counts[image_set])
                write_cntk_inputs(artifacts, image_set, records, nr_rois=p.cntk_nrRois, nr_classes=len(imdb.classes))
                work.enter(*input_files(artifacts, image_set))
        log.info("Files: %s", artifacts.cntk_files)
        objects = {image_set: [0, *imdb.objects_per_class().values()] for image_set, imdb in imdbs.items()}
        rows = zip(
            imdbs["train"].classes, objects["train"], counts["train"], objects["test"], counts["test"], strict=True
        )
        print(table(["class", "train objects", "train ROIs", "test objects", "test ROIs"], rows))


def to_records(roidb, p, counts: np.ndarray) -> Iterator[CntkRecord]:
    """Yield what step 2 writes for each picture, and add its ROIs per class to `counts` in place."""
    record: RoiRecord
    for record in roidb:
        labels = roi_labels(record.overlaps, p.train_posOverlapThres)
        counts += np.bincount(labels[labels >= 0], minlength=len(counts))
        image = record.image
        yield CntkRecord(
            image.index, image.path, relative_rois(record.rois, image.width, image.height, p.cntk_padWidth), labels
        )


if __name__ == "__main__":
    run_script(main)
