#!/usr/bin/env python3
"""Set up and run the whole tutorial. Nothing but Python 3.10 or newer has to be there beforehand.

  python3 run.py                    set up, then steps 1 to 6 on the bundled pictures
  python3 run.py --from 3 --to 5    some of the steps
  python3 run.py test               set up, then lint, types and tests; further arguments go to pytest
  python3 run.py bench              set up, then the benchmarks; further arguments go to them

Set-up makes the virtual environment .venv with the packages of requirements.txt, once, and again when that file or
the Python changes. Every other option goes to each step as it stands, for example
  --dataset NAME   --root DIR   --classifier nn   --set cntk_nrRois=2000   --seed 1   --jobs 2
(all of them: .venv/bin/python 1_computeRois.py --help; all parameters: PARAMETERS.py).
Exit status: 0 done, 1 failed, 2 wrong usage, or what the step that failed returned.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

if sys.version_info < (3, 10):  # noqa: UP036 - reached by an older Python, as what stands above suits it too
    sys.exit("This tutorial needs Python 3.10 or newer, this is {}.{}. ".format(*sys.version_info)
             + "Start it with a newer one, for example: python3.12 run.py")  # fmt: skip

from helpers.endings import outcome_of
from helpers.errors import UserError
from helpers.image_files import EXTENSIONS, find_images
from helpers.processes import call, shown, typed
from helpers.virtual_environment import set_up

REPOSITORY = Path(__file__).resolve().parent
STEPS = (  # number, script, what it does, what it writes
    (1, "1_computeRois.py", "find regions that may hold an object", "{proc}/rois"),
    (2, "2_cntkGenerateInputs.py", "write the network's inputs", "{proc}/cntkFiles"),
    (3, "3_runCntk.py", "run the network on every region", "{proc}/cntkFiles/*_{classifier}_parsed"),
    (4, "4_trainSvm.py", "train a support vector machine per class", "{proc}/trainedSvm"),
    (5, "5_evaluateResults.py", "measure the average precision", "{results}/evaluation_{image_set}_{classifier}.json"),
    (5, "5_visualizeResults.py", "draw the detections, write the report", "{results}"),
    (6, "6_scoreImage.py", "score one picture", "{results}/scored"),
)
# Prints what run.py must know of the parameters; options of single steps are left to these.
ASK_PARAMETERS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from helpers.console import run_script
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from PARAMETERS import get_parameters, make_parser
parser = make_parser("")
parser.add_argument("--image-set", default="test")
parser.parse_args = lambda argv: parser.parse_known_args(argv)[0]
def main():
    p = get_parameters(sys.argv[2:], parser)
    print(json.dumps([p.datasetName, str(p.root), p.classifier, p.image_set,
                      [number for number, stage in ((1, "rois"), (2, "inputs"), (4, "svm"))
                       if CLASSIFIERS[p.classifier].does_without(stage)]]))
run_script(main)
"""


class Run(NamedTuple):
    """A command line, taken apart."""

    command: str  # "steps", "test" or "bench"
    first: int
    last: int
    options: list[str]  # for the steps, pytest or the benchmarks


class Place(NamedTuple):
    """Where the steps of a run read and write."""

    dataset: str
    root: Path
    classifier: str
    image_set: str
    without: list[int]  # steps that have nothing to do

    @property
    def results(self) -> Path:
        """The folder of what the reader looks at."""
        return self.root / "results" / self.dataset

    def fill(self, text: str) -> str:
        """Fill the names of `STEPS` into `text`."""
        proc = self.root / "proc" / self.dataset
        return text.format(
            proc=shown(proc), results=shown(self.results), classifier=self.classifier, image_set=self.image_set
        )


def main(argv: Sequence[str]) -> int:
    """Run what `argv` asks for and return the exit status."""
    status, message = outcome_of(lambda: run_command(argv))
    if message:
        print(f"\n{message}", file=sys.stderr, flush=True)
    return status


def run_command(argv: Sequence[str]) -> int:
    """Do what `argv` asks for."""
    begin = time.monotonic()
    run = parse(argv)
    if run is None:
        print(__doc__)
        return 0
    python = set_up(REPOSITORY)
    if run.command == "test":
        return run_tests(python, run.options)
    if run.command == "bench":
        return run_benchmarks(python, run.options)
    place = ask_parameters(python, run.options)
    run_steps(python, run, place)
    print(summary(place, time.monotonic() - begin), flush=True)
    return 0


def parse(argv: Sequence[str]) -> Run | None:
    """Take the command line apart; None: help is wanted."""
    rest = list(argv)
    if rest and rest[0] in ("test", "bench"):
        return Run(rest[0], 1, 6, rest[1:])
    if "-h" in rest or "--help" in rest:
        return None
    bounds = {"--from": 1, "--to": 6}
    options: list[str] = []
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name in bounds:
            value = value if equals else rest.pop(0) if rest else ""
            if value not in ("1", "2", "3", "4", "5", "6"):
                raise UserError(f"{name} {value}: expected the number of a step, 1 to 6", 2)
            bounds[name] = int(value)
        elif not options and not name.startswith("-"):
            raise UserError(f"{name}: no such command; expected test, bench or an option (python3 run.py --help)", 2)
        else:
            options.append(name + equals + value)
    if bounds["--from"] > bounds["--to"]:
        raise UserError(f"--from {bounds['--from']} --to {bounds['--to']}: there is no step between", 2)
    return Run("steps", bounds["--from"], bounds["--to"], options)


