"""The report: one HTML page with everything about a result, mistakes first, that opens anywhere without a network.

Every text from the data (class names, file names) is escaped. No date is written, so the same result gives the same
bytes. Letters in shapes: C classes with background first.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.evaluation.average_precision import ClassEvaluation, Evaluation
from fastRCNN.evaluation.bootstrap import FEW, Interval
from fastRCNN.evaluation.confusion import confused_pairs
from fastRCNN.evaluation.error_analysis import ErrorAnalysis
from fastRCNN.evaluation.matching import ThresholdCounts
from fastRCNN.reporting.charts import css_color, line_chart, thinned
from fastRCNN.reporting.help_most import help_section
from fastRCNN.reporting.style import PAGE, STYLE
from fastRCNN.reporting.tiles import Tile, tile_html
from helpers.fonts import legible_names

MOST_IN_MATRIX = 40  # classes; of more, a list shows the pairs that are confused most often
_MOST_PAIRS = 60
_ACROSS_CLASSES = (
    "Here the best-scored detection takes the object, of whatever class; all other counts on this page match within "
    "each class, so they can differ."
)
PRECISION_COLOR, RECALL_COLOR = "#d55e00", "#0a86d0"


@dataclass(frozen=True, eq=False)
class Report:
    """All that the page shows.

    evaluation: for the AP table and curves. counts: what passes each threshold, over all classes. threshold: the
    decision threshold, None for none. confusion: (C, C) counts. misses, alarms: the worst ones, worst first, as crops.
    pictures: drawn ones. parameters: names and values for the last table. interval: of mAP (area), see
    `fastRCNN.evaluation.bootstrap`; None where it is not known. nr_rois: of a picture, at most.
    errors: what average precision is lost to. advice: kind of mistake -> what often helps. nr_uncovered: of the missed
    objects, how many have no box on them.
    """

    dataset: str
    image_set: str
    classifier: str
    class_names: tuple[str, ...]
    evaluation: Evaluation
    counts: ThresholdCounts
    threshold: float | None
    confusion: NDArray[np.int64]
    misses: Sequence[Tile]
    alarms: Sequence[Tile]
    pictures: Sequence[Tile]
    nr_misses: int
    nr_alarms: int
    parameters: Mapping[str, Any]
    errors: ErrorAnalysis
    interval: Interval | None = None
    nr_rois: int | None = None
    advice: Mapping[str, str] = field(default_factory=dict)
    nr_uncovered: int = 0


def report_page(report: Report) -> str:
    """Return the HTML page of `report`."""
    sections = [
        ("overview", "", _numbers(report)),
        (
            "help",
            "What would help most",
            help_section(report.errors, report.advice, missed=report.nr_misses, uncovered=report.nr_uncovered),
        ),
        ("misses", f"Missed objects ({report.nr_misses})", _misses(report)),
        ("alarms", f"False alarms ({report.nr_alarms})", _alarms(report)),
        ("precision", "Average precision", _precision_table(report.evaluation)),
        ("curves", "Precision over recall", _curves(report.evaluation)),
        ("thresholds", "Precision and recall over the score threshold", _thresholds(report)),
        ("confusion", "Confusion matrix", _confusion(report)),
        ("pictures", "Pictures", _pictures(report)),
        ("parameters", "Parameters", _parameters(report)),
    ]
    heading = f"{report.dataset}: what the detector finds"
    return PAGE.format(
        title=escape(f"{report.dataset} – {report.image_set} – {report.classifier}"),
        heading=escape(heading),
        lead=escape(
            f"Fast R-CNN on the {report.image_set} pictures, classifier {report.classifier}, "
            f"at most {report.nr_rois or '?'} ROIs per picture, "
            f"seed {report.parameters.get('seed', '?')}."
        ),
        links="".join(f'<a href="#{key}">{escape(name)}</a>' for key, name, _ in sections if name)
        + f'<a href="{comparison_name(report.image_set)}">all classifiers</a>',
        style=STYLE,
        sections="\n".join(
            f'<section id="{key}">' + (f"<h2>{escape(name)}</h2>" if name else "") + f"{body}</section>"
            for key, name, body in sections
        ),
        footer="Written by 5_visualizeResults.py. The same numbers lie beside this page as tsv, json and png files.",
    )


def comparison_name(image_set: str) -> str:
    """Return the name of the page on all classifiers."""
    return "report.html" if image_set == "test" else f"report_{image_set}.html"


def _numbers(report: Report) -> str:
    evaluation = report.evaluation
    objects = sum(c.positives for c in evaluation.classes)
    found = objects - report.nr_misses
    cards = [
        (_number(evaluation.map_area), "mAP, area under the curve (VOC 2010)" + _of_others(report.interval)),
        (_number(evaluation.map_11point), "mAP, 11 points (VOC 2007)"),
        (f"{found} / {objects}", "objects found (true positives)" + _at_threshold(report.threshold)),
        (str(report.nr_alarms), "false alarms (false positives)" + _at_threshold(report.threshold)),
        (str(evaluation.pictures), f"pictures with {objects} objects" + _warning(objects)),
    ]
    return '<div class="numbers">' + "".join(
        f'<div class="card"><b>{escape(value)}</b><span>{escape(text)}</span></div>' for value, text in cards
    ) + "</div>"  # fmt: skip


def _warning(objects: int) -> str:
    return "" if objects >= FEW else ": so few that small differences between two runs mean nothing"


def _of_others(interval: Interval | None) -> str:
    return "" if interval is None else f"; of other pictures like these {interval.text()} (95 of 100 draws)"


def _at_threshold(threshold: float | None) -> str:
    return "" if threshold is None else f" (score at least {threshold:g})"


def _misses(report: Report) -> str:
    return _tiles(
        report.misses,
        report.nr_misses,
        "Objects that no detection of their class found (false negatives): first those that no box covers, then "
        "those with the lowest score. White dashes mark the object.",
        "Every object was found.",
    )


def _alarms(report: Report) -> str:
    return _tiles(
        report.alarms,
        report.nr_alarms,
        "Detections that are on no object of their class, or on one that was found before (false positives), the most "
        "certain ones first. White dashes mark annotated objects.",
        "No false alarm.",
    )


def _tiles(tiles: Sequence[Tile], total: int, note: str, nothing: str) -> str:
    if not total:
        return f'<p class="note">{escape(nothing)}</p>'
    rest = f" Shown: the worst {len(tiles)} of {total}." if len(tiles) < total else ""
    return f'<p class="note">{escape(note + rest)}</p><div class="tiles">' + "".join(
        tile_html(tile, "square", quality=82) for tile in tiles
    ) + "</div>"  # fmt: skip


def _precision_table(evaluation: Evaluation) -> str:
    rows = "".join(
        f"<tr><th>{_dot(number)}{escape(c.name)}</th><td>{_bar(c.ap_area, css_color(number))}{_number(c.ap_area)}</td>"
        f"<td>{_number(c.ap_11point)}</td><td>{c.positives}</td><td>{c.detections}</td></tr>"
        for number, c in enumerate(evaluation.classes, start=1)
    )
    mean = (
        f'<tr class="total"><th>mean</th><td>{_bar(evaluation.map_area, "var(--accent)")}'
        f"{_number(evaluation.map_area)}</td><td>{_number(evaluation.map_11point)}</td>"
        f"<td>{sum(c.positives for c in evaluation.classes)}</td>"
        f"<td>{sum(c.detections for c in evaluation.classes)}</td></tr>"
    )
    note = (
        "Every ROI ranks for every class; an object counts as found when a ROI overlaps it by more than the threshold."
    )
    if evaluation.undefined:
        note += f" Not defined, and not in the mean (no object in the set): {', '.join(evaluation.undefined)}."
    return (
        f'<p class="note">{escape(note)}</p><div class="card scroll"><table><thead><tr><th>class</th><th>AP, area</th>'
        "<th>AP, 11 points</th><th>objects</th><th>candidates</th></tr></thead>"
        f"<tbody>{rows}{mean}</tbody></table></div>"
    )


def _curves(evaluation: Evaluation) -> str:
    charts = "".join(_curve(number, c) for number, c in enumerate(evaluation.classes, start=1))
    note = (
        "Shaded: the area that AP measures. A curve that ends before recall 1 has objects that nothing finds: no ROI "
        "covers them, or non-maximum suppression took the ROI away for a neighbour with a better score."
    )
    return f'<p class="note">{escape(note)}</p><div class="charts">{charts}</div>'


def _curve(number: int, result: ClassEvaluation) -> str:
    caption = f"<figcaption>{escape(result.name)}<span>{_number(result.ap_area)}</span></figcaption>"
    if result.positives == 0:
        return f'<figure class="card">{caption}<p class="note">no object in the set</p></figure>'
    color = css_color(number)
    svg = line_chart(
        [(color, *thinned(*result.envelope()))],
        label=f"precision over recall of {result.name}",
        x_label="recall",
        fill=True,
    )
    return f'<figure class="card">{caption}{svg}</figure>'


def _thresholds(report: Report) -> str:
    counts = report.counts
    limits = (float(counts.thresholds[0]), float(counts.thresholds[-1])) if len(counts.thresholds) else (0.0, 1.0)
    svg = line_chart(
        [
            (PRECISION_COLOR, counts.thresholds, counts.precisions),
            (RECALL_COLOR, counts.thresholds, counts.recalls),
        ],
        label="precision and recall over the score threshold",
        x_label="score threshold",
        width=420,
        height=300,
        x_limits=limits,
        marker=report.threshold,
    )
    key = (
        f'<p><span class="key" style="background:{PRECISION_COLOR}"></span>precision &nbsp; '
        f'<span class="key" style="background:{RECALL_COLOR}"></span>recall</p>'
    )
    rows = "".join(
        f"<tr{_chosen(threshold, report.threshold)}><th>{threshold:g}</th><td>{_number(precision)}</td>"
        f"<td>{_number(recall)}</td><td>{detections}</td><td>{right}</td></tr>"
        for threshold, precision, recall, detections, right in zip(
            counts.thresholds, counts.precisions, counts.recalls, counts.detections, counts.right, strict=True
        )
    )
    note = "What is left of the detections when only those with at least this score count, over all classes."
    return (
        f'<p class="note">{escape(note)}</p><div class="two"><div class="card">{key}{svg}</div>'
        '<div class="card scroll"><table><thead><tr><th>score from</th><th>precision</th><th>recall</th>'
        f"<th>detections</th><th>right</th></tr></thead><tbody>{rows}</tbody></table></div></div>"
    )


def _chosen(threshold: float, decision: float | None) -> str:
    return ' class="chosen"' if decision is not None and math.isclose(threshold, decision) else ""


def _confusion(report: Report) -> str:
    if len(report.confusion) > MOST_IN_MATRIX:
        return _confused_pairs(report)
    counts = report.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = ["background", *report.class_names[1:]]
    head = "".join(f"<th><span>{escape(name)}</span></th>" for name in names)
    rows = ""
    for row, name in enumerate(names):
        cells = ""
        for column in range(len(names)):
            if counts[row, column] == 0:
                cells += '<td class="none">·</td>'
                continue
            right = ' class="right"' if row == column else ""
            cells += (
                f'<td{right} style="background:rgba(var(--heat),{0.08 + 0.5 * shares[row, column]:.2f})" '
                f'title="{escape(f"{name} taken for {names[column]}")}">{counts[row, column]}</td>'
            )
        rows += f"<tr><th>{_dot(row)}{escape(name)}</th>{cells}</tr>"
    note = (
        "Rows: what it is; columns: what it was taken for. The column background counts objects that nothing took, "
        f"the row background detections that took none. {_ACROSS_CLASSES} Colour: share of the row."
    )
    note += _counted(report) + _numbered(names)
    return (
        f'<p class="note">{escape(note)}</p><div class="card scroll"><table class="confusion">'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _confused_pairs(report: Report) -> str:
    names, pairs = ["background", *report.class_names[1:]], confused_pairs(report.confusion)
    totals = report.confusion.sum(axis=1)
    rows = "".join(
        f"<tr><th>{_dot(row)}{escape(names[row])}</th><th>{_dot(column)}{escape(names[column])}</th><td>{count}</td>"
        f"<td>{count / totals[row]:.0%}</td></tr>"
        for row, column, count in pairs[:_MOST_PAIRS].tolist()
    )
    note = (
        f"{min(len(pairs), _MOST_PAIRS)} of {len(pairs)} pairs, the most frequent ones; all of them stand in "
        f"confusion_pairs_{report.image_set}_{report.classifier}.tsv. Taken for background: nothing took it; "
        f"background taken for a class: detections that took no object. {_ACROSS_CLASSES}{_counted(report)}"
    )
    return (
        f'<p class="note">{escape(note)}</p><div class="card scroll"><table><thead><tr><th>what it is</th>'
        "<th>what it was taken for</th><th>count</th><th>of its kind</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _counted(report: Report) -> str:
    if report.threshold is None:
        return ""
    return f" Detections with a score of at least {report.threshold:g} count."


def _numbered(names: Sequence[str]) -> str:
    """Say which classes pictures show by number, since no font has their letters."""
    numbered = [f"{shown}: {name}" for shown, name in zip(legible_names(names), names, strict=True) if shown != name]
    return f" In pictures and charts, whose fonts lack some letters: {', '.join(numbered)}." if numbered else ""


def _pictures(report: Report) -> str:
    total = report.evaluation.pictures
    note = "Detections with class and score; white dashes mark annotated objects. Pictures with most mistakes first."
    if len(report.pictures) < total:
        note += f" Shown: {len(report.pictures)} of {total}; all of them lie in the folder visualizations."
    return f'<p class="note">{escape(note)}</p><div class="tiles pictures">' + "".join(
        tile_html(tile, "", quality=80) for tile in report.pictures
    ) + "</div>"  # fmt: skip


def _parameters(report: Report) -> str:
    rows = "".join(
        f'<tr><th>{escape(name)}</th><td class="wide">{escape(str(value))}</td></tr>'
        for name, value in report.parameters.items()
    )
    return f'<div class="card scroll"><table><tbody>{rows}</tbody></table></div>'


def _number(value: float | None) -> str:
    return "not defined" if value is None or math.isnan(value) else f"{value:.3f}"


def _dot(number: int) -> str:
    return f'<span class="dot" style="background:{css_color(number)}"></span>'


def _bar(value: float | None, color: str) -> str:
    width = 0 if value is None else 100 * value
    return f'<span class="bar"><i style="width:{width:.1f}%;background:{color}"></i></span>'
