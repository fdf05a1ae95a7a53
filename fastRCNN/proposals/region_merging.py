"""Hierarchical grouping: merge the two most similar neighbours until one region is left; every region gives a box.

J. R. R. Uijlings, K. E. A. van de Sande, T. Gevers, A. W. M. Smeulders: Selective search for object recognition.
IJCV 104(2), 2013, section 3. Similarity = weighted sum of four terms, each 0..1: colour and texture (overlap of
histograms), size (small ones first), fill (how well the two fill their common bounding box).

Differences to the paper: histogram entries are whole numbers (fixed point), so that the result does not depend on the
order in which a processor adds; texture counts each pixel once, at the direction (of 8) and strength (of 4) of its
gradient, where the paper takes 10 bins of the derivative in each of 8 directions.

Letters in shapes: H, W picture; P pieces, A touching pairs (see `segment_scales`); B bins; S segments of a scale;
R = 2 S - 1 regions, S segments and then the merged ones in the order of merging.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastRCNN.compiling import compiled, inline_kernel

COLOUR_BINS = 25  # per channel
DIRECTIONS, STRENGTHS = 8, 4
TEXTURE_BINS = DIRECTIONS * STRENGTHS  # per channel
WEAK, MEDIUM, STRONG = 2.0, 6.0, 18.0  # grey levels per pixel that part the four strengths
UNIT = 1 << 20  # a histogram adds up to this
SIMILARITY_STEPS = np.float32(1 << 28)  # a similarity, 0..4, becomes a whole number of these
FAR = 1 << 30  # right of and below every pixel
LOWER_HALF = (1 << 32) - 1


class Similarity(NamedTuple):
    """Weights of the four terms of the similarity of two regions."""

    colour: float
    texture: float
    size: float
    fill: float


class Grouping(NamedTuple):
    """All regions of one hierarchy: segments first, then the merged ones."""

    boxes: NDArray[np.int32]  # (R, 4) x1 y1 x2 y2, inclusive
    sizes: NDArray[np.int32]  # (R,) pixels
    segments: int  # S


def piece_boxes(labels: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    """Return the inclusive bounding box of each label 0..count-1 of an (H, W) map, (P, 4) int32."""
    return _bound(labels, count)


def piece_histograms(labels: NDArray[np.int32], count: int, smooth: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return for each label the pixels counted by colour and by texture, (P, 3 * (25 + 32)) int32.

    smooth: (3, H, W) float32, 0..255. Columns: 25 colour bins of each channel, then 32 texture bins of each channel.
    """
    return _count(labels, count, smooth)


def merge_regions(
    segments: NDArray[np.int32],
    sizes: NDArray[np.int32],
    boxes: NDArray[np.int32],
    histograms: NDArray[np.int32],
    pairs: NDArray[np.int32],
    *,
    picture_size: int,
    similarity: Similarity,
) -> Grouping:
    """Return the `Grouping` of one scale.

    segments: (P,) int32, the segment of each piece. sizes (P,), boxes (P, 4), histograms (P, B or 0) of the pieces;
    pairs: (A, 2) touching pieces. picture_size: pixels. Of equal similarities, the pair noted last is merged.
    """
    weights = np.array(similarity, np.float32)
    count = int(segments.max()) + 1
    merged = _merge(segments, count, sizes, boxes, histograms, pairs, np.float32(picture_size), weights)
    all_boxes, all_sizes, regions = merged
    return Grouping(all_boxes[:regions], all_sizes[:regions], count)


@compiled(what="Selective Search (fast)", seconds=8)
def _bound(labels, count):
    height, width = labels.shape
    boxes = np.empty((count, 4), np.int32)
    for label in range(count):
        boxes[label, 0], boxes[label, 1], boxes[label, 2], boxes[label, 3] = width, height, -1, -1
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            boxes[label, 0] = min(boxes[label, 0], x)
            boxes[label, 1] = min(boxes[label, 1], y)
            boxes[label, 2] = max(boxes[label, 2], x)
            boxes[label, 3] = max(boxes[label, 3], y)
    return boxes


