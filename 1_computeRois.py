"""Step 1: find regions of interest (ROIs) in every picture, by Selective Search and a grid.

Reads   data/<dataset>/{positive,negative,testImages}/
Writes  proc/<dataset>/rois/<folder>/<picture>.roi.txt      one ROI per line: x1 y1 x2 y2, pixels, inclusive
Prints  how many annotated objects are covered by a ROI: what no ROI covers, no later step can find.
"""

import logging
import sys
from pathlib import Path

from fastRCNN.datasets.imdb import Dataset
from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.pipeline.stages import begin
from fastRCNN.proposals.recall import proposal_recall
from fastRCNN.proposals.rois import RoiParameters, RoiStages, rois_of_pictures
from helpers.annotations import read_rois, write_rois
from helpers.artifacts import Artifacts, exclusive
from helpers.console import progress, run_script, setup_logging, table, timing_summary
from helpers.drawing import draw_boxes
from helpers.images import read_image, write_image
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Run step 1."""
    parser = make_parser(__doc__)
    parser.add_argument("--pictures", action="store_true",
                        help="also draw the ROIs after each stage, as pictures beside the roi.txt files")  # fmt: skip
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    artifacts = Artifacts(p.root, p.datasetName)
    imdbs = {image_set: open_dataset(artifacts, image_set, p.classes) for image_set in ("train", "test")}
    with exclusive(artifacts):
        files = {path: artifacts.roi_file(key) for imdb in imdbs.values()
                 for key, path in zip(imdb.keys, imdb.image_paths, strict=True)}  # fmt: skip
        begin("rois", artifacts, p, {path.relative_to(p.root).as_posix(): file for path, file in files.items()})
        todo = [path for path, file in files.items() if p.pictures or not file.exists()]
        log.info("%d pictures, %d of them up to date.", len(files), len(files) - len(todo))
        seconds = []
        found = rois_of_pictures(todo, RoiParameters.choose(p), p.seed, p.jobs)
        for path, (stages, taken) in zip(todo, progress(found, "ROIs", len(todo)), strict=True):
            seconds.append(taken)
            write_rois(files[path], stages.final)
            if p.pictures:
                draw_stages(path, files[path], stages)
        log.info("Time: %s. Files: %s", timing_summary(seconds), artifacts.rois)
        print_recall(artifacts, imdbs, p.cntk_nrRois)


def draw_stages(path: Path, roi_file: Path, stages: RoiStages) -> None:
    """Draw the ROIs after each stage beside the picture's `roi_file`."""
    image = read_image(path)
    for name, boxes in vars(stages).items():
        picture = draw_boxes(image, boxes)
        write_image(roi_file.with_name(f"{path.stem}.{name}.jpg"), picture)


def print_recall(artifacts: Artifacts, imdbs: dict[str, Dataset], nr_rois: int) -> None:
    """Print the part of the annotated objects that a ROI covers by at least one half."""
    rows = []
    for image_set, imdb in imdbs.items():
        rois = [read_rois(artifacts.roi_file(key))[:nr_rois] for key in imdb.keys]
        truth = [record.gt_boxes for record in imdb]
        recall = proposal_recall(rois, truth, thresholds=(0.5, 0.7))
        counts = sum(map(len, rois)) / len(rois)
        rows.append([image_set, len(imdb), f"{counts:.0f}", sum(map(len, truth)), *(f"{r:.3f}" for r in recall)])
    headers = ["set", "pictures", "ROIs per picture", "objects", "recall at IoU 0.5", "at IoU 0.7"]
    print(table(headers, rows))


if __name__ == "__main__":
    run_script(main)
