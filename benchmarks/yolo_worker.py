"""YOLOv8n of ultralytics, in the Python of .venv-yolo: learns and looks, and counts its time; see benchmarks/yolo.py.

    python yolo_worker.py FOLDER

FOLDER holds `job.json` (epochs, size, threads, minutes, the test pictures) and `data.yaml`. Random weights, no picture
but those of the job. Learns for the minutes that the job has, to the end of an epoch, and leaves what the next start
goes on from; when all epochs are done, `found.json` has what the network finds in the test pictures. `seconds.json`
counts the seconds of processor of all starts.
"""

import json
import os
import sys
import time
import types
from pathlib import Path


def main(folder: Path) -> None:
    """Do what is left of the job in `folder`."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    os.environ["YOLO_CONFIG_DIR"] = str(folder / "settings")
    os.environ["YOLO_OFFLINE"] = "true"
    os.environ["YOLO_AUTOINSTALL"] = "false"
    import torch

    torch.set_num_threads(job["threads"])
    mend_torchvision()
    if learnt(folder, job):
        look(folder, job)


def mend_torchvision() -> None:
    """Where torchvision is built for another PyTorch (GPU's beside the processor's), let ultralytics' own NMS stand in.

    It wants nothing else of it; its own one says that it keeps the same boxes.
    """
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError, OSError):
        from ultralytics.utils.nms import TorchNMS

        stand_in = types.ModuleType("torchvision")
        stand_in.ops = types.SimpleNamespace(nms=TorchNMS.nms)  # type: ignore[attr-defined]
        sys.modules["torchvision"] = stand_in


def learnt(folder: Path, job: dict) -> bool:
    """Learn as long as the job says; return whether that is all."""
    from ultralytics import YOLO

    last, whole = folder / "run" / "weights" / "last.pt", folder / "whole"
    if whole.exists():
        return True
    begun, end = last.exists(), time.monotonic() + 60 * job["minutes"]
    model = YOLO(str(last if begun else "yolov8n.yaml"))

    def after_epoch(trainer) -> None:  # called when last.pt is written
        if trainer.epoch + 1 < trainer.epochs and time.monotonic() > end:
            raise OutOfTime

    model.add_callback("on_model_save", after_epoch)
    choice = {
        "data": str(folder / "data.yaml"), "epochs": job["epochs"], "imgsz": job["size"], "pretrained": False,
        "seed": 0, "device": "cpu", "workers": 0, "cache": "ram", "val": False, "plots": False, "amp": False,
        "project": str(folder), "name": "run", "exist_ok": True,
    }  # fmt: skip
    start = time.process_time()
    try:
        model.train(resume=True) if begun else model.train(**choice)
        whole.touch()
    except OutOfTime:
        print(f"{folder}: out of time; the next start goes on.", file=sys.stderr)
    finally:
        add_seconds(folder, time.process_time() - start)
    return whole.exists()


def look(folder: Path, job: dict) -> None:
    """Write what the network finds: for each test picture x1 y1 x2 y2 (right and lower side outside), score, class."""
    from ultralytics import YOLO

    model = YOLO(str(folder / "run" / "weights" / "last.pt"))
    choice = {"imgsz": job["size"], "conf": 0.001, "max_det": 300, "device": "cpu", "verbose": False}
    found, seconds = [], []
    model.predict(job["test"][0], **choice)  # what the first picture takes beside
    for path in job["test"]:
        start = time.process_time()
        (result,) = model.predict(path, **choice)
        seconds.append(time.process_time() - start)
        found.append(result.boxes.data.tolist())
    text = json.dumps({"found": found, "seconds_each": sum(seconds) / len(seconds)})
    (folder / "found.json").write_text(text, encoding="utf-8")


def add_seconds(folder: Path, seconds: float) -> None:
    """Add a start's seconds to those before."""
    file = folder / "seconds.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    file.write_text(json.dumps([*before, round(seconds, 1)]), encoding="utf-8")


class OutOfTime(Exception):
    """The minutes of a start are over."""


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
