"""benchmarks/yolo.py and its worker: what YOLO gets and gives, with a stand-in for the package."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import real
from benchmarks.install_peers import pinned, yolo_environment
from benchmarks.real import pictures_of
from benchmarks.yolo import WORKER, Yolo, learn, relative_lines, write_job
from fastRCNN.datasets import tutorial_folders
from fastRCNN.evaluation.average_precision import evaluate_detections
from helpers.artifacts import Artifacts

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")

PERFECT = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
job = json.loads((folder / "job.json").read_text())
pieces = json.loads((folder / "seconds.json").read_text()) if (folder / "seconds.json").exists() else []
(folder / "seconds.json").write_text(json.dumps([*pieces, 2.5]))
if job["minutes"] > 1:
    truth = json.loads((folder / "truth.json").read_text())
    (folder / "found.json").write_text(json.dumps({"found": truth, "seconds_each": 0.25}))
"""
ULTRALYTICS = """
import json, pathlib
class Trainer: pass
class YOLO:
    def __init__(self, name):
        self.name, self.after = name, None
    def add_callback(self, when, what):
        assert when == "on_model_save"
        self.after = what
    def train(self, resume=False, **choice):
        folder = pathlib.Path(choice["project"] if choice else self.name.split("/run/")[0])
        last = folder / "run" / "weights" / "last.pt"
        last.parent.mkdir(parents=True, exist_ok=True)
        done = int(last.read_text()) if last.exists() else 0
        assert resume == bool(done) and (resume or choice["pretrained"] is False)
        trainer = Trainer()
        trainer.epochs = json.loads((folder / "job.json").read_text())["epochs"]
        for trainer.epoch in range(done, trainer.epochs):
            last.write_text(str(trainer.epoch + 1))
            self.after(trainer)
    def predict(self, path, **choice):
        class Data:
            def tolist(self): return [[1.0, 2.0, 11.0, 22.0, 0.5, 0.0]]
        result = type("Result", (), {})()
        result.boxes = type("Boxes", (), {"data": Data()})()
        return [result]
"""


def test_boxes_as_yolo_wants_them():
    lines = relative_lines(np.array([[0, 0, 99, 49], [10, 20, 29, 39]]), [2, 0], 200, 100)
    assert lines == "2 0.25 0.25 0.5 0.5\n0 0.1 0.3 0.1 0.2\n"
    assert relative_lines(np.zeros((0, 4)), [], 5, 5) == ""


def test_it_learns_in_pieces_and_is_tested_by_our_evaluation(tiny_root, tmp_path):
    train, _ = pictures_of(tiny_root / "data" / "tiny", tmp_path)
    test = tutorial_folders.read(Artifacts(tiny_root, "tiny"), "test")
    worker, folder = tmp_path / "worker.py", tmp_path / "job"
    worker.write_text(PERFECT)
    python = Path(sys.executable)
    assert learn(Yolo(epochs=3, minutes=1), folder, train, test, python=python, worker=worker) is None
    job = json.loads((folder / "job.json").read_text())
    assert (job["epochs"], job["size"], job["test"]) == (3, 416, [str(path) for path in test.image_paths])
    truth = [
        [[*(box + [0, 0, 1, 1]).tolist(), 0.9, int(number) - 1]
         for box, number in zip(record.gt_boxes, record.gt_classes, strict=True)]
        for record in test
    ]  # fmt: skip
    (folder / "truth.json").write_text(json.dumps(truth))
    learnt = learn(Yolo(epochs=3, minutes=2), folder, train, test, python=python, worker=worker)
    assert learnt is not None and (learnt.seconds, learnt.seconds_each) == (5.0, 0.25)
    assert evaluate_detections(test, learnt.detections, test.classes, overlap_threshold=0.95).map_area == 1


def test_what_it_is_trained_on(tiny_root, tmp_path):
    train, _ = pictures_of(tiny_root / "data" / "tiny", tmp_path)
    write_job(Yolo(), tmp_path / "job", train, tutorial_folders.read(Artifacts(tiny_root, "tiny"), "test"))
    links = (tmp_path / "job" / "train.txt").read_text().splitlines()
    assert [Path(link).resolve() for link in links] == [picture.path.resolve() for picture in train]
    lines = [(tmp_path / "job" / "labels" / f"{n:05}.txt").read_text().splitlines() for n in range(len(train))]
    assert [len(each) for each in lines] == [len(picture.boxes) for picture in train]
    names = json.loads((tmp_path / "job" / "data.yaml").read_text())["names"]
    assert [names[line.split()[0]] for line in lines[0]] == list(train[0].labels)


def test_the_worker_stops_in_time_and_goes_on(tmp_path):
    (tmp_path / "ultralytics.py").write_text(ULTRALYTICS)
    (tmp_path / "torchvision.py").write_text("")
    folder = tmp_path / "job"
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for minutes, pieces in ((0, 1), (9, 2)):
        job = {"epochs": 3, "size": 64, "threads": 1, "test": ["a.png", "b.png"], "minutes": minutes}
        (folder / "job.json").write_text(json.dumps(job))
        subprocess.run([sys.executable, str(WORKER), str(folder)], check=True, env=environment)
        assert len(json.loads((folder / "seconds.json").read_text())) == pieces
        assert (folder / "found.json").exists() == (pieces == 2)
    assert (folder / "run" / "weights" / "last.pt").read_text() == "3"
    assert json.loads((folder / "found.json").read_text())["found"] == [[[1, 2, 11, 22, 0.5, 0]]] * 2


def test_where_it_is_not_installed_it_is_left_out(tiny_root, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("YOLO_VENV", str(tmp_path / "none"))
    assert yolo_environment() == tmp_path / "none"
    assert pinned("torch", "a\ntorch==2.1\n") == "torch==2.1" and pinned("torch", "torch>=1") == "torch"
    monkeypatch.setattr(
        sys, "argv", ["real.py", "--out", str(tmp_path), "--folders", str(tiny_root / "data" / "tiny"), "--classifiers",
                      "--yolo", "3"],
    )  # fmt: skip
    real.main()
    assert "skipped, it is not installed" in capfd.readouterr().err
