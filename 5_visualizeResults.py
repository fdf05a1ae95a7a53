"""Step 5: draw the detections, and write one page with everything about the result.

Reads   proc/<dataset>/cntkFiles/<set>_<classifier>_parsed/, proc/<dataset>/trainedSvm/, data/<dataset>/
Writes  results/<dataset>/visualizations/<classifier>_<i><picture>       drawn, and .detections.tsv beside it
        results/<dataset>/precision_recall_<set>_<classifier>.{tsv,png}  over the score threshold
        results/<dataset>/confusion_<set>_<classifier>.{tsv,png}         rows true, columns predicted
        results/<dataset>/report.html                                    all of it, mistakes first
Prints  precision and recall over the score threshold.
"""

import logging
import sys
import webbrowser
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fastRCNN.detections import Detections, detections_table
from fastRCNN.evaluation import PictureResult, evaluate
from fastRCNN.imdb import Imdb
from fastRCNN.reporting.data import THRESHOLD_COLUMNS, build_report, threshold_rows
from fastRCNN.reporting.decisions import PictureDecisions, decide
from fastRCNN.reporting.files import write_report_files
from fastRCNN.results import scored_pictures
from fastRCNN.stages import require
from fastRCNN.visualization import draw_detections
from helpers.artifacts import IMAGE_SETS, Artifacts
from helpers.console import progress, run_script, setup_logging, table
from helpers.images import read_image, write_image
from helpers.tables import write_text
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")
NOT_IN_REPORT = ("root", "quiet", "jobs", "show", "ground_truth", "image_set", "cntk_model")


def main() -> None:
    """Run step 5, the pictures."""
    parser = make_parser(__doc__)
    parser.add_argument("--image-set", choices=tuple(IMAGE_SETS), default="test", help="pictures to draw")
    parser.add_argument("--ground-truth", action="store_true", help="also draw the annotated objects, dashed")
    parser.add_argument("--show", action="store_true", help="open the page in the browser afterwards")
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    artifacts = Artifacts(p.root, p.datasetName)
    imdb = Imdb(artifacts, p.image_set, p.classes)
    require(("rois", "inputs", "network", *(("svm",) if p.classifier == "svm" else ())), artifacts, p)
    # The pictures of the training set have a folder of their own.
    folder = artifacts.results / ("visualizations" if p.image_set == "test" else f"visualizations_{p.image_set}")
    scored = scored_pictures(imdb, artifacts, classifier=p.classifier, nr_rois=p.cntk_nrRois, compat=p.compat)
    decisions: list[PictureDecisions] = []
    evaluation = evaluate(
        draw_each(progress(scored, "pictures", len(imdb)), decisions, folder, imdb.classes, p),
        imdb.classes,
        nms_threshold=p.nmsThreshold,
        overlap_threshold=p.evalVocOverlapThreshold,
        compat=p.compat,
    )
    report, per_class = build_report(
        decisions, evaluation, dataset=p.datasetName, image_set=p.image_set, classifier=p.classifier,
        class_names=imdb.classes, threshold=p.vis_decisionThresholds.get(p.classifier),
        overlap_threshold=p.evalVocOverlapThreshold,
        parameters={name: value for name, value in sorted(p.items()) if name not in NOT_IN_REPORT},
    )  # fmt: skip
    page = write_report_files(artifacts.results, report, evaluation, per_class)
    print(table(THRESHOLD_COLUMNS, threshold_rows(report.counts)))
    log.info("Pictures: %s", folder)
    log.info("Everything on one page: %s", page)
    if p.show:
        webbrowser.open(page.as_uri())


def draw_each(
    pictures: Iterable[PictureResult], decisions: list[PictureDecisions], folder: Path, classes: Sequence[str], p
) -> Iterator[PictureResult]:
    """Draw each of `pictures` as it passes by, append what was decided to `decisions`, and hand it on."""
    threshold = p.vis_decisionThresholds.get(p.classifier)
    for picture in pictures:
        boxes = picture.decided_boxes
        detections = Detections.from_scores(picture.scores, boxes, classes, nms_threshold=p.nmsThreshold)
        truth = {"gt_boxes": picture.gt_boxes, "gt_classes": picture.gt_classes} if p.ground_truth else {}
        file = folder / f"{p.classifier}_{picture.index}{picture.path.name}"
        write_image(file, draw_detections(read_image(picture.path), detections.select(threshold), **truth))
        write_text(file.with_name(f"{file.stem}.detections.tsv"), detections_table(detections))
        decisions.append(decide(picture, detections, threshold=threshold, overlap_threshold=p.evalVocOverlapThreshold))
        yield picture


if __name__ == "__main__":
    run_script(main)
