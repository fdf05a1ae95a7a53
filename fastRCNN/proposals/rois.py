"""Regions of interest of one picture: Selective Search, then a grid, filtered by size and scaled back.

What a network proposes can stand in the place of Selective Search (`regions`). Whatever turns a picture into (R, 4)
boxes can take the place of `compute_rois`: nothing downstream asks where ROIs came from. Letters in shapes: R ROIs;
(H, W, 3) a uint8 BGR picture.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastRCNN.boxes.nms import nms, nms_largest_first
from fastRCNN.proposals.agreement import ranked_together
from fastRCNN.proposals.roi_parameters import NETWORK_METHODS, WITH_NETWORK, RoiParameters
from fastRCNN.proposals.selective_search import best_first, selective_search
from fastRCNN.proposals.size_groups import dealt_by_size
from helpers.boxes import as_boxes, clip_boxes
from helpers.images import read_image, resize_to_max_dim
from helpers.in_order import in_order

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RoiStages:
    """The ROIs of one picture after each stage, for pictures that explain: boxes in pixels of the original picture."""

    selective_search: NDArray[np.int32]  # after non-maximum suppression, before the filter
    selective_search_filtered: NDArray[np.int32]
    final: NDArray[np.int32]  # filtered selective search, then filtered grid


# a picture -> (R, 4) boxes in its pixels, the best first, and how sure it is of each, (R,) from 0 to 1
Regions = Callable[[NDArray[np.uint8]], tuple[NDArray[np.int32], NDArray[np.float64]]]


def compute_rois(
    image: NDArray[np.uint8],
    parameters: RoiParameters,
    rng: np.random.Generator,
    *,
    regions: Regions | None = None,
) -> NDArray[np.int32]:
    """Return the ROIs of `image` (H, W, 3) as (R, 4) int32 x1 y1 x2 y2, inclusive pixels of `image`; R >= 1.

    Selective-search ROIs come first, the best of them first, so that a cut to `cntk_nrRois` keeps what is most likely
    to be of use; then grid ROIs from large to small. (Grid ROIs in between push better ones out: measured, one after
    every 1 to 8.) With `roi_sizeGroups` both are dealt among groups of sizes. The published order of selective-search
    ROIs is random, by `rng`: `parameters.shuffled`. Where no ROI passes the filter the whole picture is the ROI (the
    published code invented [0, 0, 10, 10]).
    regions: what stands in the place of Selective Search with `ss_method` "rpn", or beside it with "rpn+fast".
    """
    return compute_roi_stages(image, parameters, rng, regions=regions).final


def compute_roi_stages(
    image: NDArray[np.uint8],
    parameters: RoiParameters,
    rng: np.random.Generator,
    *,
    regions: Regions | None = None,
) -> RoiStages:
    """Return what `compute_rois` returns together with the stages before it. Source: the tutorial's helpers.py."""
    p = parameters
    if (p.ss_method in NETWORK_METHODS) != (regions is not None):
        raise ValueError(f"ss_method {p.ss_method!r}: {NETWORK_METHODS} need `regions`, and nothing else takes them")
    # 1. work on a small picture: the regions are much the same, the time is not
    small, scale = resize_to_max_dim(image, p.roi_maxImgDim)
    height, width = small.shape[:2]

    # 2. selective search, the best first; of near copies the better one stays. As published: the larger one, shuffled
    found = _found(image, small, scale, p, regions)
    if p.shuffled:
        found = found[nms_largest_first(found, threshold=p.ss_nmsThreshold)]
        found = found[rng.permutation(len(found))]
    else:
        found = best_first(found, method=p.ss_method)
        found = found[nms(found, -np.arange(len(found)), threshold=p.ss_nmsThreshold)]

    # 3. the grid, and the filter over both
    grid = grid_rois(
        width, height, nr_scales=p.grid_nrScales, aspect_ratios=p.grid_aspectRatios,
        downscale_ratio=p.grid_downscaleRatioPerIteration, step_size_rel=p.grid_stepSizeRel,
    )  # fmt: skip
    kept_found = filter_rois(found, max(width, height), p)[: p.ss_maxRois]
    kept = np.concatenate([kept_found, filter_rois(grid, max(width, height), p)])
    if not isinstance(p.roi_sizeGroups, str):
        kept = kept[dealt_by_size(kept, p.roi_sizeGroups, max(width, height))]

    # 4. back to the original picture
    original = (image.shape[1], image.shape[0])
    final = _to_original(kept, scale, *original)
    if len(final) == 0:
        log.warning("No ROI passed the filter (roi_*): the whole picture of %dx%d pixels is the only ROI.", *original)
        final = np.array([[0, 0, original[0] - 1, original[1] - 1]], np.int32)
    return RoiStages(_to_original(found, scale, *original), _to_original(kept_found, scale, *original), final)


