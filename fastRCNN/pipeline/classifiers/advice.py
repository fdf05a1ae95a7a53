"""What often helps against each kind of mistake, by what a classifier can turn and what was found, for the report.

The kinds are those of `fastRCNN.evaluation.error_analysis`. A parameter is named with its value, and only where it can
still be turned.
"""

from collections.abc import Mapping
from typing import Any

from fastRCNN.proposals.roi_parameters import BY_NETWORK, NETWORK_METHODS, WITH_NETWORK

_ENOUGH = 0.95  # part of the ROIs that are allowed: from here on the number is what limits them
_WELL = 0.95  # part of the objects that ROIs cover: from here on more of them bring little, and more to confuse
_HARDLY = 0.05  # of nmsThreshold: lower ones change nothing
LEARNT_BOXES = "classifier faster, which learns where the objects are and where they end (docs/TUTORIAL.md, Part 3)"
_LIMITS = ("roi_minDimRel", "roi_maxDimRel", "roi_minNrPixelsRel", "roi_maxNrPixelsRel", "roi_maxAspectRatio")


def advice(
    parameters: Mapping[str, Any], *, covered: float, rois: str, coverage: str, learning: str = "", boxes: str = ""
) -> dict[str, str]:
    """Return what helps, kind of mistake -> text.

    covered: the share of the objects that a ROI covers; where it is nearly all, more ROIs are no advice for boxes that
    are badly placed. rois: how to get more ROIs. coverage: how to get ROIs where there are none. learning: what makes
    the classifier surer. boxes: what places boxes better.
    """
    more = "a network that has seen more (resources/README.md)"
    return {
        "class": _all("more pictures of the classes that are confused", learning, more),
        "place": _all("" if boxes and covered >= _WELL else rois, boxes),
        "both": "what helps against a wrong class and against a bad place",
        "duplicate": _of_duplicates(parameters),
        "background": _all("more pictures, also without objects (negative/)", learning, more),
        "missed": _all(coverage, rois),
    }


def rois_of_step_1(parameters: Mapping[str, Any], found: float) -> str:
    """Return how to get more ROIs than the `found` ones of a picture, where step 1 proposes them."""
    most = parameters["cntk_nrRois"]
    if found >= _ENOUGH * most:
        return f"more ROIs (cntk_nrRois, now {most})"
    if parameters["ss_method"] == "rpn":
        return f"more proposals: there are {found:.0f} for each picture (rpn_testAfterNms of the network in step 1)"
    return (
        f"more ROIs: there are {found:.0f} for each picture, fewer than cntk_nrRois allows, so a finer grid "
        f"(grid_stepSizeRel, now {parameters['grid_stepSizeRel']:g})"
    )


def coverage_of_step_1(parameters: Mapping[str, Any]) -> str:
    """Return how to see and to mend that step 1 proposes nothing on an object."""
    fixed = [name for name in _LIMITS if parameters[name] != "fitted"]
    limits = f'limits that the objects fit into ({", ".join(fixed)}: "fitted")' if fixed else ""
    return _all(limits, better_first(parameters), "B1_evaluateRois.py shows which objects ROIs cover")


def better_first(parameters: Mapping[str, Any]) -> str:
    """Return what makes the first ROIs of step 1 cover more; "" where a network chooses already, or chance."""
    if parameters["ss_method"] in NETWORK_METHODS or parameters["compat"] == "tutorial":
        return ""
    return f'ROIs that a network proposes (ss_method = "{BY_NETWORK}" or "{WITH_NETWORK}")'


def _of_duplicates(parameters: Mapping[str, Any]) -> str:
    if parameters["nms_softSigma"]:
        return "nms_softSigma = 0, so that what overlaps a better detection is dropped"
    threshold = parameters["nmsThreshold"]
    if threshold <= _HARDLY:
        return f"boxes that fit better: with nmsThreshold {threshold:g} two of one object hardly touch"
    return f"a lower nmsThreshold (now {threshold:g}), as far as objects do not overlap each other"


def _all(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
