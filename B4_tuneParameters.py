"""Tune what people would tune by hand, by the training pictures alone: each part of them is left out in turn.

Reads   what steps 1 to 3 left for --classifier svm; annotations in data/<dataset>/
Writes  results/<dataset>/tuning.{tsv,png}
        proc/<dataset>/tuning/      steps 1 to 3 with other parameters, for training pictures; it may be deleted
Prints  mAP of each value that was tried, with its spread over the parts; then the options to go on with.

Tried are, as far as --minutes go, first what costs nothing: nmsThreshold, nms_softSigma, cntk_nrRois (fewer are taken
only if SVMs that are trained with fewer are better, too), svm_bboxRegression; then what trains the SVMs again, with or
without steps 1 to 3: ss_method, cntk_model (the networks in resources/cntk/), svm_C, train_posOverlapThres,
cntk_padWidth, roi_sizeGroups, roi_limits, more ROIs; last the classifiers that train the network. Run again with more
minutes it goes on: what was finished is remembered. The test pictures are never looked at.
"""

import logging
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import helpers.first  # noqa: F401

import PARAMETERS
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.recipes import STAGES
from fastRCNN.pipeline.rpn_regions import warn_of_what_it_has_seen
from fastRCNN.pipeline.stages import Chain
from fastRCNN.pipeline.tuned_values import usual_side
from fastRCNN.pipeline.tuning import Search, Trial, tune
from fastRCNN.proposals.roi_parameters import NETWORK_METHODS
from helpers.artifacts import exclusive
from helpers.console import progress, run_script, setup_logging, table
from helpers.dot_chart import Dot, dot_chart
from helpers.errors import UserError
from helpers.overrides import save_override
from helpers.processes import typed
from helpers.tables import write_tsv
from helpers.time_budget import TimeBudget
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")
NETWORKS = Path(PARAMETERS.__file__).resolve().parent / "resources" / "cntk"
TUNED = (
    "nmsThreshold", "nms_softSigma", "cntk_nrRois", "svm_bboxRegression", "ss_method", "cntk_model", "svm_C",
    "train_posOverlapThres", "cntk_padWidth", "roi_sizeGroups", "roi_limits", "classifier",
)  # fmt: skip
_OPTIONS = ("classifier",)  # parameters that have an option of their own
_SCRIPTS = {"cntk_model": "3_runCntk.py", "classifier": "3_runCntk.py"}  # of what is no parameter of a stage by name
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
    parser.add_argument("--only", nargs="+", choices=TUNED, default=[], metavar="NAME",
                        help=f"try only these: {', '.join(TUNED)}")  # fmt: skip
    parser.add_argument("--networks", nargs="+", type=Path, metavar="FILE",
                        help="weight files to try (default: those in resources/cntk/)")  # fmt: skip
    parser.add_argument("--save", action="store_true", help="write what was taken into PARAMETERS.py, for this data "
                        "set alone")  # fmt: skip
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    if not p.minutes > 0:
        raise UserError(f"--minutes {p.minutes:g}: expected more than 0")
    for file in p.networks or ():
        usual_side(file)  # it is there, and of use
    chain = Chain.choose(p)
    if CLASSIFIERS[p.classifier].does_without("svm"):
        raise UserError(
            f"--classifier {p.classifier}: it starts from svm, and tries the others itself. Add --classifier svm"
        )

    def with_settings(settings: Mapping[str, Any]) -> Mapping[str, Any]:
        return get_parameters([*sys.argv[1:], *as_options(settings)], parser)

    imdb = chain.datasets["train"]
    folds = p.folds or min(5, sum(len(record.gt_boxes) > 0 for record in imdb))
    networks = p.networks or sorted(NETWORKS.glob("*.npz"))
    with exclusive(chain.artifacts):
        chain.require("rois", "inputs", "network", "embeddings")
        warn_of_what_it_has_seen(chain.artifacts, p.ss_method)
        for name in ("fastRCNN", "helpers"):
            logging.getLogger(name).setLevel(logging.WARNING)  # what each training says of itself is too much
        search = Search(chain, folds, TimeBudget(60 * p.minutes), with_settings, networks, p.only)
        trials = list(progress(said(tune(search)), "values", None))
    columns = ["parameter", "value", "mAP, area", "spread", "gain", ""]
    print(table(columns, map(row_of, trials)))
    print(_LEGEND)
    results = chain.artifacts.results
    write_tsv(results / "tuning.tsv", [*columns[:5], "taken"], [row_of(trial) for trial in trials])
    dot_chart(results / "tuning.png", dots_of(trials), title=f"{p.datasetName}: training pictures that were left out",
              x_label="mAP, area; bars: spread from part to part", mark=trials[0].mean)  # fmt: skip
    if settings := taken_settings(trials):
        last = [trial for trial in trials if trial.taken][-1]
        print(f"\nBetter on pictures that were left out, from {trials[0].mean:.3f} to {last.mean:.3f}.")
        print("By them the values were chosen, though: expect less of new ones.")
        begin = f"Run the steps again from {first_step(settings, p.ss_method)} on"
        if p.save:
            line = save_override(Path(PARAMETERS.__file__), p.datasetName, settings, by="B4_tuneParameters.py --save")
            print(f"Written into PARAMETERS.py:\n  {line}\n{begin}.")
        else:
            print(f"{begin}, and add to your options\n  {typed(as_options(settings))}")
    else:
        print(f"\nNothing was better than what there is ({trials[0].mean:.3f}) by more than chance.")
    if any(trial.why.startswith("not tried") for trial in trials):
        print("With more --minutes it goes on where it ended.")
    log.info("Files: %s", results / "tuning.tsv")


