"""Step 1: find regions of interest (ROIs) in every picture, by Selective Search and a grid.

Reads   data/<dataset>/{positive,negative,testImages}/: pictures; annotations, that the limits of ROIs are fitted to
Writes  proc/<dataset>/rois/<folder>/<picture>.roi.txt      one ROI per line: x1 y1 x2 y2, pixels, inclusive; best first
For Pascal VOC with selective_search_data/ nothing is computed: these boxes are the ROIs (datasetPrecomputedRois).
Prints  how many annotated objects are covered by a ROI: what no ROI covers, no later step can find.
"""

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import helpers.first  # noqa: F401

import numpy as np

from fastRCNN.datasets.imdb import Dataset
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.cluster import add_cluster_option, open_cluster
from fastRCNN.pipeline.roi_limits import limits_in_words
from fastRCNN.pipeline.roi_step import RoiRun, take_precomputed
from fastRCNN.pipeline.rpn_regions import network_of_regions
from fastRCNN.pipeline.stages import Chain, Work
from fastRCNN.proposals.recall import proposal_recall
from fastRCNN.proposals.rois import RoiStages
from fastRCNN.reporting.visualization import draw_rois
from helpers.annotations import read_rois, write_rois
from helpers.artifacts import Artifacts, exclusive
from helpers.console import progress, run_script, setup_logging, table, timing_summary
from helpers.file_facts import file_digest, text_digest
from helpers.images import read_image, write_image
from helpers.remembered import remembered
from helpers.write_behind import WriteBehind
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")
LARGEST_DRAWING = 1600  # pixels, longest side


def main() -> None:
    """Run step 1."""
    parser = make_parser(__doc__)
    parser.add_argument("--pictures", action="store_true",
                        help="also draw the ROIs after each stage, as pictures beside the roi.txt files")  # fmt: skip
    add_cluster_option(parser)
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    if why := CLASSIFIERS[p.classifier].does_without("rois"):
        log.info('classifier is "%s": %s, step 1 is not needed.', p.classifier, why)
        return
    chain = Chain.choose(p, census=True)
    artifacts, datasets = chain.artifacts, chain.datasets
    if p.overridden:
        log.info("%s has values of its own in PARAMETERS.py: %s.", p.datasetName, ", ".join(p.overridden))
    log.info("%s.", limits_in_words(chain.roi_limits, p))
    with exclusive(artifacts):
        files = {artifacts.roi_file(key): path for imdb in datasets.values()
                 for key, path in zip(imdb.keys, imdb.image_paths, strict=True)}  # fmt: skip
        with chain.writing("rois") as work, WriteBehind() as behind, ExitStack() as opened:
            todo = set(work.todo)
            log.info("%d pictures, %d of them up to date.", len(files), len(files) - len(todo))
            given = take_precomputed(chain, work)
            chosen = [file for file in (files if p.pictures else work.todo) if file not in given]
            network = network_of_regions(artifacts, p.ss_method) if chosen else None
            if network:
                log.info("%s proposes the regions.", network)
            cluster = opened.enter_context(open_cluster(p.cluster if chosen else ""))
            found = RoiRun.choose(p, chain.roi_limits).find([files[file] for file in chosen], network, cluster)
            seconds = []
            for file, (stages, taken) in zip(chosen, progress(found, "ROIs", len(chosen)), strict=True):
                seconds.append(taken)
                behind.call(
                    write_files, work if file in todo else None, file, stages, files[file] if p.pictures else None
                )
        log.info("Time: %s. Files: %s", timing_summary(seconds), artifacts.rois)
        print_recall(chain, p.cntk_nrRois)


def write_files(work: Work | None, file: Path, stages: RoiStages, path: Path | None) -> None:
    """Write the ROIs of a picture to its `file` as part of `work`, and draw them on the picture in `path`; or only one
    of both."""
    if work:
        with work.making(file):
            write_rois(file, stages.final)
    if path:
        draw_stages(path, file, stages)


def draw_stages(path: Path, roi_file: Path, stages: RoiStages) -> None:
    """Draw the ROIs after each stage beside the picture's `roi_file`, whose ROIs are the final ones."""
    image, final = read_image(path), read_rois(roi_file)
    found = len(stages.selective_search_filtered)
    for name, boxes in {**vars(stages), "final": final}.items():
        nr_found = min(found, len(final)) if name == "final" else len(boxes)
        picture = draw_rois(image, boxes, nr_found, max_dim=LARGEST_DRAWING)
        write_image(roi_file.with_name(f"{path.stem}.{name}.jpg"), picture)


def first_rois(artifacts: Artifacts, imdb: Dataset, nr_rois: int, counts: list[int]) -> Iterator[np.ndarray]:
    """Yield the ROIs of each picture that later steps use, and append their number to `counts`, in place."""
    for key in imdb.keys:
        rois = read_rois(artifacts.roi_file(key))[:nr_rois]
        counts.append(len(rois))
        yield rois


def print_recall(chain: Chain, nr_rois: int) -> None:
    """Print the part of the annotated objects that a ROI covers by at least one half; remembered, as all else is."""
    annotations = (imdb.annotation_digest(i) for imdb in chain.datasets.values() for i in range(len(imdb)))
    made_of = [str(nr_rois), file_digest(chain.artifacts.manifest_file("rois")), *annotations]
    rows = remembered(
        chain.artifacts.manifest_file("recall"), text_digest(" ".join(made_of)),
        lambda: recall_rows(chain.artifacts, chain.datasets, nr_rois),
    )  # fmt: skip
    headers = ["set", "pictures", "ROIs per picture", "objects", "recall at IoU 0.5", "at IoU 0.7"]
    print(table(headers, rows))


def recall_rows(artifacts: Artifacts, datasets: Mapping[str, Dataset], nr_rois: int) -> list[list]:
    """Return the rows of the table."""
    rows = []
    for image_set, imdb in datasets.items():
        counts: list[int] = []
        truth = [record.gt_boxes for record in imdb]
        recall = proposal_recall(first_rois(artifacts, imdb, nr_rois, counts), truth, thresholds=(0.5, 0.7))
        shown = [f"{r:.3f}" if r == r else "not defined" for r in recall]
        rows.append([image_set, len(imdb), f"{sum(counts) / len(counts):.0f}", sum(map(len, truth)), *shown])
    return rows


if __name__ == "__main__":
    run_script(main)
