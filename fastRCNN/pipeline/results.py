"""From what steps 1 to 4 left to scores: the pictures of an image set, scored, one at a time.

Both scripts of step 5 read through here. Only one picture's embeddings are in memory.
"""

from collections.abc import Iterator
from functools import partial

from fastRCNN.boxes.ignored import IgnoredBoxes
from fastRCNN.datasets.imdb import Dataset
from fastRCNN.datasets.roidb import load_roidb
from fastRCNN.evaluation.average_precision import PictureResult
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.scoring import require_width, score_picture
from helpers.artifacts import Artifacts

__all__ = ["PictureResult", "scored_pictures"]


def scored_pictures(
    imdb: Dataset, artifacts: Artifacts, *, classifier: str = "svm", nr_rois: int = 2000, compat: str = "corrected"
) -> Iterator[PictureResult]:
    """Yield the pictures of `imdb` with their ROIs scored, in order.

    classifier: a name in `CLASSIFIERS`. In the training set the annotated boxes are the first ROIs of each picture
    that step 2 wrote; they are left out, since they would find themselves. ROIs that the network proposed are all
    taken.
    """
    chosen, nr_classes = CLASSIFIERS[classifier], len(imdb.classes)
    outputs = chosen.outputs(artifacts, nr_classes)
    scorer = chosen.scorer(artifacts, nr_classes, compat=compat)
    annotated_first, most = imdb.image_set == "train" and not chosen.proposes, None if chosen.proposes else nr_rois
    for record in load_roidb(imdb, artifacts, most, annotated_first, roi_file=partial(chosen.roi_file, artifacts)):
        image, path = record.image, artifacts.embedding_file(imdb.image_set, classifier, record.image.index)
        rows = outputs.read(path, len(record.rois))
        require_width(scorer, rows.shape[1], path)
        if record.is_ground_truth.any():
            rows = rows[~record.is_ground_truth]
        found = score_picture(scorer, rows, record.rois[~record.is_ground_truth], image.width, image.height)
        ignored = IgnoredBoxes.of() if compat == "tutorial" else image.ignored_boxes
        yield PictureResult(
            image.index, image.path, found.rois, found.scores, image.gt_boxes, image.gt_classes, found.moved, ignored
        )