def said(trials: Iterable[Trial]) -> Iterable[Trial]:
    """Yield `trials`, with a line for each that took a while."""
    for trial in trials:
        if trial.parameter not in ("nmsThreshold", "nms_softSigma", "svm_bboxRegression"):
            log.info("%s", "  ".join(cell for cell in row_of(trial) if cell))
        yield trial


def taken_settings(trials: Sequence[Trial]) -> dict[str, Any]:
    """Return what the trials that were taken set, later ones in place of earlier ones."""
    settings: dict[str, Any] = {}
    for trial in trials:
        settings |= trial.settings if trial.taken else {}
    return settings


def as_options(settings: Mapping[str, Any]) -> list[str]:
    """Return `settings` as options of a step; a file below the working folder by its path from there."""
    options = []
    for name, value in settings.items():
        text = shown(value)
        if name == "cntk_model" and Path(text).is_relative_to(Path.cwd()):
            text = os.path.relpath(text)
        options += ["--classifier", text] if name in _OPTIONS else ["--set", f"{name}={text}"]
    return options


def first_step(settings: Mapping[str, Any], ss_method: str = "fast") -> str:
    """Return the first script whose files depend on `settings`; ss_method: what has proposed the regions until now."""
    if "classifier" in settings and CLASSIFIERS[settings["classifier"]].proposes:  # it needs no step before
        return "3_runCntk.py"
    if ss_method in NETWORK_METHODS and "cntk_padWidth" in settings:  # that network sees the picture so large
        return "1_computeRois.py"
    scripts = [stage.script for stage in STAGES.values() if any(name.startswith(stage.parameters) for name in settings)]
    return min([*scripts, *(_SCRIPTS[name] for name in settings if name in _SCRIPTS)], default="5_evaluateResults.py")


def row_of(trial: Trial) -> list[str]:
    """Return the row of a trial in the table."""
    name = trial.parameter or "as it is"
    if not trial.areas:
        return [name, shown(trial.value), "", "", "", trial.why]
    gain = f"{trial.gain:+.3f}" if trial.parameter else ""
    taken = "taken" if trial.taken else ""
    return [name, shown(trial.value), f"{trial.mean:.3f}", f"{trial.spread:.3f}", gain, taken]


def shown(value: object) -> str:
    """Return a value as --set takes it."""
    return f"{value:g}" if is_number(value) else str(value)


def is_number(value: object) -> bool:
    """Return whether `value` is a number, and not True or False."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def dots_of(trials: Sequence[Trial]) -> list[Dot]:
    """Return what `dot_chart` draws: each value that was tried."""
    return [
        Dot(trial.parameter or "as it is", shown(trial.value), trial.mean, trial.spread, trial.taken)
        for trial in trials
        if trial.areas
    ]


if __name__ == "__main__":
    run_script(main)
