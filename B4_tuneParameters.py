"""Tune what people would tune by hand, by the training pictures alone: each part of them is left out in turn.

Reads   what steps 1 to 3 left for --classifier svm; annotations in data/<dataset>/
Writes  results/<dataset>/tuning.{tsv,png}
Prints  mAP of each value that was tried, with its spread over the parts; then the --set options to go on with.

Tried are nmsThreshold, nms_softSigma, cntk_nrRois (the best ROIs of those that there are), svm_bboxRegression, then, as
far as --minutes go, what trains again: svm_C, train_posOverlapThres. The test pictures are never looked at.
"""

import logging
import sys
from collections.abc import Sequence

import helpers.first  # noqa: F401

from fastRCNN.boxes.suppression import Suppression
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.folds import FoldOptions
from fastRCNN.pipeline.recipes import STAGES
from fastRCNN.pipeline.stages import Chain
from fastRCNN.pipeline.tuning import Trial, tune
from fastRCNN.pipeline.unstored_rows import Unstored
from fastRCNN.svm.train_svms import SvmTraining
from helpers.console import progress, run_script, setup_logging, table
from helpers.errors import UserError
from helpers.plots import Panel, Series
from helpers.small_charts import small_charts
from helpers.tables import write_tsv
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")
_COLOR = (200, 120, 20)
_LEGEND = """
mAP: mean over the parts, each scored by what the others teach; spread: its standard deviation from part to part.
gain: over the value that stood before. Taken is the best value of a parameter, where its mean gain over the parts is
larger than its standard error: a small gain in every part counts, a large one in a single part does not."""


def main() -> None:
    """Tune the parameters of a data set."""
    parser = make_parser(__doc__)
    parser.add_argument("--folds", type=int, metavar="N",
                        help="parts of the training pictures (default: 5, or as many as show objects)")  # fmt: skip
    parser.add_argument("--minutes", type=float, default=10.0, metavar="N", help="how long at most (default: 10)")
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    if p.minutes <= 0:
        raise UserError(f"--minutes {p.minutes:g}: expected more than 0")
    chain = Chain.choose(p)
    if CLASSIFIERS[p.classifier].does_without("svm"):
        raise UserError(
            f"--classifier {p.classifier}: its network would be trained for each part. Only svm can be tuned"
        )
    chain.require("rois", "inputs", "network", "embeddings")
    imdb = chain.datasets["train"]
    options = FoldOptions(
        SvmTraining.choose(p), p.cntk_nrRois, p.svm_bboxRegression, p.svm_bboxRidge or None,
        Suppression.choose(p, imdb.classes), p.evalVocOverlapThreshold, p.compat, p.seed, p.jobs,
    )  # fmt: skip
    folds = p.folds or min(5, sum(len(record.gt_boxes) > 0 for record in imdb))
    tried = tune(imdb, chain.artifacts, folds, options, seconds=60 * p.minutes,
                 unstored=Unstored.choose(chain, p, "train"))  # fmt: skip
    logging.getLogger("fastRCNN.boxes").setLevel(logging.WARNING)  # what each training says of its boxes is too much
    trials = list(progress(tried, "values", None))
    columns = ["parameter", "value", "mAP, area", "spread", "gain", ""]
    print(table(columns, rows_of(trials)))
    print(_LEGEND)
    results = chain.artifacts.results
    write_tsv(results / "tuning.tsv", [*columns[:5], "taken"], rows_of(trials))
    small_charts(results / "tuning.png", panels_of(trials), columns=3)
    taken = [trial for trial in trials if trial.taken]
    if taken:
        settings = " ".join(f"--set {trial.parameter}={shown(trial.value)}" for trial in taken)
        print(f"\nBetter on pictures that were left out, from {trials[0].mean:.3f} to {taken[-1].mean:.3f}.")
        print("By them the values were chosen, though: expect less of new ones.")
        print(f"Run the steps again from {first_step(taken)} on, with\n  {settings}")
    else:
        print(f"\nNothing was better than what there is ({trials[0].mean:.3f}) by more than chance.")
    log.info("Files: %s", results / "tuning.tsv")


def first_step(taken: Sequence[Trial]) -> str:
    """Return the first script whose files depend on what was `taken`."""
    names = [trial.parameter for trial in taken]
    scripts = (stage.script for stage in STAGES.values() if any(name.startswith(stage.parameters) for name in names))
    return next(scripts, "5_evaluateResults.py")


def rows_of(trials: list[Trial]) -> list[list[str]]:
    """Return a row for each trial; its gain is over what was best before its parameter."""
    rows, best, following = [], trials[0], trials[0]
    for trial in trials:
        if trial.parameter != following.parameter:
            best, following = next((t for t in reversed(trials[: trials.index(trial)]) if t.taken), trials[0]), trial
        name = trial.parameter or "as it is"
        gain = f"{trial.mean - best.mean:+.3f}" if trial.parameter else ""
        rows.append(
            [name, shown(trial.value), f"{trial.mean:.3f}", f"{trial.spread:.3f}", gain, "taken" if trial.taken else ""]
        )
    return rows


def shown(value: object) -> str:
    """Return a value as --set takes it."""
    return f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def panels_of(trials: list[Trial]) -> list[Panel]:
    """Return a chart of mAP over the values of each parameter that has several numbers."""
    panels = []
    for name in dict.fromkeys(trial.parameter for trial in trials[1:]):
        mine = [t for t in trials if t.parameter == name and not isinstance(t.value, bool)]
        if len(mine) > 1:
            series = Series("mAP", [t.value for t in mine], [t.mean for t in mine], _COLOR, marks=True)
            panels.append(Panel(name, name, "mAP, area", [series], x_limits=None, log_x=name == "svm_C"))
    return panels


if __name__ == "__main__":
    run_script(main)
