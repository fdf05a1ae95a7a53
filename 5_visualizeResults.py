"""Step 5: draw the detections, and write one page with everything about the result.

Reads   proc/<dataset>/cntkFiles/<set>_<classifier>_parsed/, proc/<dataset>/trainedSvm/, data/<dataset>/
Writes  results/<dataset>/visualizations/<classifier>_<i><picture>       drawn, and .detections.tsv beside it
        results/<dataset>/precision_recall_<set>_<classifier>.{tsv,png}  over the score threshold
        results/<dataset>/confusion_<set>_<classifier>.{tsv,png}         rows true, columns predicted
        results/<dataset>/confusion_pairs_<set>_<classifier>.tsv         as a list, most frequent mistakes first
        results/<dataset>/ap_lost_<set>_<classifier>.tsv                 what AP is lost to, by kind of mistake
        results/<dataset>/report_<set>_<classifier>.{html,json}          all of it, mistakes first
        results/<dataset>/report.html                                    the classifiers beside each other
Prints  precision and recall over the score threshold.
"""

import logging
import sys
import webbrowser

import helpers.first  # noqa: F401

from fastRCNN.boxes.suppression import Suppression
from fastRCNN.evaluation.average_precision import evaluate
from fastRCNN.evaluation.error_analysis import ErrorCounter
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.results import RoisSeen, scored_pictures
from fastRCNN.pipeline.scoring import score_threshold_of
from fastRCNN.pipeline.stages import Chain
from fastRCNN.pipeline.unstored_rows import Unstored
from fastRCNN.reporting.data import THRESHOLD_COLUMNS, build_report, threshold_rows
from fastRCNN.reporting.decisions import PictureDecisions
from fastRCNN.reporting.files import write_report_files
from fastRCNN.reporting.page import comparison_name
from fastRCNN.reporting.pictures import draw_pictures
from fastRCNN.reporting.subject import Subject
from helpers.artifacts import IMAGE_SETS
from helpers.console import progress, run_script, setup_logging, table
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Run step 5, the pictures."""
    parser = make_parser(__doc__)
    parser.add_argument("--image-set", choices=tuple(IMAGE_SETS), default="test", help="pictures to draw")
    parser.add_argument("--ground-truth", action="store_true", help="also draw the annotated objects, dashed")
    parser.add_argument("--show", action="store_true", help="open the page in the browser afterwards")
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    chain = Chain.choose(p)
    artifacts, imdb = chain.artifacts, chain.datasets[p.image_set]
    chain.require_scores()
    folder, classifier = artifacts.visualizations(p.image_set), CLASSIFIERS[p.classifier]
    suppression = Suppression.choose(p, imdb.classes, probabilities=classifier.gives_probabilities)
    subject = Subject(
        p.datasetName, p.image_set, p.classifier, imdb.classes, threshold=p.vis_decisionThresholds.get(p.classifier),
        nms_threshold=suppression, overlap_threshold=p.evalVocOverlapThreshold,
        probabilities=classifier.gives_probabilities, score_threshold=score_threshold_of(p),
        nr_rois=classifier.nr_rois(p),
    )  # fmt: skip
    scored = scored_pictures(imdb, artifacts, classifier=p.classifier, nr_rois=classifier.nr_rois(p), compat=p.compat,
                             unstored=Unstored.choose(chain, p, p.image_set))  # fmt: skip
    decisions: list[PictureDecisions] = []
    seen = RoisSeen()
    watched = progress(seen.watch(scored), "pictures", len(imdb))
    drawn = draw_pictures(watched, decisions, folder, subject, with_ground_truth=p.ground_truth)
    errors = ErrorCounter(imdb.classes, nms_threshold=suppression, overlap_threshold=p.evalVocOverlapThreshold,
                          max_per_picture=p.evalMaxPerPicture)  # fmt: skip
    evaluation = evaluate(drawn, imdb.classes, watch=errors.add, nms_threshold=suppression,
                          overlap_threshold=p.evalVocOverlapThreshold, compat=p.compat,
                          max_per_picture=p.evalMaxPerPicture)  # fmt: skip
    advice = classifier.advice(p, seen.mean_number(), seen.covered(p.evalVocOverlapThreshold))
    report, per_class = build_report(decisions, evaluation, errors.result(), subject, p, advice)
    missed = [(str(miss.path.name), imdb.classes[miss.label], miss.box) for each in decisions for miss in each.misses]
    page = write_report_files(artifacts.results, report, per_class, missed, list(CLASSIFIERS))
    print(table(THRESHOLD_COLUMNS, threshold_rows(report.counts)))
    log.info("Pictures: %s", folder)
    log.info("Everything on one page: %s", page)
    log.info("Beside other classifiers: %s", page.with_name(comparison_name(p.image_set)))
    if p.show:
        webbrowser.open(page.as_uri())


if __name__ == "__main__":
    run_script(main)
