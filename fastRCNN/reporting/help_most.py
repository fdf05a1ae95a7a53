"""The report's section "What would help most": what AP is lost to, and what is usually done about it."""

from html import escape

import numpy as np

from fastRCNN.evaluation.error_analysis import ErrorAnalysis

# kind -> what it is, what helps
WORDS = {
    "class": (
        "taken for another class",
        "more pictures of the classes that are confused; a network that has seen more (resources/README.md)",
    ),
    "place": (
        "badly placed: near an object, overlapping it by too little",
        "more ROIs (cntk_nrRois; where fewer than that are found, a smaller grid_stepSizeRel), box regression "
        "(svm_bboxRegression)",
    ),
    "both": ("near an object of another class", "what helps against a wrong class and against a bad place"),
    "duplicate": ("found a second time", "a lower nmsThreshold; a higher one where objects overlap each other"),
    "background": (
        "on nothing",
        "more pictures, also without objects (negative/); a network that has seen more; classifier nn",
    ),
    "missed": (
        "missed: nothing on it or near it",
        "ROI limits that the objects fit into (B3_cntkAnalyzeInputs.py), more ROIs, B1_evaluateRois.py",
    ),
}
_NOTE = (
    "By how much mean average precision would rise if one kind of mistake were undone: wrong detections removed, moved "
    "onto their object or given its class; missed objects not asked for. Every ROI ranks for every class, as for the "
    "average precision below. The numbers do not add up: undoing one kind can make room for what another one hides."
)


def help_section(errors: ErrorAnalysis) -> str:
    """Return the section's HTML: the kinds of mistakes, the costliest first."""
    means = errors.mean_gains()
    rows = "".join(
        f'<tr><td class="wide"><b>{escape(WORDS[kind][0])}</b><br>{escape(WORDS[kind][1])}</td>'
        f"<td>{_bar(means[kind])}{means[kind]:.3f}</td>"
        f'<td class="wide">{escape(_worst_classes(errors, kind))}</td></tr>'
        for kind in sorted(means, key=lambda kind: -means[kind])
    )
    return (
        f'<p class="note">{escape(_NOTE)}</p><div class="card scroll"><table><thead><tr>'
        "<th>mistake, and what often helps</th><th>mAP lost</th><th>most in</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _worst_classes(errors: ErrorAnalysis, kind: str) -> str:
    """Return up to three classes that lose most to a kind of mistake."""
    gains = np.nan_to_num(errors.gains[kind])
    order = [number for number in np.argsort(-gains, kind="stable")[:3] if gains[number] >= 0.001]
    return ", ".join(f"{errors.class_names[number + 1]} {gains[number]:.3f}" for number in order)


def _bar(value: float) -> str:
    return f'<span class="bar"><i style="width:{100 * min(max(value, 0), 1):.1f}%;background:var(--accent)"></i></span>'
