"""The pictures of a result: what was found, drawn on each test picture, and as a table beside it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.evaluation.detections import Detections, detections_table
from fastRCNN.reporting.decisions import PictureDecisions, decide
from fastRCNN.reporting.subject import Subject
from fastRCNN.reporting.visualization import draw_detections
from helpers.images import read_image, write_image
from helpers.tables import write_text


def draw_pictures(
    pictures: Iterable[PictureResult],
    decisions: list[PictureDecisions],
    folder: Path,
    subject: Subject,
    *,
    with_ground_truth: bool = False,
) -> Iterator[PictureResult]:
    """Draw each of the scored `pictures` as it passes by, append what was decided to `decisions`, and hand it on.

    Writes <classifier>_<i><picture> and the same with .detections.tsv into `folder`. Drawn is what scores at least the
    threshold, with `with_ground_truth` the annotated objects as well; the table lists every ROI.
    """
    s = subject
    for picture in pictures:
        found = Detections.decided(
            *(picture.scores, picture.boxes, picture.moved, s.class_names),
            nms_threshold=s.nms_threshold, score_threshold=s.score_threshold,
        )  # fmt: skip
        decided = decide(picture, found, threshold=s.threshold, overlap_threshold=s.overlap_threshold)
        file = folder / f"{s.classifier}_{picture.index}{picture.path.name}"
        drawn = draw_detections(
            read_image(picture.path),
            found.select(s.threshold),
            gt_boxes=picture.gt_boxes if with_ground_truth else None,
            gt_classes=picture.gt_classes if with_ground_truth else None,
            missed=decided.missed,
        )
        write_image(file, drawn)
        write_text(file.with_name(f"{file.stem}.detections.tsv"), detections_table(found))
        decisions.append(decided)
        yield picture