@compiled(what="Selective Search (fast)", seconds=8)
def _count(labels, count, smooth):
    channels, height, width = smooth.shape
    histograms = np.zeros((count, channels * (COLOUR_BINS + TEXTURE_BINS)), np.int32)
    for channel in range(channels):
        plane = smooth[channel]
        first_texture = channels * COLOUR_BINS + channel * TEXTURE_BINS
        for y in range(height):
            above, below = max(y - 1, 0), min(y + 1, height - 1)
            for x in range(width):
                row = histograms[labels[y, x]]
                row[channel * COLOUR_BINS + int(plane[y, x] * np.float32(COLOUR_BINS / 256))] += 1
                dx = (plane[y, min(x + 1, width - 1)] - plane[y, max(x - 1, 0)]) * np.float32(0.5)
                dy = (plane[below, x] - plane[above, x]) * np.float32(0.5)
                direction = (dx < 0) * 4 + (dy < 0) * 2 + (abs(dx) < abs(dy))  # eight sectors of 45 degrees
                strength = np.sqrt(dx * dx + dy * dy)
                level = (strength >= WEAK) * 1 + (strength >= MEDIUM) * 1 + (strength >= STRONG) * 1
                row[first_texture + direction * STRENGTHS + level] += 1
    return histograms


@inline_kernel
def _push(heap, count, key):
    """Put `key` into the heap of `count` keys, largest on top; the array must have room."""
    place = count
    while place > 0:
        above = (place - 1) >> 1
        if heap[above] >= key:
            break
        heap[place] = heap[above]
        place = above
    heap[place] = key


@inline_kernel
def _pop(heap, count):
    """Take the top away from the heap of `count` keys."""
    last = count - 1
    key = heap[last]
    place, child = 0, 1
    while child < last:
        if child + 1 < last and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= key:
            break
        heap[place] = heap[child]
        place, child = child, 2 * child + 1
    heap[place] = key


@inline_kernel
def _common(a, b, first, last):
    """Return the overlap of two histograms between two columns, as a part of 1."""
    total = np.int32(0)
    for i in range(first, last):
        total += min(a[i], b[i])
    return np.float32(total) / np.float32(UNIT)


@inline_kernel
def _similar(a, b, boxes, sizes, histograms, picture_size, weights):
    """Return the similarity of regions a and b, float32."""
    total = np.float32(0)
    bins = histograms.shape[1]
    colours = bins * COLOUR_BINS // (COLOUR_BINS + TEXTURE_BINS)
    if weights[0] > 0:
        total += weights[0] * _common(histograms[a], histograms[b], 0, colours)
    if weights[1] > 0:
        total += weights[1] * _common(histograms[a], histograms[b], colours, bins)
    both = np.float32(sizes[a] + sizes[b])
    total += weights[2] * (np.float32(1) - both / picture_size)
    width = max(boxes[a, 2], boxes[b, 2]) - min(boxes[a, 0], boxes[b, 0]) + 1
    height = max(boxes[a, 3], boxes[b, 3]) - min(boxes[a, 1], boxes[b, 1]) + 1
    total += weights[3] * (np.float32(1) - (np.float32(width) * np.float32(height) - both) / picture_size)
    return total


@inline_kernel
def _include(boxes, sizes, region, other_boxes, other_sizes, other):
    """Widen box and size of `region` by another one."""
    boxes[region, 0] = min(boxes[region, 0], other_boxes[other, 0])
    boxes[region, 1] = min(boxes[region, 1], other_boxes[other, 1])
    boxes[region, 2] = max(boxes[region, 2], other_boxes[other, 2])
    boxes[region, 3] = max(boxes[region, 3], other_boxes[other, 3])
    sizes[region] += other_sizes[other]


@inline_kernel
def _current(merged_into, region):
    """Return the living region that `region` is part of, and shorten the path to it."""
    while merged_into[region] != region:
        merged_into[region] = merged_into[merged_into[region]]
        region = merged_into[region]
    return region


@inline_kernel
def _doubled(noted, heap):
    """Return copies of both arrays with twice the room."""
    more_noted, more_heap = np.empty((2 * len(noted), 2), np.int32), np.empty(2 * len(heap), np.int64)
    for i in range(len(noted)):
        more_noted[i, 0], more_noted[i, 1] = noted[i, 0], noted[i, 1]
        more_heap[i] = heap[i]
    return more_noted, more_heap


