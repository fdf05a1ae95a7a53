"""benchmarks/step_runs.py: data sets of links, and what a run of the steps returns."""

import json
import os

import pytest

from benchmarks import step_runs
from benchmarks.step_runs import link_pictures, run_steps

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")


def test_pictures_are_linked_with_what_belongs_to_them(tmp_path):
    source, folder = tmp_path / "a", tmp_path / "b" / "positive"
    source.mkdir()
    for name in ("1.jpg", "1.bboxes.tsv", "1.bboxes.labels.tsv", "2.jpg", "3.jpg"):
        (source / name).write_text(name)
    link_pictures(folder, [source / "1.jpg", source / "2.jpg"])
    link_pictures(folder, [source / "1.jpg"])  # again: nothing happens
    assert sorted(path.name for path in folder.iterdir()) == ["1.bboxes.labels.tsv", "1.bboxes.tsv", "1.jpg", "2.jpg"]
    assert (folder / "1.bboxes.tsv").read_text() == "1.bboxes.tsv"


def test_steps_are_run_in_order_and_the_result_read(tmp_path, monkeypatch):
    """Scripts that stand in for the steps; the last one leaves the result."""
    result = {"mAP_area": 0.75, "mAP_11point": 0.5}
    for name in ("first", "last"):
        (tmp_path / f"{name}.py").write_text(
            "import json, pathlib, sys\n"
            f"log = pathlib.Path({str(tmp_path)!r}) / 'log.txt'\n"
            "before = log.read_text() if log.exists() else ''\n"
            f"log.write_text(before + '{name} ' + ' '.join(sys.argv[1:]) + '\\n')\n"
            f"folder = pathlib.Path({str(tmp_path)!r}) / 'results' / 'tiny'\n"
            "folder.mkdir(parents=True, exist_ok=True)\n"
            f"(folder / 'evaluation_test_nn.json').write_text({json.dumps(result)!r})\n"
        )
    monkeypatch.setattr(step_runs, "REPOSITORY", tmp_path)
    outcome = run_steps(tmp_path, "tiny", ["--seed", "3"], classifier="nn", steps=("first", "last"))
    assert (outcome.area, outcome.eleven) == (0.75, 0.5)
    assert len(outcome.seconds) == 2 and min(outcome.seconds) >= 0
    words = f"--quiet --root {tmp_path} --dataset tiny --classifier nn --seed 3"
    assert (tmp_path / "log.txt").read_text().splitlines() == [f"first {words}", f"last {words}"]
