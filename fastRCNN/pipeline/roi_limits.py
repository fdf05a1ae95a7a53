"""The limits of ROIs that are "fitted": the numbers that stand for them.

They follow from the training annotations, so steps that know these put the numbers in place of the word; an annotation
that changes a limit makes step 1's ROIs stale like any changed parameter. A trained detector keeps its numbers.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from easydict import EasyDict

from fastRCNN.datasets.annotation_statistics import ANY_SIZE, box_statistics, fitting_roi_parameters
from fastRCNN.datasets.imdb import ImageRecord
from fastRCNN.proposals.roi_parameters import FITTED, FITTED_NAMES, GROUPS, LIMITS, NO_GROUPS
from fastRCNN.proposals.size_groups import relative_sizes, size_edges
from helpers.errors import UserError

log = logging.getLogger(__name__)


def fitted_limits(records: Iterable[ImageRecord]) -> dict[str, float]:
    """Return the limits that fit the objects of `records`, by name; the tutorial's for any picture without objects."""
    records = list(records)
    boxes = [record.gt_boxes for record in records]
    longest = [max(record.width, record.height) for record in records]
    if not any(map(len, boxes)):
        log.warning("No object is annotated to fit the limits of ROIs to, so they are the tutorial's for any picture.")
        return dict(ANY_SIZE)
    return fitting_roi_parameters(box_statistics(np.concatenate(boxes), np.repeat(longest, list(map(len, boxes)))))


def fitted_size_groups(records: Iterable[ImageRecord]) -> list[float]:
    """Return the edges between groups of sizes that each hold as many objects of `records`."""
    sizes = [relative_sizes(each.gt_boxes, max(each.width, each.height)) for each in records if len(each.gt_boxes)]
    return size_edges(np.concatenate(sizes) if sizes else [])


def with_fitted_limits(parameters: Mapping[str, Any], training: Iterable[ImageRecord]) -> EasyDict:
    """Return a copy of `parameters` with numbers for what is "fitted": to the pictures of `training`.

    Raises `UserError` where such a number leaves no room for a given one.
    """
    result = EasyDict(parameters)
    names = [name for name in LIMITS if result[name] == FITTED]
    if names and result[GROUPS] == FITTED:
        training = list(training)  # asked twice
    if names:
        fitted = fitted_limits(training)
        result.update({name: fitted[name] for name in names})
    if result[GROUPS] == FITTED:
        result[GROUPS] = fitted_size_groups(training)
    for low, high in (("roi_minDimRel", "roi_maxDimRel"), ("roi_minNrPixelsRel", "roi_maxNrPixelsRel")):
        if result[low] > result[high]:
            word = " (fitted to the training annotations)"
            raise UserError(
                f"{low} = {result[low]:g}{word if low in names else ''} is greater than {high} = {result[high]:g}"
                f"{word if high in names else ''}: no ROI could pass. Set both, or none"
            )
    return result


def limits_in_words(limits: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Return what step 1 says of `limits`, of which the `given` parameters have some as "fitted"."""
    fitted = {name: " (fitted)" if given[name] == FITTED else "" for name in FITTED_NAMES}
    shown = [f"{name} = {limits[name]:g}{fitted[name]}" for name in LIMITS]
    if not isinstance(edges := limits.get(GROUPS, NO_GROUPS), str):
        shown.append(f"{GROUPS} = {edges}{fitted[GROUPS]}")
    return "Limits of ROIs: " + ", ".join(shown)
