"""From the plain assignments of PARAMETERS.py and a command line to one checked dictionary."""

import argparse
import ast
import difflib
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from easydict import EasyDict

from helpers.annotations import DROPPED_LABELS
from helpers.errors import UserError, raise_collected

Limits = Mapping[str, tuple[Any, ...]]
_VALUE_TYPES = (bool, int, float, str, list, tuple, dict)
_NOT_PARAMETERS = ("overrides", "published", "limits")
MOST_SCALES = 100  # of ss_kvals; the time of a picture grows with it
REPOSITORY = Path(__file__).resolve().parent.parent
LARGEST_SEED = 2**32 - 1  # what every random generator that the steps use takes
BUNDLED_MODEL = Path("resources/cntk/AlexNet.npz")


def make_parser(description: str, *, classifiers: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return a parser with the options that all scripts share; a script adds its own to it.

    classifiers: name -> what it is, in a few words.
    """
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Without options the script does what the tutorial does. All parameters, with comments: PARAMETERS.py.",
    )
    shared = parser.add_argument_group("options of all steps")
    shared.add_argument("--dataset", metavar="NAME", help="folder below data/ (default: datasetName in PARAMETERS.py)")
    shared.add_argument("--root", type=Path, metavar="DIR", default=REPOSITORY,
                        help="folder that holds data/, proc/ and results/ (default: the repository)")  # fmt: skip
    titles = "; ".join(f"{name}: {title}" for name, title in classifiers.items())
    shared.add_argument("--classifier", choices=tuple(classifiers), help=titles)
    shared.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="assignments",
                        help="set a parameter of PARAMETERS.py, e.g. --set cntk_nrRois=2000; repeatable")  # fmt: skip
    shared.add_argument("--engine", choices=("auto", "torch", "cntk"), default="auto",
                        help="what runs the network: PyTorch (auto), or CNTK 2.7")  # fmt: skip
    shared.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto: the GPU if there is one"
    )
    shared.add_argument("--compat", choices=("corrected", "tutorial"), default="corrected",
                        help="tutorial: reproduce the published code's faults (DIFFERENCES.md)")  # fmt: skip
    shared.add_argument("--seed", type=int, default=0, metavar="N", help="seed of everything random (default: 0)")
    shared.add_argument("--jobs", type=int, default=0, metavar="N", help="threads (default: all cores)")
    shared.add_argument("--quiet", action="store_true", help="results and warnings only")
    return parser


def build_parameters(
    names: Mapping[str, Any],
    overrides: Mapping[str, Mapping[str, Any]],
    limits: Limits,
    argv: Sequence[str],
    parser: argparse.ArgumentParser,
    *,
    published: Mapping[str, Mapping[str, Any]] | None = None,
) -> EasyDict:
    """Return the parameters and options for `argv` as one `EasyDict`.

    Parameters
    ----------
    names : the globals of PARAMETERS.py; what is a number, text, list, tuple or dictionary is a parameter
    overrides : values for data sets, by their names
    limits : (smallest, largest) of a number, behind them words that may stand for one; or the choices of a text; or
        words and behind them [smallest, largest] of the numbers in a list that they stand for
    argv : command line without the program's name
    parser : from `make_parser`, with the script's own options added
    published : with `--compat tutorial`, numbers in place of words and overrides, by data set ("": all others)

    Later ones win: base values, overrides of the data set, `published`, `--set`, the options `--dataset` and
    `--classifier`. `overridden` in the result are the names of what an override gave its value, `given` of what the
    command line did.
    Raises `UserError` that lists every unknown name, wrong type and value out of range; argparse leaves with 2 for
    wrong usage.
    """
    options = parser.parse_args(argv)
    base = {
        name: value
        for name, value in names.items()
        if isinstance(value, _VALUE_TYPES) and not name.startswith("_") and name not in _NOT_PARAMETERS
    }
    given = _parse_assignments(options.assignments, base, limits)
    for option, name in (("dataset", "datasetName"), ("classifier", "classifier")):
        if getattr(options, option) is not None:
            given[name] = getattr(options, option)
    dataset = str(given.get("datasetName", base["datasetName"]))
    chosen = overrides.get(dataset, {})
    merged = {**base, **chosen}
    if options.compat == "tutorial" and published:
        numbers = published.get(dataset, published.get("", {}))
        merged |= {name: number for name, number in numbers.items() if name in chosen or isinstance(merged[name], str)}
    merged |= given
    for name, value in base.items():  # a dictionary's given entries replace those of the same key, the others stay
        if isinstance(value, dict) and isinstance(merged[name], Mapping):
            merged[name] = {**value, **merged[name]}
    faults = [fault for name, value in merged.items() if (fault := _fault(name, value, base, limits))]
    faults += _relations(merged, limits)
    if options.compat == "tutorial" and merged["cntk_tiles"] != 1:
        faults.append(f"cntk_tiles = {merged['cntk_tiles']!r}: --compat tutorial knows no tiles, as published")
    if options.jobs < 0:
        faults.append(f"--jobs {options.jobs}: expected a number of threads, or 0 for all cores")
    if not 0 <= options.seed <= LARGEST_SEED:
        faults.append(f"--seed {options.seed}: expected a whole number from 0 to {LARGEST_SEED}")
    raise_collected(faults, "wrong parameter(s):", "See PARAMETERS.py, or --set on the command line.")

    result = EasyDict({name: _like(base[name], value) for name, value in merged.items()})
    for name, value in vars(options).items():
        if name not in ("dataset", "classifier", "assignments"):
            result[name] = value
    result.given = sorted(given)
    result.overridden = [name for name in chosen if name not in given]
    result.root = options.root.resolve()
    result.engine = "torch" if options.engine == "auto" else options.engine
    result.jobs = options.jobs if options.jobs > 0 else len(_usable_cores())
    result.cntk_model = _model_path(result.cntk_model)
    return result


def _parse_assignments(assignments: Sequence[str], base: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """Return the `--set` values; text needs no quotes."""
    given = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UserError(f"--set {assignment}: expected NAME=VALUE")
        if name not in base:
            near = difflib.get_close_matches(name, base, n=1)
            raise UserError(f"--set {name}: no such parameter{f'; did you mean {near[0]}?' if near else ''}")
        allowed = limits.get(name, ())
        if isinstance(base[name], str) and not _number_or_word(allowed) and not _list_or_word(allowed):
            given[name] = text
            continue
        try:
            given[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            given[name] = text
    return given


def _fault(name: str, value: Any, base: Mapping[str, Any], limits: Limits) -> str:
    """Return what is wrong with `value`, or ""."""
    if name not in base:
        return f"{name}: no such parameter (in the overrides of PARAMETERS.py)"
    allowed = limits.get(name, ())
    if words := _number_or_word(allowed):
        low, high = allowed[:2]
        if value in words or (_is_number(value) and low <= value <= high):
            return ""
        return f"{name} = {value!r}: expected a number from {low:g} to {high:g}, or {' or '.join(map(repr, words))}"
    if bounds := _list_or_word(allowed):
        low, high = bounds
        numbers = isinstance(value, (list, tuple)) and all(_is_number(each) and low <= each <= high for each in value)
        if value in allowed[:-1] or (numbers and value):
            return ""
        either = " or ".join(map(repr, allowed[:-1]))
        return f"{name} = {value!r}: expected {either}, or a list of numbers from {low:g} to {high:g}"
    if not _same_type(base[name], value):
        return f"{name} = {value!r}: expected {_type_name(base[name])}, like {base[name]!r}"
    if not allowed:
        return ""
    if isinstance(value, str):
        return "" if value in allowed else f"{name} = {value!r}: expected one of {', '.join(map(repr, allowed))}"
    low, high = allowed
    return "" if low <= value <= high else f"{name} = {value!r}: expected a value from {low} to {high}"


def _number_or_word(allowed: tuple[Any, ...]) -> tuple[str, ...]:
    """Return the words that may stand for a number, of what `limits` have for a parameter: most have none."""
    return allowed[2:] if allowed and _is_number(allowed[0]) else ()


def _list_or_word(allowed: tuple[Any, ...]) -> list[float]:
    """Return the smallest and the largest number in a list that a word may stand for; [] for other parameters."""
    return allowed[-1] if allowed and isinstance(allowed[-1], list) else []


def _relations(merged: Mapping[str, Any], limits: Limits) -> list[str]:
    """Return the faults that concern several parameters or the items of a list."""
    faults = []
    for low, high in (("roi_minDimRel", "roi_maxDimRel"), ("roi_minNrPixelsRel", "roi_maxNrPixelsRel")):
        if _is_number(merged[low]) and _is_number(merged[high]) and merged[low] > merged[high]:
            faults.append(f"{low} = {merged[low]} is greater than {high} = {merged[high]}: no ROI could pass")
    edges = merged["roi_sizeGroups"]
    if isinstance(edges, (list, tuple)) and all(map(_is_number, edges)) and list(edges) != sorted(set(edges)):
        faults.append(f"roi_sizeGroups = {edges!r}: expected edges from small to large")
    if merged["cntk_padWidth"] != merged["cntk_padHeight"]:
        faults.append(
            f"cntk_padWidth = {merged['cntk_padWidth']} and cntk_padHeight = {merged['cntk_padHeight']} differ"
        )
    if _is_number(merged["cntk_tiles"]) and merged["cntk_tiles"] != int(merged["cntk_tiles"]):
        faults.append(f"cntk_tiles = {merged['cntk_tiles']}: expected a whole number, or 'auto'")
    for name in (
        "grid_aspectRatios", "cntk_lr_per_image", "rpn_anchorRatios", "faster_lr_per_image", "faster_rpn_lr_per_image",
        "faster_detector_lr_per_image",
    ):  # fmt: skip
        values = merged[name]
        if isinstance(values, (list, tuple)) and not (values and all(_is_number(v) and v > 0 for v in values)):
            faults.append(f"{name} = {values!r}: expected positive numbers")
    if merged["rpn_negativeOverlap"] > merged["rpn_positiveOverlap"]:
        faults.append(
            f"rpn_negativeOverlap = {merged['rpn_negativeOverlap']} is greater than rpn_positiveOverlap = "
            f"{merged['rpn_positiveOverlap']}: anchors between would be both"
        )
    if merged["faster_backgroundOverlap"] >= merged["faster_foregroundOverlap"]:
        faults.append(
            f"faster_backgroundOverlap = {merged['faster_backgroundOverlap']} is not below faster_foregroundOverlap = "
            f"{merged['faster_foregroundOverlap']}: no proposal could be background"
        )
    classifiers = limits["classifier"]
    for name in ("scoreThresholds", "vis_decisionThresholds"):
        thresholds = merged[name]
        if isinstance(thresholds, Mapping) and not (
            set(thresholds) <= set(classifiers)
            and all(value is None or _is_number(value) for value in thresholds.values())
        ):
            faults.append(
                f"{name} = {thresholds!r}: expected a number or None for " + " and ".join(map(repr, classifiers))
            )
    of_classes = merged["nmsThresholds"]
    if isinstance(of_classes, Mapping) and not all(
        isinstance(label, str) and _is_number(value) and 0 <= value <= 1 for label, value in of_classes.items()
    ):
        faults.append(f"nmsThresholds = {of_classes!r}: expected names of classes, and numbers from 0 to 1")
    ranks = merged["cntk_svdRanks"]
    if isinstance(ranks, (list, tuple)) and not (
        len(ranks) in (0, 2) and all(type(rank) is int and rank >= 0 for rank in ranks)
    ):
        faults.append(f"cntk_svdRanks = {ranks!r}: expected [], or whole numbers for fc6 and fc7, like [1024, 256]")
    hidden = merged["faster_hiddenLayers"]
    if isinstance(hidden, (list, tuple)) and not all(type(width) is int and 1 <= width <= 100_000 for width in hidden):
        faults.append(f"faster_hiddenLayers = {hidden!r}: expected [], or whole numbers from 1 to 100000, like [256]")
    kvals = merged["ss_kvals"]
    if isinstance(kvals, (list, tuple)) and not (
        len(kvals) == 3
        and all(map(_is_number, kvals))
        and 0 < kvals[0] <= kvals[1] < math.inf
        and 1 <= kvals[2] <= MOST_SCALES
        and kvals[2] == int(kvals[2])
    ):
        faults.append(
            f"ss_kvals = {kvals!r}: expected (start, end, number) with 0 < start <= end and a whole number of scales "
            f"from 1 to {MOST_SCALES}"
        )
    labels = merged["classes"]
    if isinstance(labels, (list, tuple)):
        if not all(isinstance(label, str) and label.strip() == label and label for label in labels):
            faults.append(f"classes = {labels!r}: expected names without spaces at their ends")
        elif len(set(labels)) < len(labels) or "__background__" in labels:
            faults.append(f"classes = {labels!r}: expected different names, without __background__ (it is added)")
        elif dropped := [label for label in DROPPED_LABELS if label in labels]:
            faults.append(f"classes = {labels!r}: {dropped[0]} is no class: boxes with this label count neither way")
    if not merged["datasetName"] or Path(str(merged["datasetName"])).name != merged["datasetName"]:
        faults.append(f"datasetName = {merged['datasetName']!r}: expected the name of a folder below data/")
    return faults


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _same_type(like: Any, value: Any) -> bool:
    if isinstance(like, bool) or isinstance(value, bool):
        return isinstance(like, bool) and isinstance(value, bool)
    if isinstance(like, float):
        return _is_number(value)
    if isinstance(like, (list, tuple)):
        return isinstance(value, (list, tuple))
    return isinstance(value, type(like))


def _like(like: Any, value: Any) -> Any:
    """Return `value` in the type of the base value, so that 2 and 2.0 leave the same stamp."""
    return float(value) if isinstance(like, float) or (isinstance(like, str) and _is_number(value)) else value


def _type_name(like: Any) -> str:
    names = {bool: "True or False", int: "a whole number", float: "a number", str: "text", dict: "a dictionary"}
    return names.get(type(like), "a list")


def _usable_cores() -> set[int]:
    """The cores that this process may use: in a container often fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _model_path(given: str) -> str:
    """Return the weight file: the given one, else the bundled one where there is one, else ""."""
    if given:
        path = Path(given).expanduser()
        if not path.is_file():
            raise UserError(f"cntk_model = {given!r}: no such file. Leave it empty for the bundled network")
        return str(path.resolve())
    bundled = REPOSITORY / BUNDLED_MODEL
    return str(bundled) if bundled.is_file() else ""
