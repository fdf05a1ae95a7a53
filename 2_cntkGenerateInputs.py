"""Step 2: write pictures, ROIs and their labels as the text files that a Fast R-CNN network is fed with.

Reads   data/<dataset>/, proc/<dataset>/rois/
Writes  proc/<dataset>/cntkFiles/{train,test}.txt, .rois.txt, .roilabels.txt, .nrRois.txt
Prints  how many ROIs of each class there are to learn from.
"""

import logging
import sys
from collections.abc import Iterator

import helpers.first  # noqa: F401

import numpy as np

from fastRCNN.datasets.roidb import RoiRecord, load_roidb, roi_labels
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.cntk_inputs import CntkRecord, expected_bytes, input_files, relative_rois, write_cntk_inputs
from fastRCNN.pipeline.stages import Chain, Work
from helpers.artifacts import exclusive
from helpers.console import progress, run_script, setup_logging, table
from helpers.disk_room import require_disk
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
    artifacts, imdbs = chain.artifacts, chain.datasets
    with exclusive(artifacts):
        chain.require("rois")
        with chain.writing("inputs", anew=not chain.is_up_to_date("inputs")) as work:
            written = write_inputs(chain, work, p) if work.todo else {}
        counts = remembered(
            artifacts.manifest_file("counts"), chain.recipe_digest("inputs"),
            lambda: written or {image_set: count_rois(chain, image_set, p) for image_set in imdbs},
        )  # fmt: skip
        log.info("Files: %s", artifacts.cntk_files)
        objects = {image_set: [0, *imdb.objects_per_class().values()] for image_set, imdb in imdbs.items()}
        rows = zip(
            imdbs["train"].classes, objects["train"], counts["train"], objects["test"], counts["test"], strict=True
        )
        print(table(["class", "train objects", "train ROIs", "test objects", "test ROIs"], rows))


def write_inputs(chain: Chain, work: Work, p) -> dict[str, list[int]]:
    """Write the files of both image sets; return the number of ROIs of each class."""
    sizes = {"nr_rois": p.cntk_nrRois, "nr_classes": len(chain.datasets["train"].classes)}
    files = [file for image_set in chain.datasets for file in input_files(chain.artifacts, image_set)]
    number = sum(map(len, chain.datasets.values()))
    require_disk(
        f"Inputs of {number} pictures", expected_bytes(number, **sizes), chain.artifacts.cntk_files,
        kept=sum(file.stat().st_size for file in files if file.exists()),
        advice="Make room, lower cntk_nrRois, or work elsewhere: --root DIR",
    )  # fmt: skip
    counts = {}
    for image_set, imdb in chain.datasets.items():
        found = np.zeros(len(imdb.classes), np.int64)
        records = to_records(progress(roidb_of(chain, image_set, p), f"{image_set} inputs", len(imdb)), p, found)
        write_cntk_inputs(chain.artifacts, image_set, records, **sizes)
        work.enter(*input_files(chain.artifacts, image_set))
        counts[image_set] = found.tolist()
    return counts


def count_rois(chain: Chain, image_set: str, p) -> list[int]:
    """Return the number of ROIs of each class, for files that are there already."""
    found = np.zeros(len(chain.datasets[image_set].classes), np.int64)
    for _ in to_records(roidb_of(chain, image_set, p), p, found):
        pass
    return found.tolist()


def roidb_of(chain: Chain, image_set: str, p) -> Iterator[RoiRecord]:
    """Yield the ROIs of the pictures of an image set; in training the annotated boxes stand first."""
    ignore_from = None if p.compat == "tutorial" else p.train_posOverlapThres
    return load_roidb(
        chain.datasets[image_set], chain.artifacts, p.cntk_nrRois, image_set == "train", ignore_from=ignore_from
    )


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
