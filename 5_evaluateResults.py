"""Step 5: average precision of every class, by both metrics of Pascal VOC; in COCO's layout also by COCO's.

Reads   proc/<dataset>/cntkFiles/<set>_<classifier>_parsed/, proc/<dataset>/trainedSvm/, annotations in data/<dataset>/
Writes  results/<dataset>/evaluation_<set>_<classifier>.json
        in VOC's layout   results/<dataset>/VOC<year>/Main/comp4_det_<list>_<class>.txt, the devkit's detection files
        in COCO's layout  results/<dataset>/detections_<list>_<classifier>_results.json, as its server takes it
Prints  AP per class and mAP.
With --folds   proc/<dataset>/folds/, where networks are trained (classifiers nn, faster); a stopped run goes on
"""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import helpers.first  # noqa: F401

import numpy as np

from fastRCNN.boxes.suppression import Suppression
from fastRCNN.evaluation.average_precision import Evaluation, PictureResult, evaluate, evaluate_detections
from fastRCNN.evaluation.bootstrap import FEW, Interval, map_interval
from fastRCNN.evaluation.kept_detections import KeptDetections
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.cluster import add_cluster_option, open_cluster
from fastRCNN.pipeline.network_step import records_of
from fastRCNN.pipeline.numbers import settled_numbers
from fastRCNN.pipeline.official_results import Asked, Official, has_official, read_detections, write_official
from fastRCNN.pipeline.results import RoisSeen, scored_pictures
from fastRCNN.pipeline.rpn_regions import warn_of_what_it_has_seen
from fastRCNN.pipeline.stages import Chain
from fastRCNN.pipeline.unstored_rows import Unstored
from fastRCNN.run_context import RunContext
from helpers.artifacts import IMAGE_SETS, exclusive
from helpers.console import progress, run_script, setup_logging, table
from helpers.tables import write_text
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Run step 5, the numbers."""
    parser = make_parser(__doc__)
    parser.add_argument("--image-set", choices=tuple(IMAGE_SETS), default="test", help="pictures to evaluate on")
    parser.add_argument("--detections", type=Path, metavar="DIR",
                        help="evaluate VOC's detection files in DIR instead, made by whatever program")  # fmt: skip
    parser.add_argument("--folds", type=int, metavar="N",
                        help="leave each N-th part of the training pictures out in turn, train on the others, measure "
                        "on it; prints mean and spread. nn and faster train their network anew each time")  # fmt: skip
    add_cluster_option(parser)
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    if p.folds is not None:
        print_folds(p)
        return
    chain = Chain.choose(p)
    artifacts, imdb, asked = chain.artifacts, chain.datasets[p.image_set], Asked.choose(p, p.image_set)
    if p.detections:
        kept = read_detections(p.detections, artifacts, imdb, asked)
        evaluation = evaluate_detections(imdb, kept, imdb.classes, overlap_threshold=p.evalVocOverlapThreshold)
        print(shown_as_table(evaluation))
        return
    chain.require_scores()
    kept = KeptDetections() if has_official(artifacts, asked) else None
    path = artifacts.results / f"evaluation_{p.image_set}_{p.classifier}.json"
    nr_rois = CLASSIFIERS[p.classifier].nr_rois(p)
    seen = RoisSeen()
    suppression = Suppression.choose(p, imdb.classes, probabilities=CLASSIFIERS[p.classifier].gives_probabilities)
    with open_cluster(p.cluster) as cluster:
        pictures = scored_pictures(
            imdb, artifacts, classifier=p.classifier, nr_rois=nr_rois, compat=p.compat, cluster=cluster,
            unstored=Unstored.choose(chain, p, p.image_set),
        )  # fmt: skip
        evaluation = evaluate(
            progress(seen.watch(pictures), "pictures", len(imdb)),
            imdb.classes,
            nms_threshold=suppression,
            overlap_threshold=p.evalVocOverlapThreshold,
            compat=p.compat,
            max_per_picture=p.evalMaxPerPicture,
            kept=kept,
            jobs=p.jobs,
        )
    official = Official() if kept is None else write_official(artifacts, imdb, kept, asked)
    interval = map_interval(evaluation)
    content = as_data(evaluation, interval, p) | ({"coco": official.coco.as_data()} if official.coco else {})
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    print(shown_as_table(evaluation))
    print(f"{evaluation.pictures} {p.image_set} pictures, {seen.mean_number():.0f} ROIs each (at most {nr_rois}), "
          f"classifier {p.classifier}, "
          f"seed {p.seed}, IoU > {p.evalVocOverlapThreshold:g}, {suppression}, compat {p.compat}")  # fmt: skip
    if interval:
        print(f"mAP (area) of other pictures like these: {interval.text()}, in 95 of 100 draws from these "
              f"{evaluation.pictures} pictures, with replacement")  # fmt: skip
    if official.coco:
        print("COCO:", ", ".join(f"{name} {shown(value)}" for name, value in official.coco.numbers.items()))
    if (objects := int(evaluation.objects.sum())) < FEW:
        least = max((interval.high - interval.low) / 2, 1 / objects) if interval else 1.0
        log.warning("%d objects in the %s pictures are few: differences of up to %.2f between two runs mean nothing. "
                    "More test pictures tell more.", objects, p.image_set, least)  # fmt: skip
    if evaluation.undefined:
        log.warning("Not defined, and not in the mean, because the %s pictures show no object of it: %s",
                    p.image_set, ", ".join(evaluation.undefined))  # fmt: skip
    log.info("File: %s", path)
    if official.files:
        log.info("Detections for other programs: %s", official.files[0].parent)


def shown_as_table(evaluation: Evaluation) -> str:
    """Return AP per class and mAP as a table."""
    rows = [[c.name, shown(c.ap_area), shown(c.ap_11point), c.positives, c.detections] for c in evaluation.classes]
    rows.append(["mean (mAP)", shown(evaluation.map_area), shown(evaluation.map_11point),
                 *(sum(row[column] for row in rows) for column in (3, 4))])  # fmt: skip
    return table(["class", "AP, area", "AP, 11 points", "objects", "candidates"], rows)


def print_folds(p) -> None:
    """Leave parts of the training pictures out in turn, and print what the detector finds there."""
    classifier = CLASSIFIERS[p.classifier]
    if classifier.trains_network:
        p.update(settled_numbers(p))
    chain = Chain.choose(p)
    imdb = chain.datasets["train"]
    suppression = Suppression.choose(p, imdb.classes, probabilities=classifier.gives_probabilities)
    if not classifier.proposes:
        warn_of_what_it_has_seen(chain.artifacts, p.ss_method)
    rows: list[list[object]] = []
    areas: list[float] = []
    with exclusive(chain.artifacts) if classifier.trains_network else nullcontext():
        scored = network_folds(chain, p) if classifier.trains_network else svm_folds(chain, p)
        for pictures in scored:
            each = evaluate(
                pictures, imdb.classes, nms_threshold=suppression, overlap_threshold=p.evalVocOverlapThreshold,
                compat=p.compat, max_per_picture=p.evalMaxPerPicture, jobs=p.jobs,
            )  # fmt: skip
            objects = int(each.objects.sum())
            rows.append([len(rows) + 1, each.pictures, objects, shown(each.map_area), shown(each.map_11point)])
            areas += [] if each.map_area is None else [each.map_area]
            log.info("Fold %d of %d: mAP (area) %s", len(rows), p.folds, shown(each.map_area))
    print(table(["fold", "pictures left out", "objects", "mAP, area", "mAP, 11 points"], rows))
    if len(areas) > 1:
        print(f"mean mAP (area) {np.mean(areas):.3f}, from {min(areas):.3f} to {max(areas):.3f}, standard deviation "
              f"{np.std(areas, ddof=1):.3f}; each time trained on the other training pictures, "
              f"classifier {p.classifier}, seed {p.seed}")  # fmt: skip


def svm_folds(chain: Chain, p) -> Iterator[Iterator[PictureResult]]:
    """Return the pictures of each fold, scored by SVMs that are trained on the embeddings of the others."""
    from fastRCNN.pipeline.folds import FoldOptions, scored_folds  # only here: what trains is much to import

    chain.require("rois", "inputs", "network", "embeddings")
    options = FoldOptions.choose(p, chain.datasets["train"].classes)
    unstored = Unstored.choose(chain, p, "train")
    return scored_folds(chain.datasets["train"], chain.artifacts, p.folds, options, unstored=unstored)


def network_folds(chain: Chain, p) -> Iterator[Iterator[PictureResult]]:
    """Return the pictures of each fold, scored by a network that is trained on the others."""
    from fastRCNN.pipeline.beside import training_start
    from fastRCNN.pipeline.network_folds import FoldTraining, scored_network_folds, seconds_of_training

    classifier = CLASSIFIERS[p.classifier]
    training = classifier.training(p)
    chain.require_before("network")
    start, data = training_start(chain, records_of(chain, p.cntk_nrRois)["train"], RunContext.choose(p), p)
    known = None
    if chain.is_up_to_date("network"):
        known = seconds_of_training(chain.artifacts.model_file(p.classifier).with_name(f"training_{p.classifier}.tsv"))
    return scored_network_folds(data, p.folds, FoldTraining(classifier, training, start, p.cntk_embeddingType, known))


def as_data(evaluation: Evaluation, interval: Interval | None, p) -> dict:
    """Return the content of the JSON file; an AP that is not defined is null."""
    return {
        "mAP_11point": evaluation.map_11point,
        "mAP_area": evaluation.map_area,
        "mAP_area_interval": interval.as_data() if interval else None,
        "classes": {
            c.name: {"ap_11point": c.ap_11point, "ap_area": c.ap_area, "positives": c.positives,
                     "detections": c.detections} for c in evaluation.classes
        },
        "iou_threshold": p.evalVocOverlapThreshold, "nms_threshold": p.nmsThreshold,
        "nr_rois": CLASSIFIERS[p.classifier].nr_rois(p),
        **{name: p[name] for name in ("nmsThresholds", "nms_softSigma") if p[name]},
        **({"max_per_picture": p.evalMaxPerPicture} if p.evalMaxPerPicture else {}),
        "seed": p.seed, "compat": p.compat, "engine": p.engine,
    }  # fmt: skip


def shown(value: float | None) -> str:
    """Return an AP as text."""
    return "not defined" if value is None else f"{value:.4f}"


if __name__ == "__main__":
    run_script(main)
