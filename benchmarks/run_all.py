"""Runs the benchmarks one after the other and writes their tables to benchmarks/README.md, a summary first.

    python3 run.py bench                         all of them, about a quarter of an hour on two quiet cores
    python3 run.py bench --photos DIR            steps and proposals on DIR/data/groceryPhotos too
    python3 run.py bench proposals nms           some of them, printed only

Each program times us and a peer in the same run, on the same inputs, and says what is not installed. A program that is
missing or fails is named as not measured, and the exit status is 1. OpenCV contrib and dlib are measured where they are
installed: python3 benchmarks/install_peers.py; CNTK 2.7: python3 resources/install_cntk.py.
"""

import argparse
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from benchmarks.timing import SUMMARY, markdown_table  # noqa: E402
from helpers.artifacts import atomic_write  # noqa: E402


class Benchmark(NamedTuple):
    """A program and what it compares."""

    title: str
    program: str
    arguments: tuple[str, ...] = ()

    def command(self, shown: bool = False) -> list[str]:
        """Return what to type, or with `shown` what to print of it: a folder of this machine says nothing elsewhere."""
        arguments = ["DIR" if shown and Path(one).is_absolute() else one for one in self.arguments]
        return [f"benchmarks/{self.program}.py", *arguments]


class Result(NamedTuple):
    """What became of a benchmark."""

    benchmark: Benchmark
    text: str  # markdown, or why there is none
    summaries: list[list[str]]  # rows of the table at the top
    failed: bool


BENCHMARKS = {
    "steps": Benchmark("Steps 1 to 5", "bench_steps"),
    "proposals": Benchmark("Proposals: Selective Search beside its peers", "bench_proposals"),
    "embeddings": Benchmark("Embeddings: step 3 beside plain PyTorch", "bench_embeddings"),
    "cntk": Benchmark("Embeddings: step 3 beside CNTK 2.7", "bench_cntk"),
    "svm": Benchmark("SVM training: step 4 beside liblinear as the tutorial calls it", "bench_svm"),
    "svm-random": Benchmark(
        "SVM training, on embeddings of random filters", "bench_svm", ("--random", "--rois", "200", "2000")
    ),
    "nms": Benchmark("Non-maximum suppression", "bench_nms"),
    "evaluation": Benchmark("Evaluation beside pycocotools", "bench_evaluation"),
    "scoring": Benchmark("Scoring one picture", "bench_scoring"),
    "growth": Benchmark("How the steps grow", "bench_steps", ("--growth", "--rounds", "1")),
}
ON_PHOTOS = ("steps", "proposals")  # measured on the tutorial's photos too
INTRODUCTION = """# Benchmarks

Each program times this project and a peer in one run: same inputs, taking turns, warm, medians. What counts are the
ratios; the times are those of one machine ({machine}, {system}, Python {python}). CPU means processor time, all threads
together. "grows as n^p": the power of the size that fits the times best. Made by `python3 run.py bench`; OpenCV contrib
and dlib are measured where `python3 benchmarks/install_peers.py` has put them.
"""


def main() -> int:
    """Run what is asked for; 1 if a benchmark is missing or failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="also measure on DIR/data/groceryPhotos")
    parser.add_argument("--output", type=Path, default=FOLDER / "README.md", help="where the tables of all go")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    chosen = with_photos({name: BENCHMARKS[name] for name in options.names or BENCHMARKS}, options.photos)
    results = []
    for number, benchmark in enumerate(chosen, 1):
        say(f"[{number}/{len(chosen)}] {' '.join(benchmark.command())}")
        begin = time.monotonic()
        results.append(run(benchmark))
        print(f"\n{section(results[-1])}", flush=True)
        say(f"[{number}/{len(chosen)}] {time.monotonic() - begin:.0f} s")
    if not options.names:
        with atomic_write(options.output) as temporary:
            temporary.write_text(page(results), encoding="utf-8")
        say(f"wrote {options.output}")
    failed = [result.benchmark.program for result in results if result.failed]
    if failed:
        say(f"Not measured: {', '.join(failed)}")
    return 1 if failed else 0


def with_photos(chosen: dict[str, Benchmark], photos: Path | None) -> list[Benchmark]:
    """Return the benchmarks to run; with `photos`, those of `ON_PHOTOS` once more, there."""
    benchmarks = []
    for name, benchmark in chosen.items():
        benchmarks.append(benchmark)
        if photos is not None and name in ON_PHOTOS:
            place = ("--root", str(photos.resolve()), "--dataset", "groceryPhotos")
            benchmarks.append(Benchmark(f"{benchmark.title}, on the tutorial's photos", benchmark.program, place))
    return benchmarks


def run(benchmark: Benchmark, folder: Path = FOLDER) -> Result:
    """Run a program of `folder`; what it says on standard error appears as it comes."""
    program = folder / f"{benchmark.program}.py"
    if not program.is_file():
        return Result(benchmark, "Not measured: the program is not there.", [], True)
    command = [sys.executable, str(program), *benchmark.arguments]
    said: list[str] = []
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, errors="replace") as process:
        listener = threading.Thread(target=listen, args=(process.stderr, said))
        listener.start()
        output = process.stdout.read() if process.stdout else ""
        listener.join()
    if process.returncode != 0:
        reason = said[-1].removeprefix("error: ") if said else f"exit status {process.returncode}"
        return Result(benchmark, f"Not measured: {reason.rstrip('.')}.", [], True)
    text, summaries = taken_apart(output)
    return Result(benchmark, text, summaries, False)


def listen(stream: IO[str], said: list[str]) -> None:
    """Pass the lines of `stream` on to the terminal; those with something in them are kept in `said`."""
    for line in stream:
        sys.stderr.write(line)
        sys.stderr.flush()
        if line.strip():
            said.append(line.strip())


def taken_apart(output: str) -> tuple[str, list[list[str]]]:
    """Return what a program printed without its lines for the summary, and those as rows of cells."""
    lines = output.splitlines()
    rows = [line.removeprefix(SUMMARY).split(" | ") for line in lines if line.startswith(SUMMARY)]
    return "\n".join(line for line in lines if not line.startswith(SUMMARY)).strip(), rows


def section(result: Result) -> str:
    """Return the section of a benchmark; text that holds no markdown table stays as it was printed."""
    plain = not result.failed and "| --- |" not in result.text
    fence = "```\n" if plain else ""
    command = " ".join(result.benchmark.command(shown=True))
    return f"## {result.benchmark.title}\n\n`{command}`\n\n{fence}{result.text}\n{fence}"


def page(results: Sequence[Result]) -> str:
    """Return the whole page: introduction, summary, sections."""
    rows = [row for result in results for row in result.summaries]
    introduction = INTRODUCTION.format(
        machine=platform.machine(), system=platform.system(), python=platform.python_version()
    )
    parts = [introduction]
    if rows:
        parts.append(markdown_table(["what", "peer", "ours", "times as fast"], rows) + "\n")
    return "\n".join([*parts, *map(section, results)])


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