def _found(
    image: NDArray[np.uint8], small: NDArray[np.uint8], scale: float, p: RoiParameters, regions: Regions | None
) -> NDArray:
    """Return the boxes (N, 4) that Selective Search, the network or both find, in pixels of the `small` picture."""
    proposed, objectness = regions(image) if regions else (None, None)
    if proposed is not None and p.ss_method != WITH_NETWORK:
        return _scaled(proposed, scale)
    searched = selective_search(
        small, method=p.ss_method if proposed is None else "fast", scale=p.ss_scale, sigma=p.ss_sigma,
        min_size=p.ss_minSize, k_values=p.ss_kvals, max_merging_iterations=p.ss_max_merging_iterations,
        max_rois=p.ss_maxRois if p.shuffled else None,
    )  # fmt: skip
    if proposed is None or objectness is None:
        return searched
    return ranked_together(searched, _scaled(proposed, scale), objectness)


def grid_rois(
    width: int,
    height: int,
    *,
    nr_scales: int = 7,
    aspect_ratios: Sequence[float] = (1.0, 2.0, 0.5),
    downscale_ratio: float = 1.5,
    step_size_rel: float = 0.5,
) -> NDArray[np.float64]:
    """Return grid ROIs, (R, 4) float64, of a picture of `width` x `height` pixels, from large to small.

    For each cell size, from the picture's shorter side down, and each ratio of width to height, boxes are placed every
    `step_size_rel` * cell from the top left as long as they end before the last column and row; x outer, y inner.
    Source: `getGridRois` of the tutorial.
    """
    boxes = [np.zeros((0, 4))]
    for scale in range(nr_scales):
        cell = min(width, height) / downscale_ratio**scale
        for ratio in aspect_ratios:
            box_width, box_height = cell * max(ratio, 1.0), cell / min(ratio, 1.0)
            x = _positions(width - 1 - box_width, cell * step_size_rel)
            y = _positions(height - 1 - box_height, cell * step_size_rel)
            corners = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
            boxes.append(np.concatenate([corners, corners + (box_width, box_height)], axis=1))
    return np.concatenate(boxes)


def filter_rois(rois: NDArray, longest_side: int, parameters: RoiParameters) -> NDArray[np.float64]:
    """Return those of (R, 4) `rois` whose sides, area and aspect ratio are within the limits, as float64.

    The limits are relative to `longest_side` of the picture that the ROIs are in. Width is x2 - x1 here, as in the
    tutorial's `filterRois`.
    """
    p = parameters
    boxes = as_boxes(rois)
    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    low, high = p.roi_minDimRel * longest_side, p.roi_maxDimRel * longest_side
    smallest, largest = p.roi_minNrPixelsRel * longest_side**2, p.roi_maxNrPixelsRel * longest_side**2
    good = (w >= low) & (h >= low) & (w <= high) & (h <= high) & (w > 0) & (h > 0)
    good &= (w * h >= smallest) & (w * h <= largest)
    good &= (w <= p.roi_maxAspectRatio * h) & (h <= p.roi_maxAspectRatio * w)
    return boxes[good]


def _positions(last: float, step: float) -> NDArray[np.float64]:
    """Return 0, step, 2 * step, ... below `last`."""
    return np.arange(max(0, int(np.ceil(last / step))), dtype=np.float64) * step


def _scaled(boxes: NDArray[np.int32], scale: float) -> NDArray[np.float64]:
    """Return boxes of the original in the small picture, so that `_to_original` gives the same ones back."""
    return (as_boxes(boxes) + 0.5) * scale  # the middle of a pixel: rounding down finds it


def _to_original(boxes: NDArray, scale: float, width: int, height: int) -> NDArray[np.int32]:
    """Return boxes of the small picture in whole pixels (rounded down, as the tutorial's %d does) of the original."""
    return clip_boxes((as_boxes(boxes) / scale).astype(np.int32), width, height)


def rois_of_pictures(
    paths: Iterable[Path], parameters: RoiParameters, seed: int, jobs: int, *, regions: Regions | None = None
) -> Iterator[tuple[RoiStages, float]]:
    """Yield what `rois_of_picture` returns for each of `paths`, in order, `jobs` pictures at a time.

    Threads do it: nearly all the time is spent in compiled code that runs side by side, and processes would each have
    to load it first. Only a few results wait to be taken, so the memory does not grow with the number of pictures.
    """
    threads = jobs if jobs > 1 else 0
    return in_order(lambda path: rois_of_picture(path, parameters, seed, regions=regions), paths, threads=threads)


def rois_of_picture(
    path: Path, parameters: RoiParameters, seed: int, *, regions: Regions | None = None
) -> tuple[RoiStages, float]:
    """Return the ROIs of the picture in `path` and the seconds they took, decoding included.

    Each picture starts the same random sequence, so its ROIs depend on nothing but itself: not on the order of the
    pictures nor on how many are worked on at once, and step 6 finds what step 1 found.
    """
    start = time.perf_counter()
    stages = compute_roi_stages(read_image(path), parameters, np.random.default_rng(seed), regions=regions)
    return stages, time.perf_counter() - start
