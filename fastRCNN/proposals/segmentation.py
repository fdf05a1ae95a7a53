"""Graph-based segmentation of a picture: the smallest regions that Selective Search starts from.

P. F. Felzenszwalb, D. P. Huttenlocher: Efficient graph-based image segmentation. IJCV 59(2), 2004. The variant here is
the one of `skimage.segmentation.felzenszwalb`, and the labels are equal to its labels, bit for bit: tests compare them.
Letters in shapes: H, W height and width of the picture; C channels; E edges between touching pixels (8-neighbourhood).
"""

import numpy as np
from numpy.typing import NDArray

from fastRCNN.compiling import compiled, inline_kernel

UNIT_OF_BYTE = np.arange(256) * (1.0 / 255.0)  # how skimage.util.img_as_float converts; x / 255 differs in the last bit


def felzenszwalb(image: NDArray, *, scale: float, sigma: float, min_size: int) -> NDArray[np.int32]:
    """Return the segment of each pixel, (H, W) int32, of an (H, W, C) uint8 `image`.

    Labels are 0, 1, ... in the order in which a reader, row by row, meets the segments. scale: the larger, the larger
    the segments (the papers' k). sigma: smoothing in pixels beforehand. min_size: smallest segment, pixels.

    1. smooth; 2. weigh the edges by the distance in colour; 3. join segments, most similar pixels first, where the edge
    is not clearly heavier than the edges inside; 4. join what is smaller than `min_size` to its most similar neighbour.
    """
    from scipy import ndimage  # only here: step 6 starts faster without it

    smooth = ndimage.gaussian_filter(UNIT_OF_BYTE[image], (sigma, sigma, 0), mode="reflect")
    costs, edges = _weigh_edges(smooth)
    order = np.argsort(costs)  # not stable: which of equal edges comes first is NumPy's choice, as in scikit-image
    return _join_pixels(costs, edges, order, image.shape[0], image.shape[1], scale / 255.0, min_size)


@compiled(what="Selective Search (selectivesearch)", seconds=4)
def _weigh_edges(smooth):
    """Return edge weights, (E,) float64, and their two pixels, (E, 2) int32, of a smooth (H, W, C) float64 picture.

    Order of the edges: to the right, down, down right, up right; each row by row. It decides between equal weights.
    """
    height, width, _ = smooth.shape
    count = height * (width - 1) + (height - 1) * width + 2 * (height - 1) * (width - 1)
    costs = np.empty(count)
    edges = np.empty((count, 2), np.int32)
    edge = 0
    for direction in range(4):
        rows = height if direction == 0 else height - 1
        columns = width if direction == 1 else width - 1
        row_a = 1 if direction in (1, 2, 3) else 0  # pixel a lies at (y + row_a, x + column_a), b at (y + row_b, ...)
        column_a = 1 if direction in (0, 2) else 0
        column_b = 1 if direction == 3 else 0
        for y in range(rows):
            for x in range(columns):
                total = 0.0
                for channel in range(smooth.shape[2]):
                    step = smooth[y + row_a, x + column_a, channel] - smooth[y, x + column_b, channel]
                    total += step * step
                costs[edge] = np.sqrt(total)
                edges[edge, 0] = (y + row_a) * width + x + column_a
                edges[edge, 1] = y * width + x + column_b
                edge += 1
    return costs, edges


@inline_kernel
def _root(parents, pixel):
    """Return the root of `pixel` and shorten its path."""
    while parents[pixel] != pixel:
        parents[pixel] = parents[parents[pixel]]
        pixel = parents[pixel]
    return pixel


@compiled(what="Selective Search (selectivesearch)", seconds=4)
def _join_pixels(costs, edges, order, height, width, scale, min_size):
    """Return labels, (H, W) int32; see `felzenszwalb`. order: the edges from light to heavy, (E,) int64."""
    parents = np.arange(height * width).astype(np.int32)
    sizes = np.ones(height * width, np.int32)
    inner = np.zeros(height * width)
    for edge in order:
        a, b = _root(parents, edges[edge, 0]), _root(parents, edges[edge, 1])
        if a == b:
            continue
        limit_a = np.float32(inner[a] + scale / sizes[a])  # single precision, as scikit-image keeps it
        limit_b = np.float32(inner[b] + scale / sizes[b])
        if costs[edge] < min(limit_a, limit_b):
            root, other = min(a, b), max(a, b)
            parents[other] = root
            sizes[root] += sizes[other]
            inner[root] = costs[edge]
    for edge in order:
        a, b = _root(parents, edges[edge, 0]), _root(parents, edges[edge, 1])
        if a != b and (sizes[a] < min_size or sizes[b] < min_size):
            root, other = min(a, b), max(a, b)
            parents[other] = root
            sizes[root] += sizes[other]
    labels = np.empty((height, width), np.int32)
    flat = labels.ravel()
    count = 0
    for pixel in range(height * width):  # a root is the first pixel of its segment, so its label is known
        root = _root(parents, pixel)
        if root == pixel:
            flat[pixel] = count
            count += 1
        else:
            flat[pixel] = flat[root]
    return labels
