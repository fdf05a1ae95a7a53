"""Look into the ROIs: how many annotated objects do they cover? What no ROI covers cannot be found.

Reads   proc/<dataset>/rois/ (step 1), or rois_faster/ (classifier "faster"), annotations in data/<dataset>/
Writes  results/<dataset>/roi_recall.{tsv,png}
        results/<dataset>/roi_recall_compared.{tsv,png}    where both are there: those of step 1 and of the network
Prints  recall over the number of ROIs per picture and the overlap (IoU) asked for, and recall per class; for classifier
        "faster" also how many objects its anchors cover before they move. Where many are left, what helps.
"""

import logging
import sys
from collections.abc import Sequence

import helpers.first  # noqa: F401

import numpy as np

from fastRCNN.datasets.imdb import ImageRecord
from fastRCNN.faster.anchors import anchor_recall
from fastRCNN.network.network import load_network
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.classifiers.advice import better_first
from fastRCNN.pipeline.stages import Chain
from fastRCNN.proposals.recall import best_overlaps, recall_at
from fastRCNN.rpn.picture_area import PictureArea
from helpers.annotations import read_rois
from helpers.artifacts import IMAGE_SETS, Artifacts
from helpers.console import progress, run_script, setup_logging, table
from helpers.drawing import class_color
from helpers.errors import UserError
from helpers.plots import Panel, Series, line_charts
from helpers.tables import write_tsv
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")
THRESHOLDS = np.round(np.arange(0.3, 1.0, 0.1), 1)
OFTEN = 0.1  # from this part of the objects on, text says what helps
COUNTS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)


def main() -> None:
    """Print and draw the recall of the ROIs."""
    parser = make_parser(__doc__)
    parser.add_argument("--image-set", choices=(*IMAGE_SETS, "all"), default="all", help="pictures to look at")
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    chain = Chain.choose(p)
    artifacts, classifier = chain.artifacts, CLASSIFIERS[p.classifier]
    chain.require(*(["network", "embeddings"] if classifier.proposes else ["rois"]))
    imdbs = [dataset for name, dataset in chain.datasets.items() if p.image_set in (name, "all")]
    records = [record for imdb in imdbs for record in imdb]
    rois = [read_rois(classifier.roi_file(artifacts, record.key)) for record in progress(records, "pictures")]
    labels = np.concatenate([record.gt_classes for record in records])
    if len(labels) == 0:
        raise UserError(f"{artifacts.data}: no annotated object in these pictures, so nothing could be covered")
    warn_of_none([record.key for record, found in zip(records, rois, strict=True) if len(found) == 0], len(rois))
    largest = max(map(len, rois))
    counts = sorted({count for count in (*COUNTS, classifier.nr_rois(p)) if count < largest} | {largest})
    overlaps = best_overlaps(rois, [record.gt_boxes for record in records], counts)
    recalls = recall_at(overlaps, THRESHOLDS)

    used = [sum(min(len(r), count) for r in rois) / len(rois) for count in counts]
    headers = ["first ROIs", "per picture", *(f"IoU {t:g}" for t in THRESHOLDS), "mean IoU"]
    rows = [
        [str(count), f"{mean:.0f}", *(f"{r:.3f}" for r in row), f"{best.mean():.3f}"]
        for count, mean, row, best in zip(counts, used, recalls, overlaps, strict=True)
    ]
    name = "rpn_testAfterNms" if classifier.proposes else "cntk_nrRois"
    print(f"{len(labels)} objects in {len(records)} pictures; {name} is {classifier.nr_rois(p)}\n")
    print(table(headers, rows))
    used_rois = min(classifier.nr_rois(p), largest)
    chosen = overlaps[counts.index(used_rois)]
    print(f"\nper class, with the first {used_rois} ROIs")
    print(table(["class", "objects", "IoU 0.5", "IoU 0.7", "mean IoU"], [
        [name, len(mine), *(f"{r:.3f}" for r in recall_at(mine, (0.5, 0.7))[0]), f"{mine.mean():.3f}"]
        for number, name in enumerate(imdbs[0].classes)
        for mine in [chosen[labels == number]] if len(mine)
    ]))  # fmt: skip
    missing = (chosen < 0.5).mean()
    if missing > OFTEN and not classifier.proposes and (order := better_first(p)):
        print(f"\nNone of them covers {missing:.0%} of the objects: more ROIs ({name}) help, or {order}")

    write_tsv(artifacts.results / "roi_recall.tsv", headers, rows)
    if largest:
        draw(artifacts.results / "roi_recall.png", counts, used, recalls)
    log.info("Files: %s", artifacts.results / "roi_recall.{tsv,png}")
    if classifier.proposes:
        print_anchors(load_network(artifacts.model_file(p.classifier)).spec, records, p.cntk_padWidth)
    compare(artifacts, records)


