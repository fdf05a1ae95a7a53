"""Hierarchical grouping: by hand, and against a plain version that searches all pairs each time."""

import numpy as np
import pytest

from fastRCNN.proposals.region_merging import (
    COLOUR_BINS,
    TEXTURE_BINS,
    Similarity,
    merge_regions,
    piece_boxes,
    piece_histograms,
)

FILL = Similarity(colour=0, texture=0, size=0, fill=1)
ALL = Similarity(colour=1, texture=1, size=1, fill=1)
BINS = 3 * (COLOUR_BINS + TEXTURE_BINS)


def touching(labels):
    """Return the pairs of labels that touch, also by a corner, (A, 2) int32."""
    height, width = labels.shape
    pairs = set()
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
                if y + dy < height and 0 <= x + dx < width and labels[y, x] != labels[y + dy, x + dx]:
                    pairs.add(tuple(sorted((int(labels[y, x]), int(labels[y + dy, x + dx])))))
    return np.array(sorted(pairs), np.int32).reshape(-1, 2)


def plain_merge(sizes, boxes, histograms, pairs, picture_size, weights):
    """Search all living pairs for the most similar one, in floating point; return the boxes in order."""
    regions = [(int(s), b.astype(int), h / (3 * s)) for s, b, h in zip(sizes, boxes, histograms, strict=True)]
    colours = 3 * COLOUR_BINS

    def similarity(a, b):
        (size_a, box_a, hist_a), (size_b, box_b, hist_b) = regions[a], regions[b]
        common = np.minimum(hist_a, hist_b)
        x1, y1 = np.minimum(box_a[:2], box_b[:2])
        x2, y2 = np.maximum(box_a[2:], box_b[2:])
        terms = (
            common[:colours].sum(),
            common[colours:].sum(),
            1 - (size_a + size_b) / picture_size,
            1 - ((x2 - x1 + 1) * (y2 - y1 + 1) - size_a - size_b) / picture_size,
        )
        return sum(weight * term for weight, term in zip(weights, terms, strict=True))

    living = {frozenset(pair): similarity(*pair) for pair in pairs.tolist()}
    margins = []
    while living:
        ranked = sorted(living.values())
        margins += [ranked[-1] - ranked[-2]] if len(ranked) > 1 else []
        a, b = max(living, key=living.get)
        size = regions[a][0] + regions[b][0]
        box = np.concatenate(
            [np.minimum(regions[a][1][:2], regions[b][1][:2]), np.maximum(regions[a][1][2:], regions[b][1][2:])]
        )
        regions.append((size, box, (regions[a][2] * regions[a][0] + regions[b][2] * regions[b][0]) / size))
        new = len(regions) - 1
        partners = {other for pair in living if pair & {a, b} for other in pair} - {a, b}
        living = {pair: value for pair, value in living.items() if not pair & {a, b}}
        living.update({frozenset((new, other)): similarity(new, other) for other in partners})
    return np.array([box for _, box, _ in regions]), min(margins, default=1.0)


def test_three_in_a_row_by_hand():
    # columns of 2, 1 and 5 pixels; every pair fills its box, but 0 + 1 is smallest, so size decides
    labels = np.repeat(np.array([[0, 0, 1, 2, 2, 2, 2, 2]], np.int32), 3, axis=0)
    sizes = np.array([6, 3, 15], np.int32)
    by_size = Similarity(colour=0, texture=0, size=1, fill=0)
    grouping = merge_regions(
        np.arange(3, dtype=np.int32),
        sizes,
        piece_boxes(labels, 3),
        np.zeros((3, 0), np.int32),
        touching(labels),
        picture_size=24,
        similarity=by_size,
    )
    assert grouping.segments == 3
    assert grouping.boxes.tolist() == [[0, 0, 1, 2], [2, 0, 2, 2], [3, 0, 7, 2], [0, 0, 2, 2], [0, 0, 7, 2]]
    assert grouping.sizes.tolist() == [6, 3, 15, 9, 24]


