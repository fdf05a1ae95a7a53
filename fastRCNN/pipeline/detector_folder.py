"""A trained detector as a folder: its parts, how to use them, and a manifest that says which belong together.

    models/detector_<classifier>.json    the manifest: settings, and the digest of every part
    models/frcn_<classifier>.npz         the network
    and what the classifier adds: trainedSvm/*_exp1.txt and boxes_exp1.npz, or models/boxes_nn.npz
    models/frcn_faster.npz               where that network proposes the regions (ss_method "rpn") ...
    models/proposals.npz                 ... or the bundled one, of which this is a copy

The parts are named as seen from the folder, so it can be copied, moved and renamed; `models/` and `trainedSvm/` are
enough of it. The manifest is written last, by the step that trains, and compared whenever a detector is loaded: a
network that was made anew since, a part that is missing or comes from elsewhere are found before anything is detected.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.rpn_regions import part_of_regions
from fastRCNN.pipeline.scoring import score_threshold_of
from fastRCNN.proposals.roi_parameters import RoiParameters
from helpers.artifacts import Artifacts, atomic_write
from helpers.errors import UserError
from helpers.file_facts import MISSING, file_digest

_FORMAT = "fast-rcnn-tutorial detector"
_VERSION = 2
FREE = ("nmsThreshold", "nmsThresholds", "nms_softSigma")  # of the settings: what may change after training


@dataclass(frozen=True)
class DetectorSettings:
    """What a detector was trained with and must be used with, under the names of PARAMETERS.py."""

    classes: tuple[str, ...]  # background first
    classifier: str = "svm"
    cntk_nrRois: int = 2000
    cntk_padWidth: int = 1000
    cntk_tiles: int | str = 1
    cntk_tileOverlap: float = 0.25
    cntk_precision: str = "float32"  # what step 3 really used, never "auto"
    cntk_embeddingType: str = "float32"  # likewise
    nmsThreshold: float = 0.3
    nmsThresholds: Mapping[str, float] = field(default_factory=dict)
    nms_softSigma: float = 0.0
    scoreThreshold: float | None = None  # the classifier's of scoreThresholds
    compat: str = "corrected"
    seed: int = 0
    rois: RoiParameters = field(default_factory=RoiParameters)

    @classmethod
    def choose(
        cls, parameters: Mapping[str, Any], classes: tuple[str, ...], limits: Mapping[str, float] | None = None
    ) -> "DetectorSettings":
        """Return the settings in `parameters` (by name), for a data set with these `classes`.

        limits: what stands for the limits of ROIs that are "fitted", as step 1 took them.
        """
        names = ("classifier", "cntk_nrRois", "cntk_padWidth", "cntk_tiles", "cntk_tileOverlap", "cntk_precision",
                 "cntk_embeddingType", "nmsThreshold", "nmsThresholds", "nms_softSigma", "compat", "seed")  # fmt: skip
        threshold = score_threshold_of(parameters)
        return cls(
            classes, scoreThreshold=threshold, rois=RoiParameters.choose(parameters, limits),
            **{name: parameters[name] for name in names},
        )  # fmt: skip

    def changes(self, parameters: Mapping[str, Any]) -> list[str]:
        """Return one phrase for each of `parameters` (by name) that is not what the detector was trained with.

        What thins out what was found (`FREE`) is free; "auto" and "fitted" stand for what training made of it, where
        it made something of it.
        """
        trained = json.loads(json.dumps({**asdict(self), **asdict(self.rois)}))  # tuples become lists
        phrases = []
        for name in sorted(trained.keys() & parameters.keys() - {"classes", *FREE}):
            asked = json.loads(json.dumps(parameters[name]))
            stands = (name != "cntk_tiles" and asked == "auto") or (
                asked == "fitted" and not isinstance(trained[name], str)
            )
            if asked != trained[name] and not stands:
                phrases.append(f"{name} was {trained[name]!r}, is {asked!r}")
        return phrases


def save_detector(artifacts: Artifacts, settings: DetectorSettings, parts: Iterable[Path]) -> None:
    """Write the manifest of the detector that consists of `parts`, files below the proc folder of `artifacts`.

    Where a network proposes its regions (`ss_method` "rpn"), that is a part as well.
    """
    if not CLASSIFIERS[settings.classifier].proposes:
        network = part_of_regions(artifacts, settings.rois.ss_method)
        parts = [*parts, network] if network else parts
    content = {
        "format": _FORMAT,
        "version": _VERSION,
        "settings": asdict(settings),
        "parts": {path.relative_to(artifacts.proc).as_posix(): file_digest(path) for path in parts},
    }
    with atomic_write(artifacts.settings_file(settings.classifier)) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def load_settings(artifacts: Artifacts, classifier: str) -> DetectorSettings:
    """Return the settings of the trained detector; `UserError` when its manifest is missing or damaged."""
    return _read(artifacts.settings_file(classifier))[0]


def check_parts(artifacts: Artifacts, classifier: str) -> list[Path]:
    """Return the parts of the trained detector; `UserError` unless all are there and are those it was trained with."""
    manifest = artifacts.settings_file(classifier)
    parts = {artifacts.proc / name: digest for name, digest in _read(manifest)[1].items()}
    found = {path: file_digest(path) for path in parts}
    chosen = CLASSIFIERS[classifier]
    last = "3_runCntk.py" if chosen.does_without("svm") else "4_trainSvm.py"
    missing = [path for path in parts if found[path] == MISSING]
    if missing:
        first = "3_runCntk.py first, then " if missing[0] in chosen.network_files(artifacts) and last[0] != "3" else ""
        raise UserError(
            f"{missing[0]}: not there, but {manifest.name} says that this detector consists of it. Copy it as well, or "
            f"run {first}{last}{'' if first else ' first'}"
        )
    others = [path for path in parts if found[path] != parts[path]]
    if others:
        raise UserError(
            f"{others[0]}: not the file that this detector was trained with (3_runCntk.py made another network since? "
            f"copied from elsewhere?). Run {last} again"
        )
    return list(parts)


def _read(path: Path) -> tuple[DetectorSettings, dict[str, str]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("version") != _VERSION:
            raise UserError(f"{path}: written by another version of this project. Run the steps again")
        settings = content["settings"]
        rois = RoiParameters(**settings.pop("rois"))
        parts = {str(name): str(digest) for name, digest in content["parts"].items()}
        return DetectorSettings(tuple(settings.pop("classes")), rois=rois, **settings), parts
    except FileNotFoundError:
        raise UserError(f"{path}: not there yet. Run the steps up to the training first") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: damaged ({error!r}). Run the step that trains again") from None
