"""The files of a result beside its pictures: tables, plots and the report page."""

import json
from collections.abc import Sequence
from pathlib import Path

from fastRCNN.evaluation.confusion import condensed, confused_pairs
from fastRCNN.evaluation.matching import ThresholdCounts
from fastRCNN.reporting.comparison import as_summary, comparison_page, read_summaries, summary_name
from fastRCNN.reporting.data import THRESHOLD_COLUMNS, precision_panels, threshold_rows
from fastRCNN.reporting.page import MOST_IN_MATRIX, Report, comparison_name, report_page
from helpers.fonts import legible_names
from helpers.plots import heat_map
from helpers.small_charts import small_charts
from helpers.tables import write_text, write_tsv


def write_report_files(
    folder: Path,
    report: Report,
    per_class: Sequence[ThresholdCounts],
    missed: Sequence[tuple[str, str, Sequence[int]]],
    classifiers: Sequence[str],
) -> Path:
    """Write the files into `folder` and return the path of the report.

    per_class: the counts for each object class. missed: picture, class and box of each missed object. classifiers: the
    names of all that there may be, in the order of the page that compares them.

    precision_recall_<set>_<classifier>.{tsv,png}, ap_lost_<set>_<classifier>.tsv, confusion_<set>_<classifier>.
    {tsv,png}, confusion_pairs_<set>_<classifier>.tsv, report_<set>_<classifier>.{html,json}, and report.html (for
    another set than "test" report_<set>.html), which compares all classifiers that were reported on. Tables have all
    classes; of more than `MOST_IN_MATRIX` the picture shows those that are confused most often.
    """
    evaluation = report.evaluation
    beside = f"{report.image_set}_{report.classifier}"
    names = ["background", *report.class_names[1:]]
    write_tsv(
        folder / f"precision_recall_{beside}.tsv",
        ["class", *THRESHOLD_COLUMNS],
        [
            [name, *row]
            for name, counts in zip(("all", *names[1:]), (report.counts, *per_class), strict=True)
            for row in threshold_rows(counts)
        ],
    )
    small_charts(folder / f"precision_recall_{beside}.png", precision_panels(evaluation, report.counts))
    means = report.errors.mean_gains()
    lost = [[name, *(f"{report.errors.gains[kind][n]:.4f}" for kind in means)] for n, name in enumerate(names[1:])]
    lost.append(["mean", *(f"{gain:.4f}" for gain in means.values())])
    write_tsv(folder / f"ap_lost_{beside}.tsv", ["class", *(f"lost to {kind}" for kind in means)], lost)
    write_tsv(
        folder / f"confusion_{beside}.tsv",
        ["true \\ predicted", *names],
        [[name, *row] for name, row in zip(names, report.confusion.tolist(), strict=True)],
    )
    write_tsv(
        folder / f"confusion_pairs_{beside}.tsv",
        ["true", "predicted", "count"],
        [[names[row], names[column], count] for row, column, count in confused_pairs(report.confusion).tolist()],
    )
    matrix, numbers = condensed(report.confusion, MOST_IN_MATRIX)
    legible = legible_names(names)
    shown = [legible[number] for number in numbers]
    if len(shown) < len(names):
        shown.append(f"the {len(names) - len(shown)} others")
    heat_map(
        folder / f"confusion_{beside}.png",
        matrix,
        shown,
        shown,
        title="Confusion matrix" + ("" if len(shown) == len(names) else ", the classes confused most often"),
        row_label="what it is",
        column_label="what it was taken for",
    )
    page = folder / f"report_{beside}.html"
    write_text(page, report_page(report))
    summary = json.dumps(as_summary(report, missed), indent=1, ensure_ascii=False, default=str) + "\n"
    write_text(folder / summary_name(report.image_set, report.classifier), summary)
    summaries = read_summaries(folder, report.image_set, classifiers)
    comparison = comparison_page(summaries, dataset=report.dataset, image_set=report.image_set)
    write_text(folder / comparison_name(report.image_set), comparison)
    return page
