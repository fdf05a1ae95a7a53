"""The chain of steps: which parameters and files each step's output depends on, and whether it is up to date."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastRCNN.datasets.tutorial_folders import key_of
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from helpers.annotations import boxes_path, labels_path
from helpers.artifacts import IMAGE_SETS, Artifacts
from helpers.errors import UserError
from helpers.images import find_images
from helpers.stamps import Stamp, changed_inputs, differences, digests, file_digest, read_stamp, write_stamp

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stage:
    """One step: its script, and the parameters (full names, or prefixes that end in "_") that its files depend on."""

    script: str
    parameters: tuple[str, ...]


STAGES = {
    "rois": Stage("1_computeRois.py", ("roi_", "ss_", "grid_", "seed")),
    "inputs": Stage(
        "2_cntkGenerateInputs.py",
        ("cntk_nrRois", "cntk_padWidth", "cntk_padHeight", "train_posOverlapThres", "classes"),
    ),
    "network": Stage("3_runCntk.py", ("engine", "seed", "cntk_precision", "cntk_svdRanks")),
    "svm": Stage("4_trainSvm.py", ("svm_", "seed", "compat")),
}


def network_parameters(classifier: str) -> tuple[str, ...]:
    """Return the parameters of step 3 that matter for `classifier`: training ones only where it trains."""
    return (*STAGES["network"].parameters, *CLASSIFIERS[classifier].network_parameters)


def current_stamp(name: str, artifacts: Artifacts, parameters: Mapping[str, Any]) -> Stamp:
    """Return the stamp that step `name` ("rois", "inputs", "network", "svm") would leave now."""
    stage = STAGES[name]
    names = network_parameters(parameters["classifier"]) if name == "network" else stage.parameters
    chosen = {
        key: value
        for key, value in parameters.items()
        if any(key == wanted or (wanted.endswith("_") and key.startswith(wanted)) for wanted in names)
    }
    inputs = digests(_inputs(name, artifacts, parameters), artifacts.root)
    if name == "network":
        weights = Path(parameters["cntk_model"]) if parameters["cntk_model"] else None
        inputs["cntk_model"] = file_digest(weights) if weights else "He-initialised"
        if chosen["cntk_precision"] == "auto":  # what step 3 made of it on its machine is right on this one
            left = read_stamp(stamp_file(name, artifacts, parameters["classifier"]))
            chosen["cntk_precision"] = left.parameters.get("cntk_precision", "auto") if left else "auto"
    return Stamp(stage.script, chosen, inputs)


def stamp_file(name: str, artifacts: Artifacts, classifier: str) -> Path:
    """Return where the stamp of step `name` lies; the network has one for each classifier."""
    return artifacts.stamp_file(f"{name}_{classifier}" if name == "network" else name)


def begin(
    name: str, artifacts: Artifacts, parameters: Mapping[str, Any], outputs: Mapping[str, Path] | Sequence[Path]
) -> None:
    """Start step `name`: remove its stale files and leave its stamp, so that a file that exists is up to date.

    `outputs` are the files that the step is going to write: by the name of the input that each is made from, where one
    input makes one file, so that only those of changed inputs are removed; as a sequence where every input matters to
    every file. Files without a stamp (brought by hand) are kept, and the log says so.
    """
    stamp_path = stamp_file(name, artifacts, parameters["classifier"])
    old, now = read_stamp(stamp_path), current_stamp(name, artifacts, parameters)
    files = list(outputs.values()) if isinstance(outputs, Mapping) else list(outputs)
    if old is None:
        kept = sum(path.exists() for path in files)
        if kept:
            log.info("%d file(s) without a stamp are kept as brought by hand, like %s.", kept, files[0].parent)
    elif differences(old, now):
        inputs = changed_inputs(old, now)
        if isinstance(outputs, Mapping) and len(inputs) == len(differences(old, now)):  # no parameter changed
            files = [outputs[changed] for changed in inputs if changed in outputs]
        for path in files:
            path.unlink(missing_ok=True)
    write_stamp(stamp_path, now)


def require(names: tuple[str, ...], artifacts: Artifacts, parameters: Mapping[str, Any]) -> None:
    """Raise `UserError` unless the files of all steps in `names` are there and up to date.

    The message names the script to run and what changed. Files without a stamp (brought by hand, or written by the
    published code) are used, with one line that says so.
    """
    for name in names:
        script = STAGES[name].script
        missing = [path for path in _outputs(name, artifacts, parameters) if not path.exists()]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise UserError(f"{missing[0]}{more}: not there yet. Run {script} first")
        old = read_stamp(stamp_file(name, artifacts, parameters["classifier"]))
        now = current_stamp(name, artifacts, parameters)
        if old is None:
            log.info("The files of %s carry no stamp (brought by hand?): they are used as they are.", script)
        elif changes := differences(old, now):
            shown = "; ".join(changes[:5]) + (f"; and {len(changes) - 5} more" if len(changes) > 5 else "")
            raise UserError(f"the files of {script} are stale: {shown}. Run {script} again")


def require_scores(artifacts: Artifacts, parameters: Mapping[str, Any]) -> None:
    """Do as `require` for all that scores of the ROIs are made from: what step 5 needs."""
    require(CLASSIFIERS[parameters["classifier"]].stages, artifacts, parameters)


def _pictures(artifacts: Artifacts, image_set: str) -> Iterator[Path]:
    for folder in IMAGE_SETS[image_set]:
        yield from find_images(artifacts.data / folder)


def _inputs(name: str, artifacts: Artifacts, parameters: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the files that step `name` reads."""
    for image_set in IMAGE_SETS:
        if name == "rois":
            yield from _pictures(artifacts, image_set)
        elif name == "inputs":
            for picture in _pictures(artifacts, image_set):
                yield artifacts.roi_file(key_of(picture))
                if picture.parent.name != "negative":
                    yield from (boxes_path(picture), labels_path(picture))
        elif name == "network":
            yield from _cntk_files(artifacts, image_set)
    if name == "svm":
        yield stamp_file("network", artifacts, parameters["classifier"])


def _outputs(name: str, artifacts: Artifacts, parameters: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the files that step `name` leaves."""
    if name == "svm":
        yield artifacts.svm_folder / "svmweights_exp1.txt"
        return
    for image_set in IMAGE_SETS:
        pictures = list(_pictures(artifacts, image_set))
        if name == "rois":
            yield from (artifacts.roi_file(key_of(picture)) for picture in pictures)
        elif name == "inputs":
            yield from _cntk_files(artifacts, image_set)
        else:
            for index in range(len(pictures)):
                yield artifacts.embedding_file(image_set, parameters["classifier"], index)


def _cntk_files(artifacts: Artifacts, image_set: str) -> tuple[Path, ...]:
    of = artifacts
    return of.image_map(image_set), of.rois_txt(image_set), of.roi_labels_txt(image_set), of.nr_rois_txt(image_set)
