"""What the notebook needs: to run a script of the tutorial, and to show pictures that it wrote."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ROOT = Path(os.environ.get("FASTRCNN_NOTEBOOK_ROOT", REPOSITORY))  # holds data/, proc/ and results/
DATA, PROC, RESULTS = (ROOT / name / "grocery" for name in ("data", "proc", "results"))
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))

on_show: list[Callable[[Path], None]] = []  # who builds the notebook listens here


def run(script: str, *options: str, root: Path | None = None) -> None:
    """Run a script of the tutorial and print what it prints. root: another folder that holds data/."""
    command = [sys.executable, str(REPOSITORY / script), "--root", str(root or ROOT), *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    print(done.stdout, end="")
    if done.returncode:
        raise RuntimeError(f"{script} ended with {done.returncode}:\n{done.stderr}")


def few_pictures(*, train: int, test: int) -> Path:
    """Return a folder, `proc/notebook`, whose data/ has the first so many training and test pictures of the set."""
    root = ROOT / "proc" / "notebook"
    shutil.rmtree(root / "data", ignore_errors=True)
    for folder, count in {"positive": train, "negative": 0, "testImages": test}.items():
        target = root / "data" / "grocery" / folder
        target.mkdir(parents=True)
        for picture in sorted((DATA / folder).glob("*.jpg"))[:count]:
            for file in DATA.glob(f"{folder}/{picture.stem}.*"):
                shutil.copy2(file, target)
    return root


def show(*pictures: Path | str) -> None:
    """Show picture files below the cell."""
    for path in map(Path, pictures):
        for listener in on_show:
            listener(path)
        if not on_show:
            from IPython.display import Image, display

            display(Image(filename=str(path)))


def head(path: Path | str, lines: int = 5, width: int = 100) -> None:
    """Print the beginning of a text file, long lines cut."""
    for line in Path(path).read_text(encoding="utf-8").splitlines()[:lines]:
        print(line if len(line) <= width else line[:width] + " ...")