@compiled(what="Selective Search (fast)", seconds=8)
def _merge(segments, count, piece_sizes, pieces_boxes, piece_histograms, pairs, picture_size, weights):
    """Return boxes, sizes and number of all regions; see `merge_regions`. count: number of segments.

    1. sum the pieces up to segments; 2. list the neighbours of each; 3. put all similarities on a heap; 4. take the
    best pair of living regions, make a region of it, list its neighbours, push its similarities, again.
    """
    most = 2 * count - 1
    bins = piece_histograms.shape[1]
    # 1. segments; histograms are brought to fixed point
    boxes, sizes = np.empty((most, 4), np.int32), np.zeros(most, np.int32)
    for region in range(most):
        boxes[region, 0], boxes[region, 1], boxes[region, 2], boxes[region, 3] = FAR, FAR, -1, -1
    histograms = np.zeros((most, bins), np.int32)
    for piece in range(len(segments)):
        segment = segments[piece]
        _include(boxes, sizes, segment, pieces_boxes, piece_sizes, piece)
        for i in range(bins):
            histograms[segment, i] += piece_histograms[piece, i]
    for segment in range(count):
        factor = np.float64(UNIT) / (3 * np.float64(sizes[segment]))
        for i in range(bins):
            histograms[segment, i] = np.int32(histograms[segment, i] * factor)
    # 2. neighbours as linked lists: entry -> neighbour, entry -> next entry
    first, last = np.empty(most, np.int32), np.empty(most, np.int32)
    merged_into, seen_by = np.empty(most, np.int32), np.empty(most, np.int32)
    for region in range(most):
        first[region], last[region], merged_into[region], seen_by[region] = -1, -1, region, -1
    neighbour, following = np.empty(2 * len(pairs), np.int32), np.empty(2 * len(pairs), np.int32)
    entries = 0
    for pair in range(len(pairs)):
        a, b = segments[pairs[pair, 0]], segments[pairs[pair, 1]]
        if a != b:
            for _ in range(2):
                neighbour[entries], following[entries] = b, first[a]
                if first[a] < 0:
                    last[a] = entries
                first[a] = entries
                entries += 1
                a, b = b, a
    # 3. and 4.
    noted = np.empty((4 * len(pairs) + 16, 2), np.int32)  # pairs whose similarity was computed
    heap = np.empty(len(noted), np.int64)  # similarity in the upper half, number of the pair in the lower
    noted_count, heap_count = 0, 0
    regions = 0
    while True:
        new = regions
        if new >= count:
            a, b = -1, -1
            while heap_count > 0:
                pair = heap[0] & LOWER_HALF
                a, b = noted[pair, 0], noted[pair, 1]
                _pop(heap, heap_count)
                heap_count -= 1
                if merged_into[a] == a and merged_into[b] == b:
                    break
                a = -1
            if a < 0:
                break
            merged_into[a], merged_into[b] = new, new
            _include(boxes, sizes, new, boxes, sizes, a)
            _include(boxes, sizes, new, boxes, sizes, b)
            part_a = np.float32(sizes[a]) / np.float32(sizes[new])
            part_b = np.float32(sizes[b]) / np.float32(sizes[new])
            for i in range(bins):
                histograms[new, i] = np.int32(histograms[a, i] * part_a + histograms[b, i] * part_b)
            first[new], last[new] = first[a], last[a]  # both lists end with each other, so neither is empty
            following[last[a]] = first[b]
            last[new] = last[b]
        regions += 1
        seen_by[new] = new
        previous, entry = -1, first[new]
        while entry >= 0:  # keep each living neighbour once, unlink the rest
            partner = _current(merged_into, neighbour[entry])
            if seen_by[partner] == new:
                if previous < 0:
                    first[new] = following[entry]
                else:
                    following[previous] = following[entry]
            else:
                seen_by[partner] = new
                neighbour[entry] = partner
                previous = entry
                if partner < new:
                    if noted_count == len(noted):
                        noted, heap = _doubled(noted, heap)
                    similarity = _similar(new, partner, boxes, sizes, histograms, picture_size, weights)
                    noted[noted_count, 0], noted[noted_count, 1] = new, partner
                    _push(heap, heap_count, np.int64(similarity * SIMILARITY_STEPS) << 32 | noted_count)
                    noted_count += 1
                    heap_count += 1
            entry = following[entry]
        last[new] = previous
    return boxes, sizes, regions
