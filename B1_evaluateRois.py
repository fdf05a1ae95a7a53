"""Look into the ROIs: how many annotated objects do they cover? What no ROI covers cannot be found.

Reads   proc/<dataset>/rois/ (step 1), annotations in data/<dataset>/
Writes  results/<dataset>/roi_recall.{tsv,png}
Prints  recall over the number of ROIs per picture and the overlap (IoU) asked for, and recall per class.
"""

import logging
import sys

import numpy as np

from fastRCNN.pipeline.stages import Chain
from fastRCNN.proposals.recall import best_overlaps, recall_at
from helpers.annotations import read_rois
from helpers.artifacts import IMAGE_SETS
from helpers.console import progress, run_script, setup_logging, table
from helpers.drawing import class_color
from helpers.errors import UserError
from helpers.plots import Panel, Series, line_charts
from helpers.tables import write_tsv
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")
THRESHOLDS = np.round(np.arange(0.3, 1.0, 0.1), 1)
COUNTS = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)


def main() -> None:
    """Print and draw the recall of the ROIs."""
    parser = make_parser(__doc__)
    parser.add_argument("--image-set", choices=(*IMAGE_SETS, "all"), default="all", help="pictures to look at")
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    chain = Chain.choose(p)
    artifacts = chain.artifacts
    chain.require("rois")
    imdbs = [dataset for name, dataset in chain.datasets.items() if p.image_set in (name, "all")]
    records = [record for imdb in imdbs for record in imdb]
    rois = [read_rois(artifacts.roi_file(record.key)) for record in progress(records, "pictures")]
    labels = np.concatenate([record.gt_classes for record in records])
    if len(labels) == 0:
        raise UserError(f"{artifacts.data}: no annotated object in these pictures, so nothing could be covered")
    largest = max(map(len, rois))
    counts = sorted({count for count in (*COUNTS, p.cntk_nrRois) if count < largest} | {largest})
    overlaps = best_overlaps(rois, [record.gt_boxes for record in records], counts)
    recalls = recall_at(overlaps, THRESHOLDS)

    used = [sum(min(len(r), count) for r in rois) / len(rois) for count in counts]
    headers = ["first ROIs", "per picture", *(f"IoU {t:g}" for t in THRESHOLDS), "mean IoU"]
    rows = [
        [str(count), f"{mean:.0f}", *(f"{r:.3f}" for r in row), f"{best.mean():.3f}"]
        for count, mean, row, best in zip(counts, used, recalls, overlaps, strict=True)
    ]
    print(f"{len(labels)} objects in {len(records)} pictures; cntk_nrRois is {p.cntk_nrRois}\n")
    print(table(headers, rows))
    used_rois = min(p.cntk_nrRois, largest)
    chosen = overlaps[counts.index(used_rois)]
    print(f"\nper class, with the first {used_rois} ROIs")
    print(table(["class", "objects", "IoU 0.5", "IoU 0.7", "mean IoU"], [
        [name, len(mine), *(f"{r:.3f}" for r in recall_at(mine, (0.5, 0.7))[0]), f"{mine.mean():.3f}"]
        for number, name in enumerate(imdbs[0].classes)
        for mine in [chosen[labels == number]] if len(mine)
    ]))  # fmt: skip

    write_tsv(artifacts.results / "roi_recall.tsv", headers, rows)
    draw(artifacts.results / "roi_recall.png", counts, used, recalls)
    log.info("Files: %s", artifacts.results / "roi_recall.{tsv,png}")


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