def test_fill_joins_what_completes_a_rectangle():
    labels = np.array([[0, 0, 1], [0, 0, 2], [3, 3, 2]], np.int32)  # 1 above 2 fills a column; 0 + 1 leaves a hole
    grouping = merge_regions(
        np.arange(4, dtype=np.int32),
        np.array([4, 1, 2, 2], np.int32),
        piece_boxes(labels, 4),
        np.zeros((4, 0), np.int32),
        touching(labels),
        picture_size=9,
        similarity=FILL,
    )
    merged = grouping.boxes[4:].tolist()
    assert merged[:2] in ([[2, 0, 2, 2], [0, 0, 1, 2]], [[0, 0, 1, 2], [2, 0, 2, 2]])
    assert merged[2] == [0, 0, 2, 2]


def test_pieces_are_summed_up_to_segments_and_separate_ones_stay():
    labels = np.array([[0, 1, 2, 3]], np.int32)
    grouping = merge_regions(
        np.array([0, 0, 1, 1], np.int32),
        np.ones(4, np.int32),
        piece_boxes(labels, 4),
        np.zeros((4, 0), np.int32),
        np.array([[0, 1], [2, 3]], np.int32),
        picture_size=4,
        similarity=FILL,
    )
    assert grouping.boxes.tolist() == [[0, 0, 1, 0], [2, 0, 3, 0]] and grouping.sizes.tolist() == [2, 2]


@pytest.mark.parametrize("weights", [FILL, ALL, Similarity(1, 0, 0, 0), Similarity(0, 1, 0.5, 0)])
def test_same_as_the_plain_search(weights):
    compared = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        seeds = rng.uniform(0, 30, (int(rng.integers(3, 14)), 2))
        y, x = np.mgrid[:30, :30]
        nearest = ((y[..., None] - seeds[:, 0]) ** 2 + (x[..., None] - seeds[:, 1]) ** 2).argmin(2)
        labels = np.unique(nearest, return_inverse=True)[1].reshape(30, 30).astype(np.int32)
        count = int(labels.max()) + 1
        smooth = rng.uniform(0, 255, (3, 30, 30)).astype(np.float32)
        smooth += 0.5 * (rng.uniform(-255, 255, (count, 3))[labels]).transpose(2, 0, 1).astype(np.float32)
        smooth = np.clip(smooth, 0, 255)
        sizes, boxes = np.bincount(labels.ravel()).astype(np.int32), piece_boxes(labels, count)
        histograms, pairs = piece_histograms(labels, count, smooth), touching(labels)
        expected, margin = plain_merge(sizes, boxes, histograms, pairs, 900, weights)
        if margin < 1e-4:  # a tie, or nearly: rounding may decide otherwise
            continue
        compared += 1
        grouping = merge_regions(
            np.arange(count, dtype=np.int32), sizes, boxes, histograms, pairs, picture_size=900, similarity=weights
        )
        np.testing.assert_array_equal(grouping.boxes, expected)
    assert compared >= 3


def test_histograms_by_hand():
    smooth = np.zeros((3, 4, 4), np.float32)
    smooth[0] = [0, 20, 40, 60]  # rises by 20 to the right: strong; the two outer columns see half of it: medium
    smooth[1] = 255
    histograms = piece_histograms(np.zeros((4, 4), np.int32), 1, smooth)[0]
    assert histograms.shape == (BINS,) and histograms.sum() == 2 * 3 * 16
    assert histograms[[0, 1, 3, 5]].tolist() == [4, 4, 4, 4]  # 25 bins of 10.24: 0, 20, 40, 60 are in 0, 1, 3, 5
    assert histograms[COLOUR_BINS + 24] == 16 and histograms[2 * COLOUR_BINS] == 16
    first = 3 * COLOUR_BINS
    assert histograms[first : first + 4].tolist() == [0, 0, 8, 8]  # direction 0: to the right
    assert histograms[first + TEXTURE_BINS] == 16  # no gradient: weak
    turned = piece_histograms(np.zeros((4, 4), np.int32), 1, np.ascontiguousarray(smooth[:, :, ::-1]))[0]
    assert turned[first + 16 : first + 20].tolist() == [0, 0, 8, 8]  # direction 4: to the left
    down = piece_histograms(np.zeros((4, 4), np.int32), 1, np.ascontiguousarray(smooth.transpose(0, 2, 1)))[0]
    assert down[first + 4 : first + 8].tolist() == [0, 0, 8, 8]  # direction 1: downwards


def test_boxes_of_labels():
    labels = np.array([[0, 0, 1], [2, 0, 1]], np.int32)
    assert piece_boxes(labels, 3).tolist() == [[0, 0, 1, 1], [2, 0, 2, 1], [0, 1, 0, 1]]
