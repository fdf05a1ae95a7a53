"""The results of several classifiers beside each other: `report.html`, from the numbers that each report left.

Every report leaves its numbers as JSON (`report_<set>_<classifier>.json`); this page shows all that are there, and
which objects one classifier finds and another does not.
"""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from fastRCNN.evaluation.bootstrap import FEW
from fastRCNN.reporting.charts import line_chart, thinned
from fastRCNN.reporting.page import Report
from fastRCNN.reporting.style import PAGE, STYLE

_COLORS = ("#0a86d0", "#d55e00", "#0b8a6a", "#8b5cc9")  # of the classifiers, in order
_OWN = ("svm_", "nn_", "faster_", "rpn_", "classifier")  # what begins so is of one classifier
_MOST_LISTED = 60


def summary_name(image_set: str, classifier: str) -> str:
    """Return the name of the JSON file of one report."""
    return f"report_{image_set}_{classifier}.json"


def as_summary(report: Report, missed: Sequence[tuple[str, str, Sequence[int]]]) -> dict[str, Any]:
    """Return the numbers of `report`; missed: picture, class and box (x1 y1 x2 y2) of every missed object."""
    evaluation = report.evaluation
    return {
        "classifier": report.classifier,
        "pictures": evaluation.pictures,
        "objects": sum(c.positives for c in evaluation.classes),
        "missed": report.nr_misses,
        "false_alarms": report.nr_alarms,
        "threshold": report.threshold,
        "mAP_area": evaluation.map_area,
        "mAP_11point": evaluation.map_11point,
        "mAP_area_interval": report.interval.as_data() if report.interval else None,
        "classes": {
            c.name: {
                "ap_area": c.ap_area,
                "positives": c.positives,
                "curve": [np.round(values, 4).tolist() for values in thinned(*c.envelope(), 100)],
            }
            for c in evaluation.classes
        },
        "missed_objects": [[picture, name, *map(int, box)] for picture, name, box in missed],
        "parameters": {name: value for name, value in report.parameters.items() if not name.startswith(_OWN)},
    }


