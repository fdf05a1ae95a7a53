"""Runs the benchmarks one after the other and writes their tables to benchmarks/README.md.

    python3 run.py bench                         all of them, some minutes
    python3 run.py bench proposals nms           some of them, printed only

Each program times us and a peer in the same run, on the same inputs, and says what is not installed.
"""

import argparse
import platform
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from helpers.artifacts import atomic_write  # noqa: E402

BENCHMARKS = {  # name -> what it compares, and options
    "proposals": ("Proposals: Selective Search beside its peers", []),
    "embeddings": ("Embeddings: step 3 beside plain PyTorch", []),
    "cntk": ("Embeddings: step 3 beside CNTK 2.7", []),
    "svm": ("SVM training: step 4 beside liblinear as the tutorial calls it", ["--rois", "200"]),
    "nms": ("Non-maximum suppression", []),
    "evaluation": ("Evaluation beside pycocotools", []),
}


def main() -> int:
    """Run what is asked for; 1 if a benchmark failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    options = parser.parse_args()
    if unknown := set(options.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    sections, failed = [], []
    for name in options.names or BENCHMARKS:
        title, arguments = BENCHMARKS[name]
        print(f"\n## {title}\n", flush=True)
        run = subprocess.run(
            [sys.executable, str(FOLDER / f"bench_{name}.py"), *arguments], stdout=subprocess.PIPE, text=True
        )
        text = run.stdout.strip() if run.returncode == 0 else "not measured: the program failed"
        print(text, flush=True)
        command = " ".join([f"benchmarks/bench_{name}.py", *arguments])
        fence = "" if "| --- |" in text else "```\n"  # what is no markdown stays as it was printed
        sections.append(f"## {title}\n\n`{command}`\n\n{fence}{text}\n{fence}")
        if run.returncode != 0:
            failed.append(name)
    if not options.names and not failed:
        with atomic_write(FOLDER / "README.md") as temporary:
            temporary.write_text(introduction() + "\n" + "\n".join(sections), encoding="utf-8")
    if failed:
        print(f"\nFailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def introduction() -> str:
    """Return how the tables were made, and on what."""
    return (
        "# Benchmarks\n\n"
        "Each program times this project and a peer in one run: same inputs, taking turns, warm, medians. What counts\n"
        "are the ratios; the times are those of one machine "
        f"({platform.machine()}, {platform.system()}, Python {platform.python_version()}).\n"
        "Made by `python3 run.py bench`.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
