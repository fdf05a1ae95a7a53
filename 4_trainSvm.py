"""Step 4: train one linear SVM per class on the embeddings, with hard negative mining.

Reads   proc/<dataset>/cntkFiles/train_svm_parsed/<i>.dat.npz, the ROIs and annotations of the training pictures
Writes  proc/<dataset>/trainedSvm/svmweights_exp1.txt, svmbias_exp1.txt, svmfeature_scale_exp1.txt
        and the same with _epoch0, _epoch1, ... : how they stood after each pass over the pictures
        proc/<dataset>/trainedSvm/boxes_exp1.npz      how to move ROIs onto objects (svm_bboxRegression)
Prints  per class: positives, negatives, and how well the two are told apart.
For classifier "nn" there is nothing to do: the network has its own softmax layer.
"""

import logging
import sys
import time

from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.datasets.roidb import load_roidb
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.embeddings import EmbeddingFiles
from fastRCNN.pipeline.stages import begin, require
from fastRCNN.svm.boxes import train_svm_boxes
from fastRCNN.svm.model import model_files
from fastRCNN.svm.train_svms import ClassReport, SvmTraining, train_svms
from helpers.artifacts import Artifacts, exclusive
from helpers.console import run_script, setup_logging, table
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Run step 4."""
    p = get_parameters(sys.argv[1:], make_parser(__doc__))
    setup_logging(p.quiet)
    if why := CLASSIFIERS[p.classifier].does_without("svm"):
        log.info('classifier is "%s": %s, step 4 is not needed.', p.classifier, why)
        return
    artifacts, started = Artifacts(p.root, p.datasetName), time.perf_counter()
    imdb = open_dataset(artifacts, "train", p.classes)
    with exclusive(artifacts):
        require(("rois", "inputs", "network"), artifacts, p)
        folder = artifacts.svm_folder
        suffixes = ("", *(f"_epoch{epoch}" for epoch in range(p.svm_nrEpochs)))
        boxes = CLASSIFIERS[p.classifier].boxes_file(artifacts)
        begin("svm", artifacts, p, [boxes, *(path for suffix in suffixes for path in model_files(folder, suffix))])
        records = list(load_roidb(imdb, artifacts, p.cntk_nrRois, with_ground_truth=True))
        paths = [artifacts.embedding_file("train", p.classifier, record.index) for record in imdb]
        embeddings = EmbeddingFiles(paths, [len(record.rois) for record in records])
        reports: dict[int, list[ClassReport]] = {}
        model = train_svms(
            embeddings,
            [record.overlaps for record in records],
            parameters=svm_training(p),
            compat=p.compat,
            class_names=imdb.classes,
            jobs=p.jobs,
            on_epoch=lambda epoch, so_far: so_far.save(folder, f"_epoch{epoch}"),
            on_trained=lambda report: reports.setdefault(report.class_index, []).append(report),
        )
        model.save(folder)
        if p.svm_bboxRegression and p.compat != "tutorial":
            rois, objects = [record.rois for record in records], [record.gt_boxes for record in imdb]
            regressor = train_svm_boxes(embeddings, rois, objects, nr_classes=len(imdb.classes), ridge=p.svm_bboxRidge)
            regressor.save(boxes)
    rows = [
        [imdb.classes[j], of[-1].nr_positives, of[-1].nr_negatives, len(of), of[-1].positives_wrong,
         of[-1].negatives_wrong, f"{of[-1].accuracy:.3f}", f"{of[-1].loss:.3f}", f"{sum(r.seconds for r in of):.2f}"]
        for j, of in sorted(reports.items())
    ]  # fmt: skip
    print(table(["class", "positives", "hard negatives", "trainings", "positives wrong", "negatives wrong", "accuracy",
                 "loss", "seconds"], rows))  # fmt: skip
    log.info("Feature scale %.4g; %.1f s. Files: %s", model.feature_scale, time.perf_counter() - started, folder)


def svm_training(p) -> SvmTraining:
    """Return the parameters of the training by their names in the library."""
    return SvmTraining(
        C=p.svm_C, intercept_scaling=p.svm_B, nr_epochs=p.svm_nrEpochs, retrain_limit=p.svm_retrainLimit,
        evict_threshold=p.svm_evictThreshold, positive_weight=p.svm_posWeight, loss=p.svm_loss,
        target_norm=p.svm_targetNorm, hard_threshold=p.svm_hardNegativeScore,
        negative_overlap=p.svm_hardNegativeOverlap, positive_overlap=p.train_posOverlapThres, seed=p.svm_rngSeed,
        skip_classes_without_positives=p.svm_skipClassesWithoutPositives,
    )  # fmt: skip


if __name__ == "__main__":
    run_script(main)
