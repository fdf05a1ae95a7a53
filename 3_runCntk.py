"""Step 3: run every ROI through the network: 4096 numbers that describe it (svm), or scores of classes (nn, faster).

Reads   proc/<dataset>/cntkFiles/{train,test}.*, the weight file (cntk_model)
Writes  proc/<dataset>/models/frcn_<classifier>.npz               the network
        proc/<dataset>/models/frcn_<classifier>.model             the same for CNTK (with --engine cntk)
        proc/<dataset>/cntkFiles/{train,test}_<classifier>_parsed/<i>.dat.npz     key arr_0, one row per ROI
        (the latter not where svm_embeddings is "computed": steps 4 and 5 then run the network again)
For classifier "nn" the network is trained first:
        proc/<dataset>/models/checkpoint_nn.npz                   while it trains, after each epoch
        proc/<dataset>/models/training_nn.tsv, .png               loss, error and rate of each epoch
        proc/<dataset>/models/boxes_nn.npz                        how to move ROIs onto objects (nn_bboxRegression)
For classifier "faster" the network learns to propose the ROIs as well, from pictures and annotations alone:
        proc/<dataset>/models/checkpoint_faster.npz, training_faster.tsv, .png
        proc/<dataset>/rois_faster/<folder>/<picture>.roi.txt     what it proposes, best first
        proc/<dataset>/rois_faster/<folder>/<picture>.objectness.txt    how sure it is of each
Several processes train together, on one machine or more: torchrun --nproc_per_node=N 3_runCntk.py --classifier nn
(or faster).
A training that was stopped (Ctrl-C, kill -9, a power cut) goes on after its last whole epoch when the script is run
again: --resume insists on that, --restart forgets it.
"""

import logging
import sys
from dataclasses import replace

import helpers.first  # noqa: F401

from fastRCNN.pipeline.beside import join_processes, train_beside, training_start
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.cluster import add_cluster_option, open_cluster
from fastRCNN.pipeline.detector_folder import DetectorSettings, save_detector
from fastRCNN.pipeline.network_step import (
    decide_keeping,
    drop_checkpoint,
    make_network,
    records_of,
    require_checkpoint,
    run_network,
)
from fastRCNN.pipeline.numbers import settled_numbers
from fastRCNN.pipeline.stages import Chain
from fastRCNN.run_context import RunContext
from helpers.artifacts import exclusive
from helpers.console import run_script, setup_logging, timing_summary
from helpers.errors import UserError
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Run step 3."""
    parser = make_parser(__doc__)
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with a stopped training; an error if there is none")
    again.add_argument("--restart", action="store_true", help="do all anew, whatever earlier runs left")
    add_cluster_option(parser)
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    classifier = CLASSIFIERS[p.classifier]
    p.update(settled_numbers(p))
    processes = join_processes(p)
    if processes and processes.rank:
        setup_logging(quiet=True)
        train_beside(p, processes)
        return
    chain = Chain.choose(p)
    artifacts, train = chain.artifacts, chain.datasets["train"]
    context, training = replace(RunContext.choose(p), processes=processes), classifier.training(p)
    model, checkpoint = artifacts.model_file(p.classifier), artifacts.checkpoint_file(p.classifier)
    with exclusive(artifacts):
        chain.require_before("network")
        records = records_of(chain, p.cntk_nrRois)
        fingerprint = chain.recipe_digest("network")
        if p.resume:
            if training is None or p.engine != "torch":
                named = " or ".join(name for name, each in CLASSIFIERS.items() if each.trains_network)
                raise UserError(f"--resume goes on with a training: it needs --classifier {named} and --engine torch")
            require_checkpoint(checkpoint, fingerprint)
        if p.restart:
            chain.forget("network", "embeddings")
            checkpoint.unlink(missing_ok=True)
        with chain.writing("network") as work:
            if processes:
                processes.agree(bool(work.todo))
            if work.todo:
                start, data = training_start(chain, records["train"], context, p)
                make_network(work, model, start, training=training, data=data)
        if processes:
            processes.leave()
            context = replace(context, processes=None)
        drop_checkpoint(checkpoint, fingerprint)
        chain = decide_keeping(chain, records)
        with chain.writing("embeddings") as work, open_cluster(p.cluster if work.todo else "") as cluster:
            seconds = run_network(chain, work, context, records, p.compat, cluster) if work.todo else []
        log.info("Time: %s. Files: %s", timing_summary(seconds), artifacts.cntk_files)
        if classifier.does_without("svm"):
            settings = DetectorSettings.choose(p, train.classes, chain.roi_limits)
            save_detector(artifacts, settings, chain.files("network"))
    if classifier.does_without("svm"):
        log.info("Step 4 is not needed for classifier %s. Next: 5_evaluateResults.py", p.classifier)


if __name__ == "__main__":
    run_script(main)
