"""Look into the annotations: how large are the objects, and which limits of the ROIs fit them?

Reads   annotations in data/<dataset>/
Writes  with --save the roi_* values that fit into PARAMETERS.py, for this data set alone
Prints  objects of each class; percentiles of width, height, area and aspect ratio, in pixels and relative to the
        picture's longest side; then the roi_* values that fit, as lines for PARAMETERS.py and as --set options
        ("fitted" takes those of "train").
"""

import logging
import sys
from dataclasses import replace
from pathlib import Path

import helpers.first  # noqa: F401

import numpy as np

import PARAMETERS
from fastRCNN.checking.examination import labels_like_others
from fastRCNN.datasets.annotation_statistics import PERCENTILES, box_statistics, fitting_roi_parameters
from fastRCNN.pipeline.roi_limits import fitted_limits
from fastRCNN.pipeline.stages import artifacts_of, dataset_of
from fastRCNN.proposals.roi_parameters import FITTED, LIMITS, RoiParameters
from fastRCNN.proposals.rois import filter_rois
from helpers.annotations import alike_labels
from helpers.artifacts import IMAGE_SETS
from helpers.console import run_script, setup_logging, table
from helpers.errors import UserError
from helpers.overrides import save_override
from PARAMETERS import get_parameters, make_parser

log = logging.getLogger("steps")


def main() -> None:
    """Print the statistics."""
    parser = make_parser(__doc__)
    parser.add_argument("--image-set", choices=(*IMAGE_SETS, "all"), default="train", help="pictures to look at")
    parser.add_argument("--save", action="store_true", help="write the values that fit into PARAMETERS.py, for this "
                        "data set: then they no longer change with its annotations")  # fmt: skip
    p = get_parameters(sys.argv[1:], parser)
    setup_logging(p.quiet)
    artifacts = artifacts_of(p)
    imdbs = {name: dataset_of(p, name) for name in IMAGE_SETS}
    records = [record for name, imdb in imdbs.items() if p.image_set in (name, "all") for record in imdb]
    longest = [max(record.width, record.height) for record in records]
    boxes = np.concatenate([record.gt_boxes for record in records])
    if len(boxes) == 0:
        raise UserError(f"{artifacts.data}: no annotated object in these pictures. Annotate some first")
    counts = {name: imdb.objects_per_class() for name, imdb in imdbs.items()}
    classes = imdbs["train"].classes[1:]
    print(table(["class", *(f"{name} objects" for name in counts)],
                [[name, *(of[name] for of in counts.values())] for name in classes]))  # fmt: skip
    if alike := [
        *alike_labels(classes),
        *(place for each in labels_like_others(imdbs["train"]) for place in each.places),
    ]:
        print("Is one of these a typing error? " + "; ".join(alike))
    statistics = box_statistics(boxes, np.repeat(longest, [len(record.gt_boxes) for record in records]))
    columns = statistics.columns()
    rows = [
        [f"{percentile} %", *(shown(np.percentile(values, percentile)) for values in columns.values())]
        for percentile in PERCENTILES
    ]
    print(f"\n{len(boxes)} objects in {len(records)} pictures ({p.image_set})\n")
    print(table(["percentile", *columns], rows))

    fitting = fitting_roi_parameters(statistics)
    now = RoiParameters.choose(p, fitted_limits(imdbs["train"]))
    print(f"\nStep 1's limits of ROIs let {passing(records, longest, now):.1%} of the objects' boxes pass now; "
          f"with these it would be {passing(records, longest, replace(now, **fitting)):.1%}:\n")  # fmt: skip
    fitted = {name: f', "{FITTED}"' if p[name] == FITTED else "" for name in LIMITS}
    print("\n".join(f"{name} = {fitting[name]:g}  # now {now.limits[name]:g}{fitted[name]}" for name in LIMITS))
    print("\n" + " ".join(f"--set {name}={value:g}" for name, value in fitting.items()))
    if all(fitted.values()) and all(f"{fitting[name]:g}" == f"{now.limits[name]:g}" for name in LIMITS):
        print("These are what step 1 takes by itself: there is nothing to do.")
    if p.save:
        path, values = Path(PARAMETERS.__file__), {name: float(f"{value:g}") for name, value in fitting.items()}
        line = save_override(path, p.datasetName, values, by="B3_cntkAnalyzeInputs.py --save")
        print(f"\nWritten into {path}; delete the line to have the limits fitted again:\n{line}")


def passing(records, longest: list[int], parameters: RoiParameters) -> float:
    """Return the share of the annotated boxes that the filter of step 1 would keep."""
    kept = sum(len(filter_rois(r.gt_boxes, side, parameters)) for r, side in zip(records, longest, strict=True))
    return kept / sum(len(record.gt_boxes) for record in records)


def shown(value: float) -> str:
    """Return a number with three or four digits that matter."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    run_script(main)
