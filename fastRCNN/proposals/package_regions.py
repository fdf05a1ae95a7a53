"""The regions of the `selectivesearch` package, exactly and faster: `ss_method = "selectivesearch"`.

J. R. R. Uijlings, K. E. A. van de Sande, T. Gevers, A. W. M. Smeulders: Selective search for object recognition.
IJCV 104(2), 2013, in the reading of the PyPI package `selectivesearch` 0.4 (A. Koshiba), which the tutorial uses. Its
peculiarities decide its regions and are kept:

- Hue and saturation lie in 0..1 but are counted in 25 bins over 0..255, so they always agree; only the brightest of the
  three channels (the V of HSV) tells regions apart by colour.
- Texture is a local binary pattern, 0..255, counted in 10 bins over 0..1: only the patterns 0 (darker all round) and 1
  (darker but for the right neighbour) count.
- Two regions are neighbours when a corner of the later one's bounding box lies strictly inside the earlier one's.
- The area of a pair's bounding box is one pixel short in width and height.
- Of equally similar pairs, the one that was noted last is merged.

Letters in shapes: H, W height and width; S segments of the segmentation; R regions, R = S + merges.
"""

import numpy as np
from numpy.typing import NDArray

from fastRCNN.compiling import compiled, inline_kernel

VALUE_BINS = 25
_EDGES = np.linspace(0.0, 255.0, VALUE_BINS + 1)  # as np.histogram has them; the last bin holds its upper one as well
BIN_OF_VALUE = np.minimum(np.searchsorted(_EDGES, np.arange(256), side="right") - 1, VALUE_BINS - 1)
DIAGONAL = 0.70711  # sin 45 degrees, rounded to five places as scikit-image's local binary pattern does
BOTH_BLIND_CHANNELS = 2.0  # hue and saturation always agree: one each


