"""The quick segmentation at several scales against the paper's loop over all pixel edges, in plain Python."""

import cv2
import numpy as np
import pytest

from fastRCNN.proposals.segment_scales import STEPS, segment_scales


def root(parents, node):
    while parents[node] != node:
        node = parents[node]
    return node


def plain_segments(smooth, k_values, min_size):
    """Felzenszwalb-Huttenlocher over all edges of all pixels, scale after scale; no small graph, no shortcuts."""
    _, height, width = smooth.shape
    edges = []
    for direction, (down, across) in enumerate(((0, 1), (1, 0), (1, 1), (1, -1))):
        for y in range(height - down):
            for x in range(max(0, -across), min(width, width - across)):
                step = smooth[:, y, x] - smooth[:, y + down, x + across]
                distance = np.sqrt(step[0] * step[0] + step[1] * step[1] + step[2] * step[2])
                pixel = y * width + x
                edges.append((int(distance * np.float32(STEPS)), direction, pixel, pixel + down * width + across))
    edges.sort()
    parents, sizes = list(range(height * width)), [1] * (height * width)
    inner = [np.float32(0)] * (height * width)
    results = []
    for k in k_values:
        for steps, _, pixel, other in edges:
            a, b, weight = root(parents, pixel), root(parents, other), np.float32(steps / STEPS)
            limits = [inner[i] + k / np.float32(sizes[i]) for i in (a, b)]
            if a != b and weight <= min(limits):
                parents[b] = a
                sizes[a] += sizes[b]
                inner[a] = weight
        joined, joined_sizes = parents.copy(), sizes.copy()
        for _, _, pixel, other in edges:
            a, b = root(joined, pixel), root(joined, other)
            if a != b and min(joined_sizes[a], joined_sizes[b]) < min_size:
                joined[b] = a
                joined_sizes[a] += joined_sizes[b]
        roots = [root(joined, pixel) for pixel in range(height * width)]
        number = {r: i for i, r in enumerate(dict.fromkeys(roots))}
        results.append(np.array([number[r] for r in roots]).reshape(height, width))
    return results


@pytest.mark.parametrize("seed", range(5))
def test_same_as_the_plain_loop(seed):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(3, 25)), int(rng.integers(3, 25)), 3)
    picture = cv2.GaussianBlur(rng.uniform(0, 255, shape).astype(np.float32), (0, 0), 1.0)
    smooth = np.ascontiguousarray(picture.transpose(2, 0, 1))
    scales = np.array([20, 60, 200], np.float32)
    pieces = segment_scales(smooth, k_values=scales, min_size=6)
    for ours, expected in zip(pieces.segments, plain_segments(smooth, scales, 6), strict=True):
        np.testing.assert_array_equal(ours[pieces.labels], expected)
    np.testing.assert_array_equal(pieces.sizes, np.bincount(pieces.labels.ravel()))


def test_pairs_are_the_pieces_that_touch():
    smooth = np.zeros((3, 4, 6), np.float32)
    smooth[:, :2, :3], smooth[:, 2:, 3:] = 100, 200  # two blocks that touch by a corner, black in the other two corners
    pieces = segment_scales(smooth, k_values=np.array([1], np.float32), min_size=1)
    assert pieces.labels[[0, 0, 3, 3], [0, 5, 0, 5]].tolist() == [0, 1, 1, 2]  # black touches itself by a corner too
    assert {frozenset(pair) for pair in pieces.pairs.tolist()} == {frozenset(p) for p in ((0, 1), (1, 2), (0, 2))}


def test_one_pixel():
    pieces = segment_scales(np.zeros((3, 1, 1), np.float32), k_values=np.array([50, 90], np.float32), min_size=20)
    assert pieces.labels.tolist() == [[0]] and pieces.pairs.shape == (0, 2) and pieces.segments.tolist() == [[0], [0]]
