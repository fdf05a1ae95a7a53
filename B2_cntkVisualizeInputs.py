"""Look into the network's inputs: read step 2's files back and draw what the network is going to see.

Reads   proc/<dataset>/cntkFiles/{train,test}.{txt,rois.txt,roilabels.txt,nrRois.txt}
Writes  results/<dataset>/inputs/<set>_<i><picture>: padded pictures; ROIs that show an object in the colour of its
        class, some of the others in grey
Prints  the number of ROIs of each class per picture.
With classifier "faster", whose network finds the ROIs itself, what it learns and does, from one trained in step 3:
Reads   proc/<dataset>/models/frcn_faster.npz, pictures and annotations in data/<dataset>/
Writes  results/<dataset>/regions/<set>_<i><picture>.1_anchors.jpg       the anchors of one cell; all cells as dots
        ... .2_anchorTargets.jpg    which anchors shall say object (green), and some that shall say background (grey)
        ... .3_objectness.jpg       heat map: how sure the network is that an object is there
        ... .4_before.jpg, .5_after.jpg    its best proposals before and after non-maximum suppression
        ... .6_targets.jpg          which of these the detector learns from, their class, and where they shall go
Prints  how many there are of each, and how many objects the proposals cover.
"""

import logging
import sys
from itertools import islice

import helpers.first  # noqa: F401

import numpy as np

from fastRCNN.engines import load_engine
from fastRCNN.faster.recipe import FasterTraining
from fastRCNN.network.network import load_network
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.cntk_inputs import read_cntk_inputs
from fastRCNN.pipeline.regions_seen import SeenRules, look_at
from fastRCNN.pipeline.stages import Chain
from fastRCNN.reporting.region_pictures import (
    Canvas,
    draw_anchor_targets,
    draw_anchors,
    draw_objectness,
    draw_proposals,
    draw_targets,
)
from fastRCNN.reporting.visualization import draw_inputs, scale_boxes
from helpers.artifacts import IMAGE_SETS
from helpers.console import progress, run_script, setup_logging, table
from helpers.images import pad_to_square, read_image, write_image
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")
SHOWN = 20  # proposals that are drawn after non-maximum suppression


def main() -> None:
    """Draw the inputs."""
    parser = make_parser(__doc__)
    parser.add_argument("--image-set", choices=(*IMAGE_SETS, "all"), default="all", help="pictures to draw")
    parser.add_argument("--pictures", type=int, default=25, metavar="N", help="at most N of each set (default: 25)")
    parser.add_argument("--negatives", type=int, default=10, metavar="N",
                        help="ROIs without an object to draw, evenly chosen (default: 10)")  # fmt: skip
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    chain = Chain.choose(p)
    if CLASSIFIERS[p.classifier].proposes:
        draw_regions(chain, p)
        return
    artifacts, classes = chain.artifacts, chain.datasets["train"].classes
    chain.require("rois", "inputs")
    rows = []
    for image_set in (name for name in IMAGE_SETS if p.image_set in (name, "all")):
        pictures = chain.datasets[image_set].image_paths
        records = read_cntk_inputs(artifacts, image_set, pictures, nr_rois=p.cntk_nrRois, nr_classes=len(classes))
        for record in islice(progress(records, f"{image_set} pictures"), max(0, p.pictures)):
            padded, placed = pad_to_square(read_image(record.image_path), p.cntk_padWidth)
            rois = record.absolute_rois(p.cntk_padWidth)
            name = f"{image_set}_{record.index}{record.image_path.name}"
            offset = [placed.offset_x, placed.offset_y] * 2
            objects = scale_boxes(chain.datasets[image_set][record.index].gt_boxes, placed.scale) + offset
            picture = draw_inputs(padded, rois, record.labels, classes, max_negatives=max(0, p.negatives),
                                  objects=objects)  # fmt: skip
            write_image(artifacts.results / "inputs" / name, picture)
            rows.append([name, *np.bincount(record.labels[record.labels >= 0], minlength=len(classes)).tolist()])
    print(table(["picture", "no object", *classes[1:]], rows))
    log.info("Pictures: %s", artifacts.results / "inputs")


def draw_regions(chain: Chain, p) -> None:
    """Draw what a region proposal network learns and does."""
    artifacts, classes, recipe = chain.artifacts, chain.datasets["train"].classes, FasterTraining.choose(p)
    chain.require("network")
    network = load_network(artifacts.model_file(p.classifier))
    rules, most = SeenRules(recipe.anchor_rules, recipe.target_rules, recipe.rpn_border, p.seed), p.rpn_testAfterNms
    rows = []
    with load_engine(p.engine, network, device=p.device, threads=p.jobs) as engine:
        for image_set in (name for name in IMAGE_SETS if p.image_set in (name, "all")):
            records = islice(chain.datasets[image_set], max(0, p.pictures))
            for record in progress(records, f"{image_set} pictures"):
                padded, _ = pad_to_square(read_image(record.path), p.cntk_padWidth)
                seen = look_at(engine, network.spec, padded, record, rules, compat=p.compat)
                canvas = Canvas(seen.padded, seen.edges, seen.objects)
                before, after = ((each.boxes, each.scores) for each in (seen.before, seen.after))
                for name, picture in {
                    "1_anchors": draw_anchors(canvas, seen.anchors, seen.cells),
                    "2_anchorTargets": draw_anchor_targets(canvas, seen.anchors, seen.learnt.labels),
                    "3_objectness": draw_objectness(canvas, seen.objectness, seen.cells),
                    "4_before": draw_proposals(canvas, *before, most=most, with_scores=False),
                    "5_after": draw_proposals(canvas, *after, most=SHOWN),
                    "6_targets": draw_targets(canvas, seen.drawn.rois, seen.drawn.labels, seen.goals, classes),
                }.items():
                    file = f"{image_set}_{record.index}{record.path.stem}.{name}.jpg"
                    write_image(artifacts.results / "regions" / file, picture)
                learnt, drawn = seen.learnt.labels, seen.drawn.labels
                rows.append([f"{image_set}_{record.index}{record.path.stem}", len(seen.objects), len(learnt),
                             (learnt == 1).sum(), (learnt == 0).sum(), len(seen.before.boxes), len(seen.after.boxes),
                             seen.covered(0.5), seen.covered(0.7), (drawn > 0).sum(), (drawn == 0).sum()])  # fmt: skip
    print(table(["picture", "objects", "anchors", "of a batch: object", "background", "before NMS", "proposals",
                 "covered at IoU 0.5", "at 0.7", "ROIs learnt from: object", "background"], rows))  # fmt: skip
    log.info("Pictures: %s", artifacts.results / "regions")


if __name__ == "__main__":
    run_script(main)
