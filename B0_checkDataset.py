"""Look at a data set before hours are spent on it: every fault, every doubt, and what there is.

Reads   pictures and annotations in data/<dataset>/; the ROIs of step 1, or those it would compute
Writes  results/<dataset>/check.html          all of it on one page, what is doubtful first
        results/<dataset>/check.json          the same as data
        results/<dataset>/check/*.jpg         contact sheets: all objects of each class
Prints  faults and doubts, all of a kind together, and the objects of each class. Exit status 1: there are faults, which
        would stop the steps.
"""

import json
import logging
import shutil
import sys

import helpers.first  # noqa: F401

from fastRCNN.checking.check_page import Check, as_data, check_page
from fastRCNN.checking.examination import examine, recall_per_class
from fastRCNN.checking.looking import embedder, roi_overlaps_of
from fastRCNN.checking.sheets import doubtful_tiles, write_sheets
from fastRCNN.datasets.findings import DataFaults, log_warnings, merged
from fastRCNN.pipeline.roi_limits import with_fitted_limits
from fastRCNN.pipeline.stages import artifacts_of, census_of
from helpers.artifacts import Artifacts
from helpers.console import run_script, setup_logging, table
from helpers.tables import write_text
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Check the data set."""
    parser = make_parser(__doc__)
    parser.add_argument("--fast", action="store_true",
                        help="leave out ROIs and label errors, which take a network and time")  # fmt: skip
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    artifacts = artifacts_of(p)
    try:
        datasets, known = census_of(p)
    except DataFaults as error:
        write(artifacts, Check(p.datasetName, error.findings))
        raise
    classes = datasets["train"].classes
    with embedder(p) as embed:
        overlaps = roi_overlaps_of(artifacts, with_fitted_limits(p, datasets["train"]))
        objects, found = examine(datasets, overlaps=overlaps, embed=embed)
    findings = merged([*known, *found])
    folder = artifacts.results / "check"
    shutil.rmtree(folder, ignore_errors=True)
    sheets = write_sheets(folder, objects, classes)
    write(artifacts, Check(p.datasetName, (), findings, datasets, objects, doubtful_tiles(objects, classes), sheets))
    log_warnings(findings)
    counts = {image_set: dataset.objects_per_class() for image_set, dataset in datasets.items()}
    recall = recall_per_class(objects, classes)
    rows = [
        [name, counts["train"][name], counts["test"].get(name, 0), *(f"{r:.3f}" for r in recall.get(name, ())[1:])]
        for name in classes[1:]
    ]
    rows = [row if len(row) == 5 else [*row, "-", "-"] for row in rows]
    print(table(["class", "train objects", "test objects", "covered by 0.5", "by 0.7"], rows))
    log.info("Everything on one page: %s", artifacts.results / "check.html")


def write(artifacts: Artifacts, check: Check) -> None:
    """Write page and data."""
    write_text(artifacts.results / "check.json", json.dumps(as_data(check), indent=1, ensure_ascii=False) + "\n")
    write_text(artifacts.results / "check.html", check_page(check))


if __name__ == "__main__":
    run_script(main)
