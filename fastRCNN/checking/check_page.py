"""The page on a data set, in the style of the report, and the same as data for programs.

No date is written, so the same data set gives the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from fastRCNN.checking.examination import Objects, recall_per_class
from fastRCNN.datasets.annotation_statistics import PERCENTILES, box_statistics
from fastRCNN.datasets.findings import Finding
from fastRCNN.datasets.imdb import Dataset
from fastRCNN.reporting.style import PAGE, STYLE
from fastRCNN.reporting.tiles import Tile, tile_html

_SHOWN = 50  # places of a finding on the page; the JSON file has all


@dataclass(frozen=True, eq=False)
class Check:
    """All that is known of a data set. faults stop the steps; without them there are image sets and objects.

    tiles: doubtful objects. sheets: files of contact sheets by class, beside the page.
    """

    name: str
    faults: Sequence[Finding]
    findings: Sequence[Finding] = ()
    datasets: Mapping[str, Dataset] = field(default_factory=dict)
    objects: Objects | None = None
    tiles: Sequence[Tile] = ()
    sheets: Mapping[str, Sequence[Path]] = field(default_factory=dict)


def as_data(check: Check) -> dict[str, Any]:
    """Return the content of check.json: numbers are numbers, boxes x1 y1 x2 y2."""
    classes = check.datasets["train"].classes if check.datasets else ()
    content: dict[str, Any] = {
        "dataset": check.name,
        "faults": [_finding_data(each) for each in check.faults],
        "warnings": [_finding_data(each) for each in check.findings],
        "image_sets": {
            image_set: {"pictures": len(dataset), "objects": dataset.objects_per_class()}
            for image_set, dataset in check.datasets.items()
        },
    }
    if check.objects is not None:
        content["object_sizes"] = {
            name: dict(zip(map(str, PERCENTILES), values, strict=True)) for name, values in _percentiles(check.objects)
        }
        content["proposal_recall"] = {
            name: {"objects": count, "0.5": half, "0.7": more}
            for name, (count, half, more) in recall_per_class(check.objects, classes).items()
        }
        content["unlike_their_class"] = [
            {"picture": check.objects.records[each.number].key, "box": check.objects.boxes[each.number].tolist(),
             "label": classes[each.label], "resembles": classes[each.resembles], "own": round(each.own, 4),
             "other": round(each.other, 4)} for each in check.objects.unlike
        ]  # fmt: skip
    return content


def check_page(check: Check) -> str:
    """Return the HTML page."""
    sections = [
        ("faults", f"Faults ({sum(len(each.places) for each in check.faults)})", _findings(check.faults, "None.")),
        ("warnings", f"Doubts ({sum(len(each.places) for each in check.findings)})",
         _findings(check.findings, "None.")),
    ]  # fmt: skip
    if check.objects is not None:
        sections += [
            ("labels", "Objects that look unlike the rest of their class", _tiles(check)),
            ("counts", "Pictures and objects", _counts(check)),
            ("sizes", "Sizes of the objects", _sizes(check.objects)),
            ("recall", "Objects covered by ROIs", _recall(check)),
            ("sheets", "All objects", _sheets(check)),
        ]
    return PAGE.format(
        title=escape(f"{check.name} – check"),
        heading=escape(f"{check.name}: the data set"),
        lead="What would stop the steps, what would spoil a result, and what there is.",
        links="".join(f'<a href="#{key}">{escape(name)}</a>' for key, name, _ in sections),
        style=STYLE,
        sections="\n".join(
            f'<section id="{key}"><h2>{escape(name)}</h2>{body}</section>' for key, name, body in sections
        ),
        footer="Written by B0_checkDataset.py. check.json beside this page holds the same as data.",
    )


def _finding_data(finding: Finding) -> dict[str, Any]:
    return {"kind": finding.kind, "advice": finding.advice, "places": list(finding.places)}


def _findings(findings: Sequence[Finding], nothing: str) -> str:
    if not findings:
        return f'<p class="note">{nothing}</p>'
    parts = []
    for each in findings:
        more = f"<li>… and {len(each.places) - _SHOWN} more</li>" if len(each.places) > _SHOWN else ""
        places = "".join(f"<li>{escape(place)}</li>" for place in each.places[:_SHOWN]) + more
        parts.append(
            f'<div class="card" style="margin:14px 0"><b>{len(each.places)} {escape(each.kind)}</b>'
            f'<p class="note">{escape(each.advice)}</p>'
            f"<details{' open' if len(each.places) <= 5 else ''}><summary>where</summary><ul>{places}</ul></details>"
            "</div>"
        )
    return "".join(parts)


def _tiles(check: Check) -> str:
    note = (
        "By the network's numbers for each object: the five of each class that resemble the rest of it least, in the "
        "order of how much more they resemble another class. Wrong labels are among the first."
    )
    if not check.tiles:
        return (
            '<p class="note">None: not looked for (--fast), a single class, or too few objects of each to compare.</p>'
        )
    tiles = "".join(tile_html(tile, "square", quality=82) for tile in check.tiles)
    return f'<p class="note">{escape(note)}</p><div class="tiles">{tiles}</div>'


def _counts(check: Check) -> str:
    counts = {name: dataset.objects_per_class() for name, dataset in check.datasets.items()}
    ignored = {name: sum(len(record.ignored_boxes) for record in of) for name, of in check.datasets.items()}
    rows = [["pictures", *(len(dataset) for dataset in check.datasets.values())]]
    rows += [[name, *(of[name] for of in counts.values())] for name in check.datasets["train"].classes[1:]]
    rows.append(["ignored boxes", *ignored.values()])
    return _table(["", *check.datasets], rows)


def _sizes(objects: Objects) -> str:
    columns = dict(_percentiles(objects))
    rows = [
        [f"{percentile} %", *(f"{values[at]:.3g}" for values in columns.values())]
        for at, percentile in enumerate(PERCENTILES)
    ]
    return _table(["percentile", *columns], rows) if len(objects.boxes) else '<p class="note">No object.</p>'


def _percentiles(objects: Objects) -> list[tuple[str, list[float]]]:
    if len(objects.boxes) == 0:
        return []
    longest = [max(record.width, record.height) for record in objects.records]
    columns = box_statistics(objects.boxes, longest).columns()
    return [(name, [float(value) for value in np.percentile(values, PERCENTILES)]) for name, values in columns.items()]


def _recall(check: Check) -> str:
    assert check.objects is not None
    found = recall_per_class(check.objects, check.datasets["train"].classes)
    rows = [[name, count, f"{half:.3f}", f"{more:.3f}"] for name, (count, half, more) in found.items()]
    return _table(["class", "objects", "overlap 0.5", "overlap 0.7"], rows)


def _sheets(check: Check) -> str:
    parts = []
    for name, paths in check.sheets.items():
        images = "".join(
            f'<img loading="lazy" style="max-width:100%" src="check/{path.name}" alt="{escape(name)}">'
            for path in paths
        )
        parts.append(
            f'<figure class="card" style="margin:14px 0"><figcaption>{escape(name)}</figcaption>{images}</figure>'
        )
    return '<p class="note">Red frames: objects that look more like another class.</p>' + "".join(parts)


def _table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in headers)
    body = "".join(
        f"<tr><th>{escape(str(row[0]))}</th>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row[1:]) + "</tr>"
        for row in rows
    )
    return f'<div class="card scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
