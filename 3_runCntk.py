"""Step 3: run every ROI through the network: 4096 numbers that describe it (svm), or a score for each class (nn).

Reads   proc/<dataset>/cntkFiles/{train,test}.*, the weight file (cntk_model)
Writes  proc/<dataset>/models/frcn_<classifier>.npz               the network
        proc/<dataset>/models/frcn_<classifier>.model             the same for CNTK (with --engine cntk)
        proc/<dataset>/cntkFiles/{train,test}_<classifier>_parsed/<i>.dat.npz     key arr_0, one row per ROI
For classifier "nn" the network is trained first:
        proc/<dataset>/models/checkpoint_nn.npz                   while it trains, after each epoch
        proc/<dataset>/models/training_nn.tsv, .png               loss, error and rate of each epoch
        proc/<dataset>/models/boxes_nn.npz                        how to move ROIs onto objects (nn_bboxRegression)
A training that was stopped (Ctrl-C, kill -9, a power cut) goes on after its last whole epoch when the script is run
again: --resume insists on that, --restart forgets it.
"""

import logging
import sys

from fastRCNN.datasets.layouts import open_dataset
from fastRCNN.detector import DetectorSettings
from fastRCNN.engines import load_engine
from fastRCNN.network.network import save_network
from fastRCNN.network.precision import choose_precision
from fastRCNN.network.truncated_svd import truncated_network
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.cntk_inputs import read_cntk_inputs
from fastRCNN.pipeline.embed_dataset import embed_dataset
from fastRCNN.pipeline.network_step import begin_network, choose_network, train_classifier
from fastRCNN.pipeline.stages import require
from helpers.artifacts import Artifacts, exclusive
from helpers.console import progress, run_script, setup_logging, timing_summary
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Run step 3."""
    parser = make_parser(__doc__)
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with a stopped training; an error if there is none")
    again.add_argument("--restart", action="store_true", help="do all anew, whatever earlier runs left")
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    classifier = CLASSIFIERS[p.classifier]
    p.cntk_precision = choose_precision(
        p.cntk_precision, engine=p.engine, device=p.device, may_round=classifier.may_round and p.compat == "corrected"
    )
    artifacts = Artifacts(p.root, p.datasetName)
    imdb = open_dataset(artifacts, "train", p.classes)
    sizes = {"nr_rois": p.cntk_nrRois, "nr_classes": len(imdb.classes)}
    with exclusive(artifacts):
        require(("rois", "inputs"), artifacts, p)
        records = {image_set: list(read_cntk_inputs(artifacts, image_set, **sizes)) for image_set in ("train", "test")}
        begin_network(artifacts, p, records)
        DetectorSettings.choose(p, imdb.classes).save(artifacts.settings_file(p.classifier))
        model = artifacts.model_file(p.classifier)
        if not model.exists():
            network = truncated_network(choose_network(p.cntk_model, p.seed), p.cntk_svdRanks)
            network = train_classifier(network, p, artifacts, imdb, records["train"])
            save_network(model, network.spec.to_header(), network.arrays)
        outputs = classifier.outputs(artifacts, len(imdb.classes))
        to_run, seconds = outputs.network(), []
        choice = {"device": p.device, "threads": p.jobs, "precision": p.cntk_precision}
        with load_engine(p.engine, to_run, **choice) as engine:
            if p.engine == "cntk" and to_run == model and not model.with_suffix(".model").exists():
                engine.save(model.with_suffix(".model"))
            for image_set, of_set in records.items():
                files = {artifacts.embedding_file(image_set, p.classifier, r.index): r for r in of_set}
                todo = {path: record for path, record in files.items() if not outputs.are_there(path)}
                log.info("%s: %d pictures, %d of them up to date.", image_set, len(files), len(files) - len(todo))
                run = embed_dataset(engine, list(todo.values()), list(todo), pad_size=p.cntk_padWidth,
                                    nr_rois=p.cntk_nrRois, write=outputs.write)  # fmt: skip
                seconds += list(progress(run, f"{image_set} pictures", len(todo)))
        log.info("Time: %s. Files: %s", timing_summary(seconds), artifacts.cntk_files)
    if classifier.does_without("svm"):
        log.info("Step 4 is not needed for classifier %s. Next: 5_evaluateResults.py", p.classifier)


if __name__ == "__main__":
    run_script(main)
