"""YOLOv8n of ultralytics beside ours: learns from the same pictures, and is tested by our evaluation.

    python3 benchmarks/install_peers.py --yolo      installs it into .venv-yolo, a Python of its own

Its weights are random at first, as nothing is fetched. Its detections go into `evaluate_detections` as it gives them,
after its own suppression of overlapping ones. Letters in shapes: G objects.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.install_peers import environment_python, yolo_environment
from benchmarks.written_set import Shown
from fastRCNN.datasets.imdb import Dataset
from fastRCNN.evaluation.kept_detections import KeptDetections
from helpers.boxes import widths_heights
from helpers.images import image_size

WORKER = Path(__file__).resolve().parent / "yolo_worker.py"
_VALIDATED = 4  # pictures: it insists on some; nothing is chosen by them


@dataclass(frozen=True)
class Yolo:
    """How it learns: epochs, side of its pictures, threads, and how many minutes at a stretch."""

    epochs: int = 40
    size: int = 416
    threads: int = 2
    minutes: float = 1e9

    @property
    def is_there(self) -> bool:
        """Whether it is installed."""
        return environment_python(yolo_environment()).exists()


@dataclass(frozen=True, eq=False)
class Learnt:
    """What came of it: detections, seconds of processor of the training, and of one test picture."""

    detections: KeptDetections
    seconds: float
    seconds_each: float


def learn(yolo: Yolo, folder: Path, train: Sequence[Shown], test: Dataset, *, python: Path | None = None,
          worker: Path = WORKER) -> Learnt | None:  # fmt: skip
    """Train on `train` in `folder`, then look at the pictures of `test`; None where the minutes were not enough.

    The next call goes on. python, worker: what runs the training, and by what program.
    """
    if not (folder / "job.json").exists():
        write_job(yolo, folder, train, test)
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    (folder / "job.json").write_text(json.dumps({**job, "minutes": yolo.minutes}), encoding="utf-8")
    # as ours (`helpers.threads`): threads that wait leave the processor to others
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "OMP_NUM_THREADS": str(yolo.threads)}
    command = [str(python or environment_python(yolo_environment())), "-E", str(worker), str(folder)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    if not (folder / "found.json").exists():
        return None
    said = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    kept = KeptDetections()
    for number, found in enumerate(said["found"]):
        rows = np.asarray(found, np.float64).reshape(-1, 6)
        kept.add(number, rows[:, :4] - [0, 0, 1, 1], rows[:, 4], rows[:, 5].astype(int) + 1)
    seconds = json.loads((folder / "seconds.json").read_text(encoding="utf-8"))
    return Learnt(kept, sum(seconds), said["seconds_each"])


def write_job(yolo: Yolo, folder: Path, train: Sequence[Shown], test: Dataset) -> None:
    """Write the training pictures (links, a text of relative boxes beside each), `data.yaml` and `job.json`."""
    names = list(test.classes[1:])
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    links = []
    for number, picture in enumerate(train):
        links.append(folder / "images" / f"{number:05}{picture.path.suffix}")
        links[-1].symlink_to(picture.path.resolve())
        known = [place for place, label in enumerate(picture.labels) if label in names]
        lines = relative_lines(picture.boxes[known], [names.index(picture.labels[place]) for place in known],
                               *image_size(picture.path))  # fmt: skip
        (folder / "labels" / f"{number:05}.txt").write_text(lines, encoding="utf-8")
    (folder / "train.txt").write_text("\n".join(map(str, links)), encoding="utf-8")
    (folder / "val.txt").write_text("\n".join(map(str, links[:_VALIDATED])), encoding="utf-8")
    content = {"path": str(folder), "train": "train.txt", "val": "val.txt", "names": dict(enumerate(names))}
    (folder / "data.yaml").write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    job = {"epochs": yolo.epochs, "size": yolo.size, "threads": yolo.threads, "test": list(map(str, test.image_paths))}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")


def relative_lines(boxes: NDArray, numbers: Sequence[int], width: int, height: int) -> str:
    """Return a line per box (G, 4): its class, then centre and sides relative to the picture's."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    sides = np.stack(widths_heights(boxes), axis=1)
    places = np.hstack([boxes[:, :2] + sides / 2, sides]) / [width, height, width, height]
    return "".join(
        f"{number} {' '.join(map(repr, row))}\n" for number, row in zip(numbers, places.tolist(), strict=True)
    )
