"""Which values `fastRCNN.pipeline.tuning` tries of which parameter: around what there is, cheapest first.

A kind of value is a function of all parameters by name, as they are then, since earlier choices move later values.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastRCNN.datasets.annotation_statistics import ANY_SIZE
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.network.layers import every_layer
from fastRCNN.network.network import load_network
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.proposals.roi_parameters import FITTED, GROUPS, LIMITS, NO_GROUPS
from helpers.errors import UserError

Parameters = Mapping[str, Any]
LIMITS_TITLE = "roi_limits"
_LARGE, _SMALL = (
    1000,
    640,
)  # pixels: the side of picture that suits networks whose first layer has a large stride, others


@dataclass(frozen=True)
class Step:
    """A parameter, by its name or a title, and what each of its values, as people read it, sets.

    trains: whether the SVMs have to be trained again. repeats: whether steps 1 to 3 have to be done again.
    look: what a value makes of scored pictures, where they are not scored anew; None: nothing.
    """

    parameter: str
    values: Mapping[Any, Mapping[str, Any]]
    trains: bool = False
    repeats: bool = False
    look: Callable[[PictureResult, Any], PictureResult] | None = None


def free_steps(p: Parameters) -> list[Step]:
    """Return what costs nothing: it only looks anew at pictures that are scored."""
    soft = {"nms_softSigma": 0.0} if p["nms_softSigma"] else {}
    thresholds = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6} | (set() if soft else {p["nmsThreshold"]})
    steps = [
        Step("nmsThreshold", {value: {"nmsThreshold": value, **soft} for value in sorted(thresholds)}),
        _step("nms_softSigma", (0.05, 0.1, 0.3, 0.5)),
    ]
    if _has_no_svms(p):
        return steps
    rois = p["cntk_nrRois"]
    steps.append(_step("cntk_nrRois", sorted({max(1, rois // part) for part in (8, 4, 2, 1)}), look=_first))
    return [*steps, _step("svm_bboxRegression", (False,), look=_without_moves)] if p["svm_bboxRegression"] else steps


def penalty(p: Parameters) -> Step:
    """Return how much wrong examples cost the SVMs."""
    return _step("svm_C", () if _has_no_svms(p) else (p["svm_C"] / 10, p["svm_C"], p["svm_C"] * 10), trains=True)


def positives(p: Parameters) -> Step:
    """Return which ROIs are positive examples for the SVMs."""
    overlaps = sorted({0.4, 0.6, p["train_posOverlapThres"]})
    return _step("train_posOverlapThres", () if _has_no_svms(p) else overlaps, trains=True)


def regions(p: Parameters) -> Step:
    """Return what proposes regions."""
    return _step("ss_method", [value for value in ("fast", "rpn") if value != p["ss_method"]], repeats=True)


def size_groups(p: Parameters) -> Step:
    """Return whether ROIs are dealt among groups of sizes."""
    return _step(GROUPS, (FITTED if p[GROUPS] == NO_GROUPS else NO_GROUPS,), repeats=True)


def roi_limits(p: Parameters) -> Step:
    """Return the other limits of ROIs: those for any picture, or those that fit."""
    values: dict[str, Mapping[str, Any]] = {"for any picture": ANY_SIZE, FITTED: dict.fromkeys(LIMITS, FITTED)}
    now = {name: p[name] for name in LIMITS}
    return Step(LIMITS_TITLE, {name: value for name, value in values.items() if value != now}, repeats=True)


def networks(p: Parameters, files: Sequence[Path]) -> Step:
    """Return the other networks among `files`, each with the side of picture that suits it; others are left out."""
    now = Path(p["cntk_model"]).resolve() if p["cntk_model"] else None
    sides: dict[Path, int] = {}
    for file in map(Path.absolute, files):  # the settings may be used in another folder
        with suppress(UserError):
            sides |= {file: usual_side(file)} if file.resolve() != now else {}
    stems = Counter(file.stem for file in sides)  # two folders may have a network of the same name
    names = {file: file.stem if stems[file.stem] == 1 else str(file) for file in sides}
    values = {f"{names[file]}, {side} pixels": {"cntk_model": str(file), **_side(side)} for file, side in sides.items()}
    return Step("cntk_model", values, repeats=True)


def sides_of_picture(p: Parameters) -> Step:
    """Return smaller and larger pictures for the network to see."""
    now = p["cntk_padWidth"]
    sides = [20 * round(now * factor / 20) for factor in (0.64, 1.5)]
    return Step("cntk_padWidth", {side: _side(side) for side in sides if side != now}, repeats=True)


def more_rois(p: Parameters) -> Step:
    """Return twice as many ROIs, and five times."""
    return _step("cntk_nrRois", (2 * p["cntk_nrRois"], 5 * p["cntk_nrRois"]), repeats=True)


def classifiers(p: Parameters) -> Step:
    """Return the classifiers that train the network."""
    names = [name for name, each in CLASSIFIERS.items() if each.trains_network and name != p["classifier"]]
    return _step("classifier", names, repeats=True)


def usual_side(file: Path) -> int:
    """Return the side of picture that a network is mostly run at; `UserError` for a file that describes no ROI."""
    spec = load_network(file).spec
    if spec.rpn is not None:
        raise UserError(f"{file}: a network that proposes regions, not one that describes them")
    first = next((layer for layer in every_layer(spec.trunk) if hasattr(layer, "stride")), None)
    return _LARGE if first is not None and first.stride >= 4 else _SMALL


def _has_no_svms(p: Parameters) -> bool:
    return CLASSIFIERS[p["classifier"]].trains_network


def _side(pixels: int) -> dict[str, int]:
    return {"cntk_padWidth": pixels, "cntk_padHeight": pixels}


def _step(name: str, values: Sequence[Any], **kind: Any) -> Step:
    return Step(name, {value: {name: value} for value in values}, **kind)


def _without_moves(picture: PictureResult, value: bool) -> PictureResult:
    return picture if value else replace(picture, moved=None)


def _first(picture: PictureResult, count: int) -> PictureResult:
    moved = None if picture.moved is None else picture.moved[:count]
    return replace(picture, boxes=picture.boxes[:count], scores=picture.scores[:count], moved=moved)
