"""benchmarks/faster_folds.py: each picture is held out once, the test set is not read, a line for each recipe."""

import json

import numpy as np
import pytest

from benchmarks import faster_folds
from fastRCNN.network.network import save_network
from tests.fastRCNN_tests.faster_tests.drawn_pictures import CLASSES, drawn, slim_network

QUICK = {
    "rpn_nrAnchors": 2, "rpn_channels": 8, "rpn_trainBeforeNms": 50, "rpn_trainAfterNms": 20, "rpn_testBeforeNms": 50,
    "rpn_testAfterNms": 10, "faster_roisPerImage": 8, "faster_max_epochs": 1,
}  # fmt: skip


@pytest.fixture
def data(tmp_path):
    """Four annotated pictures, one without objects, and a test picture that nobody may read."""
    folder = tmp_path / "data" / "drawn"
    for name in ("positive", "negative", "testImages"):
        (folder / name).mkdir(parents=True)
    for seed in range(4):
        picture = drawn(folder / "positive", seed)
        stem = picture.path.with_suffix("")
        boxes = "\n".join(" ".join(str(int(value)) for value in box) for box in picture.objects)
        stem.with_suffix(".bboxes.tsv").write_text(boxes.replace(" ", "\t"))
        stem.with_suffix(".bboxes.labels.tsv").write_text("\n".join(CLASSES[number] for number in picture.classes))
    drawn(folder / "negative", 9, objects=0)
    (folder / "testImages" / "damaged.jpg").write_bytes(b"not a picture")
    return folder


def test_pictures_by_whether_they_show_objects(data):
    shown, empty, classes = faster_folds.pictures_of(data)
    assert [len(each.objects) for each in shown] == [2] * 4 and len(empty) == 1
    assert classes == ("__background__", "blue", "red")


def test_every_picture_is_held_out_once(data, tmp_path, monkeypatch, capsys):
    slim = slim_network()
    save_network(tmp_path / "slim.npz", slim.spec.to_header(), slim.arrays)
    (tmp_path / "sweep.json").write_text(json.dumps([{}, {"faster_negatives": False}]))
    monkeypatch.setattr("sys.argv", [
        "faster_folds.py", "--data", str(data), "--network", str(tmp_path / "slim.npz"), "--folds", "2", "--pad", "96",
        "--sweep", str(tmp_path / "sweep.json"), *(f"--set={name}={value}" for name, value in QUICK.items()),
    ])  # fmt: skip
    options = faster_folds.parse()
    held = [faster_folds.run_fold(options, QUICK, fold, 0)[0] for fold in (0, 1)]
    assert sorted(result.path.stem for each in held for result in each[0]) == ["0", "1", "2", "3"]
    faster_folds.report(options, QUICK, 0, [[each] for each in held])
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["data"], line["seed"], line["recipe"]) == ("drawn", 0, QUICK)
    assert 0 <= line["pooled"] <= 1 and np.isfinite(line["seconds"])
