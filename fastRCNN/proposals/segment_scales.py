"""One picture segmented at several scales, quickly: what Selective Search "fast" starts from.

P. F. Felzenszwalb, D. P. Huttenlocher: Efficient graph-based image segmentation. IJCV 59(2), 2004; several scales from
one sorted list of edges after M. Grundmann et al.: Efficient hierarchical graph-based video segmentation. CVPR 2010.

How it differs from `segmentation.felzenszwalb`, which repeats scikit-image bit for bit and takes one scale:

- edge weights are rounded down to 1/8 grey level, so that a counting sort orders them;
- the segments of the finest scale (before small ones are joined) are the nodes of a small graph, with the lightest edge
  between each two of them; the coarser scales work on that graph alone. Heavier edges between the same two nodes decide
  nothing: if the lightest one does not join them, one of the two stays as it is at that scale (lemma 1 of the paper).

Letters in shapes: H, W picture; L scales; P pieces (nodes of the small graph); A pairs of touching pieces.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastRCNN.compiling import compiled, inline_kernel

STEPS = 8  # weight steps per grey level
HEAVIEST = 4095  # weights are 0..4094 in those steps; this one marks "no such edge"


class Pieces(NamedTuple):
    """The small graph of a picture and its coarser scales."""

    labels: NDArray[np.int32]  # (H, W): the piece of each pixel
    sizes: NDArray[np.int32]  # (P,): pixels
    pairs: NDArray[np.int32]  # (A, 2): pieces that touch, also by a corner
    segments: NDArray[np.int32]  # (L, P): at each scale, the segment of each piece, numbered 0, 1, ...


def segment_scales(smooth: NDArray[np.float32], *, k_values: NDArray[np.float32], min_size: int) -> Pieces:
    """Return the `Pieces` of a smoothed (3, H, W) float32 picture with values 0..255.

    k_values: (L,) float32, rising; the larger, the larger the segments. min_size: smallest segment, pixels.
    """
    _, height, width = smooth.shape
    weights = _weigh(smooth)
    edges, starts = _sort(weights, height * width)
    labels, sizes, inner, pieces, pairs, weights, count = _join_pixels(edges, starts, height, width, k_values[0])
    sizes, pairs = sizes[:pieces], pairs[:count]
    segments = _join_pieces(sizes, inner[:pieces], pairs, weights[:count], k_values, min_size)
    return Pieces(labels.reshape(height, width), sizes, pairs, segments)


@compiled(what="Selective Search (fast)", seconds=8)
def _weigh(smooth):
    """Return the edge weights, (4 * H * W,) uint16: all edges to the right, then down, down right, down left."""
    _, height, width = smooth.shape
    pixels = height * width
    weights = np.full(4 * pixels, HEAVIEST, np.uint16)
    for direction in range(4):
        down = 0 if direction == 0 else 1
        across = (1, 0, 1, -1)[direction]
        first, last = max(0, -across), min(width, width - across)
        for y in range(height - down):
            target = weights[direction * pixels + y * width : direction * pixels + (y + 1) * width]
            a0, a1, a2 = smooth[0, y], smooth[1, y], smooth[2, y]
            b0, b1, b2 = smooth[0, y + down], smooth[1, y + down], smooth[2, y + down]
            for x in range(first, last):
                d0, d1, d2 = a0[x] - b0[x + across], a1[x] - b1[x + across], a2[x] - b2[x + across]
                target[x] = np.uint16(np.sqrt(d0 * d0 + d1 * d1 + d2 * d2) * np.float32(STEPS))
    return weights


@compiled(what="Selective Search (fast)", seconds=8)
def _sort(weights, pixels):
    """Return all existing edges, light to heavy, (E,) int32, and where each weight begins in them, int32.

    An edge is 4 * pixel + direction; edges of equal weight keep their order in `weights`.
    """
    starts = np.zeros(HEAVIEST + 2, np.int32)
    for weight in weights:
        starts[weight + 1] += 1
    for step in range(1, HEAVIEST + 2):
        starts[step] += starts[step - 1]
    place = starts.copy()
    edges = np.empty(starts[HEAVIEST], np.int32)
    for direction in range(4):
        for pixel in range(pixels):
            weight = weights[direction * pixels + pixel]
            if weight != HEAVIEST:
                edges[place[weight]] = pixel << 2 | direction
                place[weight] += 1
    return edges, starts


@inline_kernel
def _root(parents, node):
    """Return the root of `node` and shorten its path."""
    parent = parents[node]
    while parent != node:
        above = parents[parent]
        parents[node] = above
        node = above
        parent = parents[node]
    return node


@compiled(what="Selective Search (fast)", seconds=8)
def _join_pixels(edges, starts, height, width, k):
    """Return of the pieces: labels (H * W,), sizes (P,), heaviest edges inside (P,), and P; of touching pairs: their
    pieces (A, 2), lightest edges (A,), light to heavy, and A. What stands in the arrays behind P and A has no meaning.
    """
    pixels = height * width
    steps = np.array((1, width, width + 1, width - 1), np.int32)
    parents, sizes = np.empty(pixels, np.int32), np.empty(pixels, np.int32)
    inner, limits = np.empty(pixels, np.float32), np.empty(pixels, np.float32)  # limit = inner + k / size
    for pixel in range(pixels):
        parents[pixel], sizes[pixel] = pixel, 1
        inner[pixel], limits[pixel] = 0, k
    rest, rest_weights = np.empty(len(edges), np.int32), np.empty(len(edges), np.float32)
    rests = 0
    # 1. join pixels while the edge is not heavier than both limits
    for step in range(HEAVIEST):
        weight = np.float32(step) * np.float32(1 / STEPS)
        for place in range(starts[step], starts[step + 1]):
            edge = edges[place]
            pixel = edge >> 2
            other = pixel + steps[edge & 3]
            a, b = parents[pixel], parents[other]
            if a == b:
                continue
            a, b = _root(parents, a), _root(parents, b)
            parents[pixel], parents[other] = a, b
            if a == b:
                continue
            if weight <= limits[a] and weight <= limits[b]:
                if sizes[a] < sizes[b]:
                    a, b = b, a
                parents[b] = a
                sizes[a] += sizes[b]
                inner[a] = weight
                limits[a] = weight + np.float32(k) / np.float32(sizes[a])
            else:
                rest[rests], rest_weights[rests] = edge, weight
                rests += 1
    # 2. number the pieces in reading order
    number = np.zeros(pixels, np.int32)  # of a root, plus 1
    labels = np.empty(pixels, np.int32)
    piece_sizes, piece_inner = np.empty(pixels, np.int32), np.empty(pixels, np.float32)
    pieces = 0
    for pixel in range(pixels):
        root = _root(parents, pixel)
        if number[root] == 0:
            piece_sizes[pieces], piece_inner[pieces] = sizes[root], inner[root]
            pieces += 1
            number[root] = pieces
        labels[pixel] = number[root] - 1
    # 3. the first, so lightest, edge of each touching pair; a hash table remembers the pairs
    slots = 16
    while slots < 2 * rests:
        slots *= 2
    table = np.zeros(slots, np.int64)
    pairs, pair_weights = np.empty((rests, 2), np.int32), np.empty(rests, np.float32)
    count = 0
    for i in range(rests):
        pixel = rest[i] >> 2
        a, b = labels[pixel], labels[pixel + steps[rest[i] & 3]]
        if a == b:
            continue
        key = np.int64(min(a, b)) * pieces + max(a, b) + 1
        slot = (key * np.int64(0x9E3779B1) >> 15) & (slots - 1)
        while table[slot] != 0 and table[slot] != key:
            slot = (slot + 1) & (slots - 1)
        if table[slot] == 0:
            table[slot] = key
            pairs[count, 0], pairs[count, 1] = a, b
            pair_weights[count] = rest_weights[i]
            count += 1
    return labels, piece_sizes, piece_inner, pieces, pairs, pair_weights, count


@compiled(what="Selective Search (fast)", seconds=8)
def _join_pieces(sizes, inner, pairs, pair_weights, k_values, min_size):
    """Return the segment of each piece at each scale, (L, P) int32; see `Pieces`. Copies what it changes."""
    pieces = len(sizes)
    parents = np.arange(pieces).astype(np.int32)
    sizes, inner = sizes.copy(), inner.copy()
    segments = np.empty((len(k_values), pieces), np.int32)
    for scale in range(len(k_values)):
        k = k_values[scale]
        for pair in range(len(pairs)):
            a, b = _root(parents, pairs[pair, 0]), _root(parents, pairs[pair, 1])
            weight = pair_weights[pair]
            if a != b and weight <= inner[a] + k / sizes[a] and weight <= inner[b] + k / sizes[b]:
                if sizes[a] < sizes[b]:
                    a, b = b, a
                parents[b] = a
                sizes[a] += sizes[b]
                inner[a] = weight
        # small segments are joined for this scale only, so that the next one starts from clean ones
        joined, joined_sizes = parents.copy(), sizes.copy()
        for pair in range(len(pairs)):
            a, b = _root(joined, pairs[pair, 0]), _root(joined, pairs[pair, 1])
            if a != b and (joined_sizes[a] < min_size or joined_sizes[b] < min_size):
                if joined_sizes[a] < joined_sizes[b]:
                    a, b = b, a
                joined[b] = a
                joined_sizes[a] += joined_sizes[b]
        number = np.full(pieces, -1, np.int32)
        count = 0
        for piece in range(pieces):
            root = _root(joined, piece)
            if number[root] < 0:
                number[root] = count
                count += 1
            segments[scale, piece] = number[root]
    return segments
