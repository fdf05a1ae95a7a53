"""The report's section "What would help most": what AP is lost to, and what is usually done about it."""

from collections.abc import Mapping
from html import escape

import numpy as np

from fastRCNN.evaluation.error_analysis import ErrorAnalysis

WORDS = {  # what each kind of mistake is
    "class": "taken for another class",
    "place": "badly placed: near an object, overlapping it by too little",
    "both": "near an object of another class",
    "duplicate": "found a second time",
    "background": "on nothing",
    "missed": "missed: nothing on it or near it",
}
_LITTLE = 0.0005  # of mAP: what costs less is not worth an advice
_NOTE = (
    "By how much mean average precision would rise if one kind of mistake were undone: wrong detections removed, moved "
    "onto their object or given its class; missed objects left out of the count. Every ROI ranks for every class, as "
    "for the average precision below. The numbers do not add up: undoing one kind can make room for what another one "
    "hides."
)
_NOTHING = (
    " Here there is nothing to gain: whatever is right scores more than whatever is wrong. False alarms below, if any, "
    "go with a higher threshold."
)


def help_section(errors: ErrorAnalysis, advice: Mapping[str, str], *, missed: int = 0, uncovered: int = 0) -> str:
    """Return the section's HTML: the kinds of mistakes, the costliest first.

    advice: kind -> what often helps; left out where a kind costs nothing. missed: how many objects are; uncovered: so
    many of them have no box on them.
    """
    means = errors.mean_gains()
    rows = "".join(
        f'<tr><td class="wide"><b>{escape(WORDS[kind])}</b>{_helps(advice.get(kind, ""), means[kind])}</td>'
        f"<td>{_bar(means[kind])}{means[kind]:.3f}</td>"
        f'<td class="wide">{escape(_worst_classes(errors, kind))}</td></tr>'
        for kind in sorted(means, key=lambda kind: -means[kind])
    )
    note = escape(_NOTE + _of_missed(missed, uncovered) + ("" if max(means.values()) >= _LITTLE else _NOTHING))
    return (
        f'<p class="note">{note}</p><div class="card scroll"><table><thead><tr>'
        "<th>mistake, and what often helps</th><th>mAP lost</th><th>most in</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _helps(text: str, gain: float) -> str:
    return f"<br>{escape(text)}" if text and gain >= _LITTLE else ""


def _of_missed(missed: int, uncovered: int) -> str:
    if not missed:
        return ""
    which = "the missed object" if missed == 1 else f"{uncovered} of the {missed} missed objects"
    if uncovered:
        return f" No box is on {which}."
    return f" A box is on {'the missed object' if missed == 1 else 'each missed object'}."


def _worst_classes(errors: ErrorAnalysis, kind: str) -> str:
    """Return up to three classes that lose most to a kind of mistake."""
    gains = np.nan_to_num(errors.gains[kind])
    order = [number for number in np.argsort(-gains, kind="stable")[:3] if gains[number] >= 0.001]
    return ", ".join(f"{errors.class_names[number + 1]} {gains[number]:.3f}" for number in order)


def _bar(value: float) -> str:
    return f'<span class="bar"><i style="width:{100 * min(max(value, 0), 1):.1f}%;background:var(--accent)"></i></span>'
