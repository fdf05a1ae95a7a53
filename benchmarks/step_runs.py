"""Running the steps on data sets made for a measurement: folders of links, the scripts one after the other, the result.

A data set keeps its name, and so its values in PARAMETERS.py: each measurement has a root folder of its own instead.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from helpers.annotations import boxes_path, labels_path

REPOSITORY = Path(__file__).resolve().parent.parent
STEPS = ("1_computeRois", "2_cntkGenerateInputs", "3_runCntk", "4_trainSvm", "5_evaluateResults")


@dataclass(frozen=True)
class Outcome:
    """Mean average precision on the test pictures, by both metrics, and the seconds of processor of each step.

    Seconds of processor, all threads of a step together, are what a busy machine changes least.
    """

    area: float
    eleven: float
    seconds: list[float]


def link_pictures(folder: Path, pictures: Iterable[Path]) -> None:
    """Link `pictures`, and the annotations beside them, into `folder`, which is made; links that are there stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        for path in (picture, boxes_path(picture), labels_path(picture)):
            link = folder / path.name
            if path.exists() and not link.exists():
                link.symlink_to(path.resolve())


def run_steps(
    root: Path, dataset: str, options: Sequence[str], *, classifier: str = "svm", steps: Sequence[str] = STEPS
) -> Outcome:
    """Run `steps` on `dataset` below `root`, each in a process of its own, and return what the last one measured."""
    seconds = []
    common = ["--quiet", "--root", str(root), "--dataset", dataset, "--classifier", classifier, *options]
    for step in steps:
        start = _children_seconds()
        subprocess.run([sys.executable, str(REPOSITORY / f"{step}.py"), *common], check=True, stdout=subprocess.DEVNULL)
        seconds.append(round(_children_seconds() - start, 2))
    path = root / "results" / dataset / f"evaluation_test_{classifier}.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    return Outcome(result["mAP_area"], result["mAP_11point"], seconds)


def _children_seconds() -> float:
    """Return the seconds of processor of all processes that this one has waited for."""
    times = os.times()
    return times.children_user + times.children_system
