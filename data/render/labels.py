"""Annotations from what the index pass saw: boxes, labels, and the two files beside each picture."""

from dataclasses import dataclass

import cv2
import numpy as np

MOSTLY_HIDDEN = 0.35  # visible share under which an item is annotated EXCLUDE
SPECK = 12  # pixels; smaller pieces of an item are noise or slivers between things
TOO_SMALL = 60  # pixels; less than this of an item is not annotated at all


@dataclass(frozen=True)
class Annotation:
    """label, and box (x1, y1, x2, y2): 0-based pixels, right and bottom inclusive. share: visible part in 0..1."""

    label: str
    box: tuple
    share: float


def visible_pixels(mask):
    """(H, W) bool with the pieces of less than SPECK pixels removed."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(np.asarray(mask, np.uint8), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= SPECK
    keep[0] = False
    return keep[pieces]


def box_of(mask):
    """(x1, y1, x2, y2) of the True pixels of (H, W), inclusive; None when there are none."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def annotate(labels, index, whole):
    """Annotations of the items that are to be seen.

    labels: K names. index: (H, W) int, 0 for no item and k + 1 for item k. whole: (K, H, W) bool, complete outlines.
    """
    annotations = []
    for k, label in enumerate(labels):
        seen = visible_pixels(index == k + 1)
        if seen.sum() < TOO_SMALL:
            continue
        share = min(1.0, float(seen.sum() / max(whole[k].sum(), 1)))
        annotations.append(Annotation(label if share >= MOSTLY_HIDDEN else "EXCLUDE", box_of(seen), share))
    return annotations


def boxes_text(annotations):
    """Text of the .bboxes.tsv file."""
    return "".join("\t".join(str(v) for v in a.box) + "\n" for a in annotations)


def labels_text(annotations):
    """Text of the .bboxes.labels.tsv file."""
    return "".join(a.label + "\n" for a in annotations)