def run_steps(python: Path, run: Run, place: Place) -> None:
    """Run each numbered script from `run.first` to `run.last` as its own process; stop at the first that fails."""
    for number, script, purpose, written in STEPS:
        if not run.first <= number <= run.last:
            continue
        command = [python, REPOSITORY / script, *step_arguments(script, place), *run.options]
        print(f"\n=== Step {number}: {purpose}\n$ {typed(command)}", flush=True)
        begin = time.monotonic()
        status = call(command)
        if status != 0:
            again = typed(["python3", REPOSITORY / "run.py", "--from", str(number), *to_option(run.last), *run.options])
            raise UserError(
                f"Step {number} ({script}) failed with exit status {status}; its message is above. "
                f"Mend that, then continue with:\n  {again}",
                status if status > 0 else 1,
            )
        outcome = "" if number in place.without else f", wrote {place.fill(written)}"
        print(f"=== Step {number}: {time.monotonic() - begin:.1f} s{outcome}", flush=True)


def to_option(last: int) -> list[str]:
    """--to, where it says something."""
    return [] if last == 6 else ["--to", str(last)]


def step_arguments(script: str, place: Place) -> list[str]:
    """What a script needs besides the options of all: step 6 a picture, and places to write to."""
    if not script.startswith("6"):
        return []
    picture, scored = picture_to_score(place), place.results / "scored"
    return [shown(picture), "--json", shown(scored / f"{picture.stem}.json"), "--pictures", shown(scored)]


def picture_to_score(place: Place) -> Path:
    """Return the first test picture: of the list that step 2 wrote, whatever the layout, else of testImages/."""
    written = place.root / "proc" / place.dataset / "cntkFiles" / "test.txt"
    if written.is_file():
        with written.open(encoding="utf-8") as lines:
            fields = next(lines, "").split("\t")
        if len(fields) == 3 and Path(fields[1]).is_file():
            return Path(fields[1])
    folder = place.root / "data" / place.dataset / "testImages"
    pictures = find_images(folder)
    if not pictures:
        raise UserError(f"{folder}: step 6 scores a test picture, but there is none ({', '.join(EXTENSIONS)}).")
    return pictures[0]


def ask_parameters(python: Path, options: Sequence[str]) -> Place:
    """Return what PARAMETERS.py and `options` say about data set, folder and classifier."""
    asked = subprocess.run(
        [str(python), "-c", ASK_PARAMETERS, str(REPOSITORY), *options], stdout=subprocess.PIPE, text=True
    )
    if asked.returncode != 0:
        raise UserError("No step was run.", asked.returncode)
    dataset, root, classifier, image_set, without = json.loads(asked.stdout)
    return Place(dataset, Path(root), classifier, image_set, without)


def run_tests(python: Path, options: Sequence[str]) -> int:
    """Lint, types and tests, all of them; 1 if one failed."""
    failed = []
    for tool, *arguments in (["ruff", "check", "."], ["mypy"], ["pytest", *options]):
        print(f"\n$ {typed([python, '-m', tool, *arguments])}", flush=True)
        if call([python, "-m", tool, *arguments], REPOSITORY) != 0:
            failed.append(tool)
    if failed:
        print(f"\nFailed: {', '.join(failed)}.", file=sys.stderr, flush=True)
    return 1 if failed else 0


def run_benchmarks(python: Path, options: Sequence[str]) -> int:
    """Run all benchmarks."""
    program = REPOSITORY / "benchmarks" / "run_all.py"
    if not program.is_file():
        raise UserError(f"{program}: the benchmarks are not there.")
    return call([python, program, *options])


def summary(place: Place, seconds: float) -> str:
    """Return average precisions, in the order of step 5, where to look, and the time, as lines of text."""
    lines = [""]
    measured = place.results / f"evaluation_{place.image_set}_{place.classifier}.json"
    if measured.is_file():
        evaluation = json.loads(measured.read_text(encoding="utf-8"))
        rows = [(name, ap["ap_area"], ap["ap_11point"]) for name, ap in evaluation["classes"].items()]
        rows.append(("mAP", evaluation["mAP_area"], evaluation["mAP_11point"]))
        width = max(len(name) for name, _, _ in rows)
        lines.append(f"{'Average precision'.ljust(width)}      area  11-point")
        lines += [f"{name.ljust(max(width, 17))}  {number(area)}  {number(eleven)}" for name, area, eleven in rows]
    for name, path in (("Pictures", place.results / "visualizations"), ("Report", place.results / "report.html")):
        if path.exists():
            lines.append(f"{name + ':':<10}{shown(path)}")
    return "\n".join([*lines, f"{'Time:':<10}{seconds:.1f} s in all"])


def number(value: Any) -> str:
    """An average precision; a class without objects has none."""
    return "     n/a" if value is None or value != value else f"{value:8.3f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
