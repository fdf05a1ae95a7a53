"""Step 4: train one linear SVM per class on the embeddings, with hard negative mining.

Reads   proc/<dataset>/cntkFiles/train_svm_parsed/<i>.dat.npz, the ROIs and annotations of the training pictures
Writes  proc/<dataset>/trainedSvm/svmweights_exp1.txt, svmbias_exp1.txt, svmfeature_scale_exp1.txt
        and the same with _epoch0, _epoch1, ... : how they stood after each pass over the pictures
        proc/<dataset>/trainedSvm/boxes_exp1.npz      how to move ROIs onto objects (svm_bboxRegression)
Where step 3 stored no embeddings (svm_embeddings), the network runs again for each pass over the pictures, and a
training that was stopped goes on after its last whole pass when the script is run again (--restart forgets it):
        proc/<dataset>/trainedSvm/checkpoint.npz      until it is finished
SVMs that are up to date are not trained again, but with --restart.
Prints  per class: positives, negatives, and how well the two are told apart.
For classifiers "nn" and "faster" there is nothing to do: the network has its own softmax layer.
"""

import logging
import sys
import time
from pathlib import Path

import helpers.first  # noqa: F401

from fastRCNN.datasets.roi_table import RoiTable
from fastRCNN.datasets.roidb import load_roidb
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.classifiers.compat import say_what_is_overridden
from fastRCNN.pipeline.cluster import add_cluster_option, open_cluster
from fastRCNN.pipeline.detector_folder import DetectorSettings, save_detector
from fastRCNN.pipeline.stages import Chain
from fastRCNN.pipeline.unstored_rows import Unstored, open_embeddings
from fastRCNN.svm.boxes import BoxExamples
from fastRCNN.svm.checkpoint import SvmCheckpoint
from fastRCNN.svm.train_svms import SvmTraining, train_svms
from helpers.artifacts import exclusive
from helpers.console import run_script, setup_logging, table
from helpers.remembered import remembered
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Run step 4."""
    parser = make_parser(__doc__)
    parser.add_argument("--restart", action="store_true", help="train anew, whatever earlier runs left")
    add_cluster_option(parser)
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    if why := CLASSIFIERS[p.classifier].does_without("svm"):
        log.info('classifier is "%s": %s, step 4 is not needed.', p.classifier, why)
        return
    chain = Chain.choose(p)
    artifacts, imdb = chain.artifacts, chain.datasets["train"]
    with exclusive(artifacts):
        chain.require_before("svm")
        say_what_is_overridden(p, {"svm_bboxRegression": False, "svm_retrainGrowth": 0.0})
        if p.restart or not chain.is_up_to_date("svm"):
            rows, outcome = train(chain, p)
        else:
            rows, outcome = remembered_rows(chain, []), "Up to date, nothing trained (--restart trains anew)."
        for name in ("cntk_precision", "cntk_embeddingType"):
            p[name] = chain.used("embeddings", name, p[name])
        settings = DetectorSettings.choose(p, imdb.classes, chain.roi_limits)
        save_detector(artifacts, settings, [*chain.files("network"), *trained(chain)])
    headers = ["class", "positives", "hard negatives", "trainings", "positives wrong", "negatives wrong", "accuracy",
               "loss", "seconds"]  # fmt: skip
    if rows:
        print(table(headers[: len(rows[0])], rows))
    log.info("%s Files: %s", outcome, artifacts.svm_folder)


def train(chain: Chain, p) -> tuple[list[list], str]:
    """Train the SVMs and their box regression, and write them; return the rows of the table, and what else to say."""
    artifacts, imdb, started = chain.artifacts, chain.datasets["train"], time.perf_counter()
    folder, reports = artifacts.svm_folder, {}
    checkpoint = SvmCheckpoint(artifacts.svm_checkpoint_file, chain.recipe_digest("svm"))
    unstored = Unstored.choose(chain, p, "train")
    if p.restart or not unstored:
        checkpoint.path.unlink(missing_ok=True)
    with (
        chain.writing("svm", anew=True) as work,
        open_cluster(p.cluster if unstored else "") as cluster,  # reading files is no work for others
        open_embeddings(artifacts, p.classifier, "train", unstored, cluster) as embeddings_of,
    ):
        ignore_from = None if p.compat == "tutorial" else p.svm_hardNegativeOverlap
        known = RoiTable(load_roidb(imdb, artifacts, p.cntk_nrRois, with_ground_truth=True, ignore_from=ignore_from))
        embeddings = embeddings_of(range(len(imdb)), known.counts)
        boxes = None
        if p.svm_bboxRegression and p.compat != "tutorial":
            boxes = BoxExamples(known.rois, [record.gt_boxes for record in imdb], seed=p.seed)
        model = train_svms(
            embeddings,
            known.overlaps,
            parameters=SvmTraining.choose(p),
            compat=p.compat,
            class_names=imdb.classes,
            jobs=p.jobs,
            on_epoch=lambda epoch, so_far: work.enter(*so_far.save(folder, f"_epoch{epoch}")),
            on_trained=lambda report: reports.setdefault(report.class_index, []).append(report),
            on_features=boxes.take if boxes else None,
            checkpoint=checkpoint if unstored else None,
        )
        if boxes:
            regressor = boxes.fit(embeddings, nr_classes=len(imdb.classes), ridge=p.svm_bboxRidge or None)
            file = CLASSIFIERS[p.classifier].boxes_file(artifacts)
            file.unlink(missing_ok=True)
            if regressor is not None:
                regressor.save(file)
                work.enter(file)
        rows = [
            [imdb.classes[j], of[-1].nr_positives, of[-1].nr_negatives, len(of), of[-1].positives_wrong,
             of[-1].negatives_wrong, f"{of[-1].accuracy:.3f}", f"{of[-1].loss:.3f}",
             f"{sum(each.seconds for each in of):.2f}"]
            for j, of in sorted(reports.items())
        ]  # fmt: skip
        artifacts.manifest_file("svm_table").unlink(missing_ok=True)
        remembered_rows(chain, [row[:-1] for row in rows])  # without the seconds, which are others each time
        work.enter(*model.save(folder))
        checkpoint.path.unlink(missing_ok=True)
    return rows, f"Feature scale {model.feature_scale:.4g}; {time.perf_counter() - started:.1f} s."


def remembered_rows(chain: Chain, rows: list[list]) -> list[list]:
    """Return the rows of the table of SVMs that are up to date; `rows`, and remember them, where none are known."""
    found: list[list] = remembered(chain.artifacts.manifest_file("svm_table"), chain.recipe_digest("svm"), lambda: rows)
    return found


def trained(chain: Chain) -> list[Path]:
    """Return the files of the SVMs that a detector needs: not how they stood after each pass."""
    return [path for path in chain.files("svm") if "_epoch" not in path.name]


if __name__ == "__main__":
    run_script(main)
