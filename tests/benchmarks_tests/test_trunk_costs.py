"""benchmarks/trunk_costs.py: one measurement of a slim network, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.trunk_costs import split

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "trunk_costs.py"


def test_a_side_behind_a_comma():
    assert split("a.npz", 1000) == (Path("a.npz"), 1000)
    assert split("folder/a.npz,640", 1000) == (Path("folder/a.npz"), 640)


@pytest.mark.skipif(os.name == "nt", reason="the peak of memory is POSIX's")
def test_a_row_for_each_network(slim_weights):
    command = [sys.executable, str(PROGRAM), f"{slim_weights},320", str(slim_weights), "--side", "256", "--rois", "9"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert lines[0] == "| network | picture | features | weights, MB | trunk, s | 9 ROIs, s | memory, MB |"
    assert [line.split(" | ")[1] for line in lines[2:]] == ["320", "256"]
    assert all(float(line.rstrip(" |").split(" | ")[-1]) > 50 for line in lines[2:])
