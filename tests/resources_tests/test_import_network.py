"""The program resources/import_network.py; the readers of each format have tests of their own."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import torch

from fastRCNN.network.alexnet import he_initialised, torchvision_shape
from fastRCNN.network.network import load_network

REPOSITORY = Path(__file__).resolve().parents[2]


def test_what_is_no_weight_file(tmp_path: Path, slim: SimpleNamespace) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:6b0da9\nsize 243863787\n"
    for name, content, message in [
        ("pointer.onnx", pointer, "pointer of Git LFS.*install_network"),
        ("page.pth", b"<!DOCTYPE html><html>404", "this is a web page"),
        ("empty.caffemodel", b"", "the file is empty"),
        ("network.h5", b"12345", r"name ends in \.pth, \.pt, \.onnx, \.caffemodel, found '\.h5'"),
    ]:
        (tmp_path / name).write_bytes(content)
        slim.expect_fault(tmp_path / name, message)
    slim.expect_fault(tmp_path / "absent.pth", "found no such file")
    (tmp_path / "folder.pth").mkdir()
    slim.expect_fault(tmp_path / "folder.pth", "found a folder")


def test_command_line(tmp_path: Path) -> None:
    arrays = he_initialised(0, spec=torchvision_shape(widths=(8, 12, 16, 12, 10), hidden=24)).arrays
    places = {"conv1": "features.0", "conv2": "features.3", "conv3": "features.6", "conv4": "features.8",
              "conv5": "features.10", "fc6": "classifier.1", "fc7": "classifier.4"}  # fmt: skip
    names = {key: key.replace(key.split(".")[0], places[key.split(".")[0]]) for key in arrays}
    state = {names[key]: torch.from_numpy(array) for key, array in arrays.items()}
    torch.save({**state, "classifier.6.weight": torch.ones(10, 24)}, tmp_path / "mine.pth")
    command = [
        sys.executable,
        str(REPOSITORY / "resources" / "import_network.py"),
        "mine.pth",
        "--output",
        "out/net.npz",
    ]
    done = subprocess.run([*command, "--mean", "1", "2", "3"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(
        "mine.pth: 5 convolutions of 8, 12, 16, 12, 10 filters, without normalisation; ROI pooling 6 x 6, 24 features"
    )
    spec = load_network(tmp_path / "out" / "net.npz").spec
    assert (spec.input.channels, spec.input.mean) == ("RGB", (1.0, 2.0, 3.0))
    failed = subprocess.run([*command[:2], "absent.pth"], cwd=tmp_path, capture_output=True, text=True)
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: absent.pth: expected a weight file, found no such file")
    assert "Traceback" not in failed.stderr
