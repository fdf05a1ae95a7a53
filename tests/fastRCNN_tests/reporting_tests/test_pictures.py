"""The drawn pictures of a result: what is marked as missed follows the decisions."""

from pathlib import Path

import numpy as np

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.reporting import data, pictures
from fastRCNN.reporting.decisions import PictureDecisions
from fastRCNN.reporting.pictures import draw_pictures
from fastRCNN.reporting.subject import Subject
from helpers.images import write_image

CLASSES = ("__background__", "orange", "eggBox")
A, B = [10, 10, 49, 49], [80, 10, 119, 49]


def test_missed_is_what_no_detection_of_its_class_found(tmp_path: Path, monkeypatch):
    """On A an orange, found as one and better as an egg box; what is on the egg box near B lies on an ignored box."""
    path = tmp_path / "0.png"
    write_image(path, np.full((120, 160, 3), 90, np.uint8))
    scores = np.array([[0, 0.67, 0], [0, 0, 0.96], [0, 0, 0.9]], np.float32)
    truth = np.array([A, [90, 10, 129, 49]])  # IoU of the second one with B: 1200 / 2000
    picture = PictureResult(
        0, path, np.array([A, A, B]), scores, truth, np.array([1, 2]), None, IgnoredBoxes.of([B])
    )  # fmt: skip
    marked = []
    for module in (pictures, data):
        draw = module.draw_detections
        monkeypatch.setattr(
            module,
            "draw_detections",
            lambda *args, draw=draw, **options: marked.append(options["missed"].tolist()) or draw(*args, **options),
        )
    decisions: list[PictureDecisions] = []
    subject = Subject("d", "test", "svm", CLASSES, threshold=0.5)
    list(draw_pictures([picture], decisions, tmp_path / "out", subject, with_ground_truth=True))
    data._picture(np.full((120, 160, 3), 90, np.uint8), decisions[0], 0.5)
    assert marked == [[False, True]] * 2
