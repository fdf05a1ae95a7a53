"""What a report is about: the pictures, the classifier, and when something counts as found."""

from dataclasses import dataclass

from fastRCNN.boxes.suppression import Suppression


@dataclass(frozen=True)
class Subject:
    """dataset, image_set, classifier: their names. class_names: background first.

    threshold: drawn and counted is what scores at least this; None: all. nms_threshold: of two detections of a class
    that overlap more, the lower one is dropped (or a `Suppression`). overlap_threshold: an object counts as found
    above this overlap. probabilities: whether scores go from 0 to 1; else they are margins. score_threshold: a ROI is a
    detection of every class that scores this much; None: of its best class. nr_rois: of a picture, at most.
    """

    dataset: str
    image_set: str
    classifier: str
    class_names: tuple[str, ...]
    threshold: float | None = None
    nms_threshold: float | Suppression = 0.3
    overlap_threshold: float = 0.5
    probabilities: bool = False
    score_threshold: float | None = None
    nr_rois: int | None = None