def read_summaries(folder: Path, image_set: str, classifiers: Sequence[str]) -> list[dict[str, Any]]:
    """Return the summaries in `folder`, in the order of `classifiers`; a damaged file counts as none."""
    found = []
    for name in classifiers:
        try:
            content = json.loads((folder / summary_name(image_set, name)).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and content.get("classifier") == name:
            found.append(content)
    return found


def comparison_page(summaries: Sequence[Mapping[str, Any]], *, dataset: str, image_set: str) -> str:
    """Return the HTML page that shows `summaries` beside each other, one column for each."""
    names = [each["classifier"] for each in summaries]
    sections = [
        ("numbers", "", _numbers(summaries, image_set)),
        ("classes", "Average precision", _classes(summaries)),
        ("curves", "Precision over recall", _curves(summaries)),
        ("missed", "Missed objects", _missed(summaries)),
    ]
    lead = f"The {image_set} pictures, by classifier. " + (
        "Another one stands beside it as soon as 5_visualizeResults.py has run for it."
        if len(summaries) == 1
        else "The pictures, the mistakes and all numbers of each are behind its name."
    )
    return PAGE.format(
        title=escape(f"{dataset} – {image_set} – {', '.join(names)}"),
        heading=escape(f"{dataset}: {' and '.join(names)}" + (" compared" if len(names) > 1 else "")),
        lead=escape(lead),
        links="".join(f'<a href="report_{image_set}_{escape(name)}.html">everything about {escape(name)}</a>'
                      for name in names),
        style=STYLE,
        sections="\n".join(
            f'<section id="{key}">' + (f"<h2>{escape(title)}</h2>" if title else "") + f"{body}</section>"
            for key, title, body in sections
        ),
        footer="Written by 5_visualizeResults.py, from the report_*.json files beside this page.",
    )  # fmt: skip


def _numbers(summaries: Sequence[Mapping[str, Any]], image_set: str) -> str:
    rows: list[tuple[str, list[str]]] = [
        ("mAP, area under the curve", [_share(each["mAP_area"]) for each in summaries]),
        ("… of other pictures like these", [_interval(each["mAP_area_interval"]) for each in summaries]),
        ("mAP, 11 points", [_share(each["mAP_11point"]) for each in summaries]),
        ("objects found", [f"{each['objects'] - each['missed']} of {each['objects']}" for each in summaries]),
        ("false alarms", [str(each["false_alarms"]) for each in summaries]),
        ("score from which on detections count", [_threshold(each["threshold"]) for each in summaries]),
        ("pictures", [str(each["pictures"]) for each in summaries]),
    ]
    others = _different(summaries)
    rows += [(f"{name}: not the same", values) for name, values in others.items()]
    few = any(each["objects"] < FEW for each in summaries)
    head = "".join(
        f'<th><a href="report_{image_set}_{escape(each["classifier"])}.html">{escape(each["classifier"])}</a></th>'
        for each in summaries
    )
    body = "".join(
        f"<tr><th>{escape(title)}</th>{''.join(f'<td>{escape(value)}</td>' for value in values)}</tr>"
        for title, values in rows
    )
    note = (
        "Where the intervals of two classifiers overlap, these pictures do not tell which one is better."
        + (" So few objects: small differences mean nothing." if few else "")
        + (f" The runs differ in more than the classifier: {', '.join(others)}." if others else "")
        if len(summaries) > 1
        else ""
    )
    return (
        f'<p class="note">{escape(note)}</p><div class="card scroll"><table><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _classes(summaries: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f"<th>{escape(each['classifier'])}</th>" for each in summaries)
    rows = ""
    for name in _class_names(summaries):
        of_class = [each["classes"].get(name, {"ap_area": None, "positives": 0}) for each in summaries]
        cells = "".join(
            f"<td>{_bar(of['ap_area'], color)}{_share(of['ap_area'])}</td>"
            for of, color in zip(of_class, _colors(summaries), strict=True)
        )
        rows += f"<tr><th>{escape(name)}</th>{cells}<td>{max(of['positives'] for of in of_class)}</td></tr>"
    return (
        f'<div class="card scroll"><table><thead><tr><th>class</th>{head}<th>objects</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _curves(summaries: Sequence[Mapping[str, Any]]) -> str:
    key = " &nbsp; ".join(
        f'<span class="key" style="background:{color}"></span>{escape(each["classifier"])}'
        for each, color in zip(summaries, _colors(summaries), strict=True)
    )
    charts = ""
    for name in _class_names(summaries):
        lines = [
            (color, *each["classes"][name]["curve"])
            for each, color in zip(summaries, _colors(summaries), strict=True)
            if name in each["classes"]
        ]
        svg = line_chart(lines, label=f"precision over recall of {name}", x_label="recall", nested=True)
        charts += f'<figure class="card"><figcaption>{escape(name)}</figcaption>{svg}</figure>'
    return f'<p class="note">{key}</p><div class="charts">{charts}</div>'


def _missed(summaries: Sequence[Mapping[str, Any]]) -> str:
    sets = [{tuple(each) for each in summary["missed_objects"]} for summary in summaries]
    every = sorted(set().union(*sets), key=lambda each: (-sum(each in of for of in sets), each))
    if not every:
        return '<p class="note">Every object was found.</p>'
    rows = ""
    for each in every[:_MOST_LISTED]:
        picture, name, *box = each
        cells = "".join(f"<td>{'missed' if each in of else 'found'}</td>" for of in sets)
        place = " ".join(map(str, box))
        rows += f"<tr><th>{escape(str(picture))}</th><td>{escape(str(name))}</td><td>{place}</td>{cells}</tr>"
    head = "".join(f"<th>{escape(each['classifier'])}</th>" for each in summaries)
    both = sum(all(each in of for of in sets) for each in every)
    note = f"{both} missed by all, {len(every) - both} by some." if len(summaries) > 1 else f"{len(every)} missed."
    more = f" Shown: {_MOST_LISTED}." if len(every) > _MOST_LISTED else ""
    return (
        f'<p class="note">{note}{more} Boxes are x1 y1 x2 y2, in pixels.</p><div class="card scroll"><table><thead><tr>'
        f"<th>picture</th><th>class</th><th>box</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _class_names(summaries: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for each in summaries for name in each["classes"]))


def _colors(summaries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [_COLORS[number % len(_COLORS)] for number in range(len(summaries))]


def _share(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _different(summaries: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the values of each parameter, one for each of `summaries`, that all name and that is not the same in all.

    A file of an earlier version names fewer.
    """
    first, *others = (each["parameters"] for each in summaries)
    names = [name for name in first if all(name in other for other in others)]
    values = {name: [str(each["parameters"][name]) for each in summaries] for name in names}
    return {name: of_name for name, of_name in values.items() if len(set(of_name)) > 1}


def _interval(value: Sequence[float] | None) -> str:
    return "not known" if value is None else f"{value[0]:.2f} to {value[1]:.2f}"


def _threshold(value: float | None) -> str:
    return "none: every detection" if value is None else f"{value:g}"


def _bar(value: float | None, color: str) -> str:
    return f'<span class="bar"><i style="width:{100 * (value or 0):.1f}%;background:{color}"></i></span>'