def warn_of_none(without: Sequence[str], number: int) -> None:
    """Warn of the pictures `without` ROIs, of so many."""
    if without:
        log.warning("Nothing was proposed in %d of %d pictures, like %s: no object of them can be found.",
                    len(without), number, without[0])  # fmt: skip


def print_anchors(spec: NetworkSpec, records: Sequence[ImageRecord], pad_size: int) -> None:
    """Print the share of objects that an anchor of the network overlaps, wherever it stands."""
    objects = [PictureArea.of(r.width, r.height, pad_size).to_network(r.gt_boxes) for r in records]
    covered = anchor_recall(np.array(spec.rpn.anchors if spec.rpn else ()), objects, side=pad_size // spec.stride,
                            stride=spec.stride, thresholds=(0.5, 0.7))  # fmt: skip
    print(f"\nobjects that an anchor covers before it moves: {covered[0]:.3f} at IoU 0.5, {covered[1]:.3f} at 0.7")


def compare(artifacts: Artifacts, records: Sequence[ImageRecord]) -> None:
    """Print and draw the recall of all sources of ROIs that are there for every picture, side by side."""
    sources: dict[str, list[np.ndarray]] = {}
    for each in CLASSIFIERS.values():
        name = f"network ({each.name})" if each.proposes else "step 1"
        files = [each.roi_file(artifacts, record.key) for record in records]
        if name not in sources and all(file.is_file() for file in files):
            sources[name] = [read_rois(file) for file in files]
    if len(sources) < 2:
        return
    truth, largest = [record.gt_boxes for record in records], max(len(r) for rois in sources.values() for r in rois)
    counts = [count for count in COUNTS if count < largest] + [largest]
    found = {name: recall_at(best_overlaps(rois, truth, counts), (0.5, 0.7)) for name, rois in sources.items()}
    headers = ["first ROIs", *(f"{name}, IoU {t:g}" for name in found for t in (0.5, 0.7))]
    rows = [[str(count), *(f"{r:.3f}" for of in found.values() for r in of[k])] for k, count in enumerate(counts)]
    print(f"\n{table(headers, rows)}")
    write_tsv(artifacts.results / "roi_recall_compared.tsv", headers, rows)
    panels = []
    for column, t in enumerate((0.5, 0.7)):
        series = [
            Series(name, counts, of[:, column], class_color(1 + number), marks=True)
            for number, (name, of) in enumerate(found.items())
        ]
        title = f"Objects covered by at least {t:g}"
        panels.append(Panel(title, "first ROIs of a picture", "recall", series, x_limits=None, log_x=True))
    line_charts(artifacts.results / "roi_recall_compared.png", panels)
    log.info("Files: %s", artifacts.results / "roi_recall_compared.{tsv,png}")


def draw(path, counts: list[int], used: list[float], recalls: np.ndarray) -> None:
    """Draw recall over the number of ROIs, and over the overlap."""
    by_count = [
        Series(f"IoU {t:g}", used, recalls[:, column], class_color(1 + column), marks=True)
        for column, t in enumerate(THRESHOLDS) if round(t * 10) % 2
    ]  # fmt: skip
    by_overlap = [
        Series(f"{count} ROIs", THRESHOLDS, recalls[row], class_color(1 + row), marks=True)
        for row, count in enumerate(counts)
    ]
    title = "Objects covered"
    left = Panel(title, "ROIs per picture", "recall", by_count, x_limits=None, log_x=True)
    right = Panel(title, "overlap asked for (IoU)", "recall", by_overlap, x_limits=(0.3, 0.9))
    line_charts(path, [left, right])


if __name__ == "__main__":
    run_script(main)
