"""Our own Selective Search: `ss_method = "fast"`.

J. R. R. Uijlings, K. E. A. van de Sande, T. Gevers, A. W. M. Smeulders: Selective search for object recognition.
IJCV 104(2), 2013. As there, several groupings of one picture complement each other: two colour spaces, one segmentation
scale each from `k_values`, and two ways to compare regions. The pairing below was chosen by measuring
(`benchmarks/bench_proposals.py`): comparing by fill alone finds compact things best, all four terms find the rest.

Letters in shapes: H, W picture; L scales; K boxes of all groupings; R different ones.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from fastRCNN.compiling import compiled
from fastRCNN.proposals.region_merging import Similarity, merge_regions, piece_boxes, piece_histograms
from fastRCNN.proposals.segment_scales import segment_scales

SIGMA = 0.8  # smoothing in pixels, as in the paper
LONGEST_SIDE = 65535  # the four coordinates of a box are packed into 64 bits
GROUPINGS = (
    (cv2.COLOR_BGR2HSV_FULL, Similarity(colour=0, texture=0, size=0, fill=1)),
    (cv2.COLOR_BGR2Lab, Similarity(colour=1, texture=1, size=1, fill=1)),
)


def fast_regions(image: NDArray[np.uint8], *, k_values: tuple[float, float, int], min_size: int) -> NDArray[np.int32]:
    """Return different boxes, (R, 4) int32 inclusive, of an (H, W, 3) uint8 BGR `image`, best first.

    k_values: first, last and number of segmentation scales, evenly spaced. Only the finer half of them is used: the
    boxes of the coarser ones appear among the merged regions of the finer ones anyway. min_size: smallest segment.
    Rank: boxes that a merge has made stand before boxes of mere segments. Among each, the box comes first that was
    found often and that its region fills: 0.3 * ln(times found) + region's pixels / box's pixels (the best of all its
    regions). Equal ones stay in the order in which they were found, so the result is always the same.
    """
    scales = np.linspace(*k_values).astype(np.float32)
    scales = scales[: (len(scales) + 1) // 2]
    boxes, sizes, merged = [], [], []
    for conversion, similarity in GROUPINGS:
        planes = cv2.cvtColor(image, conversion).astype(np.float32)
        smooth: NDArray[np.float32] = np.ascontiguousarray(
            cv2.GaussianBlur(planes, (0, 0), SIGMA).transpose(2, 0, 1), np.float32
        )
        pieces = segment_scales(smooth, k_values=scales, min_size=min_size)
        bounds = piece_boxes(pieces.labels, len(pieces.sizes))
        if similarity.colour or similarity.texture:
            histograms = piece_histograms(pieces.labels, len(pieces.sizes), smooth)
        else:
            histograms = np.zeros((len(pieces.sizes), 0), np.int32)
        for segments in pieces.segments:
            grouping = merge_regions(
                segments,
                pieces.sizes,
                bounds,
                histograms,
                pieces.pairs,
                picture_size=image.shape[0] * image.shape[1],
                similarity=similarity,
            )
            boxes.append(grouping.boxes)
            sizes.append(grouping.sizes)
            merged.append(np.arange(len(grouping.sizes)) >= grouping.segments)
    found, score, count = _score(np.concatenate(boxes), np.concatenate(sizes), np.concatenate(merged))
    return found[np.argsort(-score[:count], kind="stable")]


@compiled(what="Selective Search (fast)", seconds=8)
def _score(boxes, sizes, merged):
    """Return the different boxes, (R, 4) int32, in the order in which they first occur, their rank scores, and R.

    What stands in the arrays behind R has no meaning.
    """
    slots = 16
    while slots < 2 * len(boxes):
        slots *= 2
    table = np.zeros(slots, np.int32)  # number of the box, plus 1
    different = np.empty((len(boxes), 4), np.int32)
    times, filled = np.zeros(len(boxes)), np.zeros(len(boxes))
    by_merge = np.zeros(len(boxes))
    count = 0
    for i in range(len(boxes)):
        x1, y1, x2, y2 = boxes[i, 0], boxes[i, 1], boxes[i, 2], boxes[i, 3]
        key = ((np.int64(x1) << 16 | np.int64(y1)) << 16 | np.int64(x2)) << 16 | np.int64(y2)
        slot = (key * np.int64(0x9E3779B97F4A7C1) >> 24) & (slots - 1)
        while True:
            box = table[slot] - 1
            if box < 0:
                box = count
                table[slot] = box + 1
                different[box, 0], different[box, 1], different[box, 2], different[box, 3] = x1, y1, x2, y2
                count += 1
                break
            same = different[box, 0] == x1 and different[box, 1] == y1
            if same and different[box, 2] == x2 and different[box, 3] == y2:
                break
            slot = (slot + 1) & (slots - 1)
        times[box] += 1
        filled[box] = max(filled[box], sizes[i] / ((x2 - x1 + 1) * (y2 - y1 + 1)))
        if merged[i]:
            by_merge[box] = 1
    for box in range(count):
        filled[box] += 10 * by_merge[box] + 0.3 * math.log(times[box])
    return different, filled, count
