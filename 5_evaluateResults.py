"""Step 5: average precision of every class, by both metrics of Pascal VOC.

Reads   proc/<dataset>/cntkFiles/<set>_<classifier>_parsed/, proc/<dataset>/trainedSvm/, annotations in data/<dataset>/
Writes  results/<dataset>/evaluation_<set>_<classifier>.json
Prints  AP per class and mAP.
"""

import json
import logging
import sys

from fastRCNN.evaluation.average_precision import Evaluation, evaluate
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.results import scored_pictures
from fastRCNN.pipeline.stages import Chain
from helpers.artifacts import IMAGE_SETS
from helpers.console import progress, run_script, setup_logging, table
from helpers.tables import write_text
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Run step 5, the numbers."""
    parser = make_parser(__doc__)
    parser.add_argument("--image-set", choices=tuple(IMAGE_SETS), default="test", help="pictures to evaluate on")
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    chain = Chain.choose(p)
    artifacts, imdb = chain.artifacts, chain.datasets[p.image_set]
    chain.require_scores()
    nr_rois = CLASSIFIERS[p.classifier].nr_rois(p)
    pictures = scored_pictures(imdb, artifacts, classifier=p.classifier, nr_rois=nr_rois, compat=p.compat)
    evaluation = evaluate(
        progress(pictures, "pictures", len(imdb)),
        imdb.classes,
        nms_threshold=p.nmsThreshold,
        overlap_threshold=p.evalVocOverlapThreshold,
        compat=p.compat,
    )
    path = artifacts.results / f"evaluation_{p.image_set}_{p.classifier}.json"
    write_text(path, json.dumps(as_data(evaluation, p), indent=1, ensure_ascii=False) + "\n")
    rows = [[c.name, shown(c.ap_area), shown(c.ap_11point), c.positives, c.detections] for c in evaluation.classes]
    rows.append(["mean (mAP)", shown(evaluation.map_area), shown(evaluation.map_11point),
                 *(sum(row[column] for row in rows) for column in (3, 4))])  # fmt: skip
    print(table(["class", "AP, area", "AP, 11 points", "objects", "candidates"], rows))
    print(f"{evaluation.pictures} {p.image_set} pictures, {nr_rois} ROIs each, classifier {p.classifier}, "
          f"seed {p.seed}, IoU > {p.evalVocOverlapThreshold:g}, NMS {p.nmsThreshold:g}, compat {p.compat}")  # fmt: skip
    if evaluation.undefined:
        log.warning("Not defined, and not in the mean, because the %s pictures show no object of it: %s",
                    p.image_set, ", ".join(evaluation.undefined))  # fmt: skip
    log.info("File: %s", path)


def as_data(evaluation: Evaluation, p) -> dict:
    """Return the content of the JSON file; an AP that is not defined is null."""
    return {
        "mAP_11point": evaluation.map_11point,
        "mAP_area": evaluation.map_area,
        "classes": {
            c.name: {"ap_11point": c.ap_11point, "ap_area": c.ap_area, "positives": c.positives,
                     "detections": c.detections} for c in evaluation.classes
        },
        "iou_threshold": p.evalVocOverlapThreshold, "nms_threshold": p.nmsThreshold,
        "nr_rois": CLASSIFIERS[p.classifier].nr_rois(p),
        "seed": p.seed, "compat": p.compat, "engine": p.engine,
    }  # fmt: skip


def shown(value: float | None) -> str:
    """Return an AP as text."""
    return "not defined" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    run_script(main)