def package_regions(image: NDArray[np.uint8], labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the boxes, (R, 4) int32 inclusive, of the package's regions, in its order.

    image: (H, W, 3) uint8. labels: (H, W) int32 segments in reading order, from `segmentation.felzenszwalb`.
    """
    patterns = _rare_patterns(image)
    return _merge_segments(image, labels, patterns, BIN_OF_VALUE, int(labels.max()) + 1)


@inline_kernel
def _pixel(image, y, x, channel):
    """Return the pixel as float64; 0 outside of the picture."""
    if y < 0 or x < 0 or y >= image.shape[0] or x >= image.shape[1]:
        return 0.0
    return float(image[y, x, channel])


@inline_kernel
def _between(image, y, x, channel):
    """Return the pixel at fractional (y, x): linear in x, then in y, in the order of operations of scikit-image."""
    top, left = int(np.floor(y)), int(np.floor(x))
    bottom, right = int(np.ceil(y)), int(np.ceil(x))
    dy, dx = y - top, x - left
    upper = (1 - dx) * _pixel(image, top, left, channel) + dx * _pixel(image, top, right, channel)
    lower = (1 - dx) * _pixel(image, bottom, left, channel) + dx * _pixel(image, bottom, right, channel)
    return (1 - dy) * upper + dy * lower


@compiled(what="Selective Search (selectivesearch)", seconds=4)
def _rare_patterns(image):
    """Return the local binary pattern (8 points, radius 1) of each pixel and channel, (H, W, 3) int8: 0, 1, else 2."""
    height, width, channels = image.shape
    patterns = np.full((height, width, channels), 2, np.int8)
    for y in range(height):
        for x in range(width):
            for channel in range(channels):
                centre = float(image[y, x, channel])
                if (
                    _pixel(image, y - 1, x, channel) >= centre
                    or _pixel(image, y, x - 1, channel) >= centre
                    or _pixel(image, y + 1, x, channel) >= centre
                    or _between(image, y - DIAGONAL, x + DIAGONAL, channel) >= centre
                    or _between(image, y - DIAGONAL, x - DIAGONAL, channel) >= centre
                    or _between(image, y + DIAGONAL, x - DIAGONAL, channel) >= centre
                    or _between(image, y + DIAGONAL, x + DIAGONAL, channel) >= centre
                ):
                    continue
                patterns[y, x, channel] = 1 if _pixel(image, y, x + 1, channel) >= centre else 0
    return patterns


@inline_kernel
def _corner_inside(outer, inner):
    """Return whether a corner of box `inner` lies strictly inside box `outer`."""
    left = outer[0] < inner[0] < outer[2]
    right = outer[0] < inner[2] < outer[2]
    top = outer[1] < inner[1] < outer[3]
    bottom = outer[1] < inner[3] < outer[3]
    return (left or right) and (top or bottom)


@inline_kernel
def _similarity(a, b, boxes, sizes, values, textures, picture_size):
    """Return the package's similarity of regions a and b; sums run in its order, so that equal stays equal."""
    colour = BOTH_BLIND_CHANNELS
    for i in range(values.shape[1]):
        colour += min(values[a, i], values[b, i])
    texture = 0.0
    for i in range(textures.shape[1]):
        texture += min(textures[a, i], textures[b, i])
    both = sizes[a] + sizes[b]
    size = 1.0 - both / picture_size
    width = max(boxes[a, 2], boxes[b, 2]) - min(boxes[a, 0], boxes[b, 0])
    height = max(boxes[a, 3], boxes[b, 3]) - min(boxes[a, 1], boxes[b, 1])
    fill = 1.0 - (width * height - both) / picture_size
    return colour + texture + size + fill


@compiled(what="Selective Search (selectivesearch)", seconds=4)
def _merge_segments(image, labels, patterns, bin_of_value, count):
    """Return the boxes of all segments and merged regions; see `package_regions`."""
    height, width, _ = image.shape
    # 1. box, size and histograms of each segment
    most = 2 * count - 1
    boxes = np.zeros((most, 4), np.int32)
    boxes[:, 0], boxes[:, 1] = width, height
    sizes = np.zeros(most, np.int64)
    values = np.zeros((most, VALUE_BINS))
    textures = np.zeros((most, 6))
    for y in range(height):
        for x in range(width):
            segment = labels[y, x]
            boxes[segment, 0] = min(boxes[segment, 0], x)
            boxes[segment, 1] = min(boxes[segment, 1], y)
            boxes[segment, 2] = max(boxes[segment, 2], x)
            boxes[segment, 3] = max(boxes[segment, 3], y)
            sizes[segment] += 1
            values[segment, bin_of_value[max(image[y, x, 0], image[y, x, 1], image[y, x, 2])]] += 1
            for channel in range(3):
                if patterns[y, x, channel] < 2:
                    textures[segment, 2 * channel + patterns[y, x, channel]] += 1
    for segment in range(count):
        for bin_ in range(values.shape[1]):
            values[segment, bin_] /= sizes[segment]
        for bin_ in range(textures.shape[1]):
            textures[segment, bin_] /= sizes[segment]

    # 2. similarities of neighbours, in the order in which the package notes them
    picture_size = height * width
    live = 0
    for a in range(count):
        for b in range(a + 1, count):
            live += _corner_inside(boxes[a], boxes[b])
    pairs = np.empty((live, 2), np.int32)
    scores = np.empty(live)
    live = 0
    for a in range(count):
        for b in range(a + 1, count):
            if _corner_inside(boxes[a], boxes[b]):
                pairs[live, 0], pairs[live, 1] = a, b
                scores[live] = _similarity(a, b, boxes, sizes, values, textures, picture_size)
                live += 1

    # 3. merge the most similar pair until no neighbours are left; of equals the last one
    regions = count
    noted = np.full(most, -1, np.int32)
    partners = np.empty(most, np.int32)
    while live > 0:
        best = 0
        for pair in range(live):
            if scores[pair] >= scores[best]:
                best = pair
        i, j = pairs[best, 0], pairs[best, 1]
        new = regions
        regions += 1
        sizes[new] = sizes[i] + sizes[j]
        boxes[new, 0] = min(boxes[i, 0], boxes[j, 0])
        boxes[new, 1] = min(boxes[i, 1], boxes[j, 1])
        boxes[new, 2] = max(boxes[i, 2], boxes[j, 2])
        boxes[new, 3] = max(boxes[i, 3], boxes[j, 3])
        for bin_ in range(values.shape[1]):
            values[new, bin_] = (values[i, bin_] * sizes[i] + values[j, bin_] * sizes[j]) / sizes[new]
        for bin_ in range(textures.shape[1]):
            textures[new, bin_] = (textures[i, bin_] * sizes[i] + textures[j, bin_] * sizes[j]) / sizes[new]
        # pairs of i or j go; their partners, in order and once each, become partners of the new region at the end
        found, kept = 0, 0
        for pair in range(live):
            a, b = pairs[pair, 0], pairs[pair, 1]
            if a in (i, j) or b in (i, j):
                partner = b if a in (i, j) else a
                if pair != best and noted[partner] != new:
                    noted[partner] = new
                    partners[found] = partner
                    found += 1
            else:
                pairs[kept, 0], pairs[kept, 1] = a, b
                scores[kept] = scores[pair]
                kept += 1
        for place in range(found):  # there is room: each partner had at least one pair with i or j
            pairs[kept + place, 0], pairs[kept + place, 1] = new, partners[place]
            scores[kept + place] = _similarity(new, partners[place], boxes, sizes, values, textures, picture_size)
        live = kept + found
    return boxes[:regions].copy()
