"""Step 3: run every ROI through the network: 4096 numbers that describe it (svm), or a score for each class (nn).

Reads   proc/<dataset>/cntkFiles/{train,test}.*, the weight file (cntk_model)
Writes  proc/<dataset>/models/frcn_<classifier>.npz               the network
        proc/<dataset>/models/frcn_<classifier>.model             the same for CNTK (with --engine cntk)
        proc/<dataset>/cntkFiles/{train,test}_<classifier>_parsed/<i>.dat.npz     key arr_0, one row per ROI
For classifier "nn" the network is trained first, and a stopped training continues after its last whole epoch:
        proc/<dataset>/models/checkpoint_nn.npz                   while it trains
        proc/<dataset>/models/training_nn.tsv, .png               loss, error and rate of each epoch
        proc/<dataset>/models/boxes_nn.npz                        how to move ROIs onto objects (nn_bboxRegression)
"""

import functools
import logging
import sys

from fastRCNN.alexnet import save_network
from fastRCNN.cntk_inputs import read_cntk_inputs
from fastRCNN.detector import DetectorSettings
from fastRCNN.embed_dataset import embed_dataset
from fastRCNN.embeddings import write_embeddings
from fastRCNN.engines import load_engine, starting_network
from fastRCNN.imdb import Imdb
from fastRCNN.nn.outputs import boxes_file, load_box_regressor, scoring_network, write_outputs
from fastRCNN.roidb import load_roidb
from fastRCNN.stages import begin, current_stamp, require
from helpers.artifacts import Artifacts, exclusive
from helpers.console import progress, run_script, setup_logging, timing_summary
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Run step 3."""
    p = get_parameters(sys.argv[1:], make_parser(__doc__))
    setup_logging(p.quiet)
    artifacts = Artifacts(p.root, p.datasetName)
    imdb = Imdb(artifacts, "train", p.classes)
    nr_classes = len(imdb.classes)
    model = artifacts.model_file(p.classifier)
    cntk_model = model.with_suffix(".model")
    with exclusive(artifacts):
        require(("rois", "inputs"), artifacts, p)
        records = {
            image_set: list(read_cntk_inputs(artifacts, image_set, nr_rois=p.cntk_nrRois, nr_classes=nr_classes))
            for image_set in ("train", "test")
        }
        outputs = {
            image_set: [artifacts.embedding_file(image_set, p.classifier, record.index) for record in of_set]
            for image_set, of_set in records.items()
        }
        boxes = [boxes_file(artifacts, "nn")] if p.classifier == "nn" else []
        begin("network", artifacts, p, [model, cntk_model, *boxes, *outputs["train"], *outputs["test"]])
        DetectorSettings.choose(p, imdb.classes).save(artifacts.settings_file(p.classifier))
        if not model.exists():
            network = choose_network(p)
            if p.classifier == "nn":
                network = train(network, p, artifacts, imdb, records["train"])
            save_network(model, network.spec.to_header(), network.arrays)
        regressor = load_box_regressor(artifacts, "nn", nr_classes) if p.classifier == "nn" else None
        write = functools.partial(write_outputs, nr_classes=nr_classes) if p.classifier == "nn" else write_embeddings
        seconds = []
        with load_engine(p.engine, scoring_network(model, regressor), device=p.device) as engine:
            if p.engine == "cntk" and regressor is None and not cntk_model.exists():
                engine.save(cntk_model)
            for image_set, of_set in records.items():
                todo = [r for r, path in zip(of_set, outputs[image_set], strict=True) if not path.exists()]
                log.info("%s: %d pictures, %d of them up to date.", image_set, len(of_set), len(of_set) - len(todo))
                paths = [artifacts.embedding_file(image_set, p.classifier, record.index) for record in todo]
                run = embed_dataset(engine, todo, paths, pad_size=p.cntk_padWidth, nr_rois=p.cntk_nrRois, write=write)
                seconds += list(progress(run, f"{image_set} {'scores' if boxes else 'embeddings'}", len(todo)))
        log.info("Time: %s. Files: %s", timing_summary(seconds), artifacts.cntk_files)
    if p.classifier == "nn":
        log.info("Step 4 is not needed for classifier nn. Next: 5_evaluateResults.py --classifier nn")


def choose_network(p):
    """Return the network to start from."""
    network = starting_network(p.cntk_model, p.seed)
    log.info("Network: %s.", network.spec.source or p.cntk_model)
    if not p.cntk_model:
        log.warning(
            "There is no weight file, so the filters are random (He-initialised): they tell textures apart, but a "
            "trained network detects clearly better. resources/install_alexnet.py fetches one."
        )
    return network


def train(network, p, artifacts: Artifacts, imdb: Imdb, records):
    """Return the network after training on `records`; its box regression, if there is one, is written."""
    from fastRCNN.nn.checkpoints import fingerprint  # only for classifier nn: step 3 starts faster without
    from fastRCNN.nn.sampling import training_pictures
    from fastRCNN.nn.train_network import train_network
    from fastRCNN.nn.training import NnTraining

    choice = NnTraining.choose(p)
    roidb = load_roidb(imdb, artifacts, p.cntk_nrRois, with_ground_truth=True) if choice.needs_roidb else None
    pictures = training_pictures(
        records, roidb, pad_size=p.cntk_padWidth, nr_rois=p.cntk_nrRois, with_filler=p.compat == "tutorial"
    )
    return train_network(
        network, pictures, imdb.classes, choice, folder=artifacts.model_file("nn").parent, engine=p.engine,
        fingerprint=fingerprint(current_stamp("network", artifacts, p)), pad_size=p.cntk_padWidth, seed=p.seed,
        device=p.device, threads=p.jobs, memory_limit=p.cntk_maxMemory * 1e9 or None,
    )  # fmt: skip


if __name__ == "__main__":
    run_script(main)
