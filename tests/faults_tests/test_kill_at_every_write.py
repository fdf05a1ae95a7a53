"""Every step, killed at every one of its writes, ends when started again with the bytes of an undisturbed run."""

import os
import re
import shutil
from pathlib import Path

import pytest

from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.network import save_network
from helpers.annotations import write_annotation
from helpers.images import write_image
from helpers.tables import write_text
from tests.conftest import Runner, draw_tiny_picture
from tests.faults_tests.killing import killed_at
from tests.scripts_tests.test_pipeline import digests


class Smaller(Runner):
    """Fewer and smaller of everything, so that a step takes a tenth of a second."""

    settings = Runner.settings | {"cntk_nrRois": 24, "cntk_padWidth": 160, "cntk_padHeight": 160, "grid_nrScales": 2}

    def __call__(self, script: str, *options: str) -> None:
        """Run `script`; "<root>" in an option is where the data set lies."""
        super().__call__(script, *(option.replace("<root>", str(self.root)) for option in options))


NN = ("--classifier", "nn", *(part for choice in (
    "cntk_max_epochs=2", "nn_roisPerImage=8", "nn_fitScoreFirst=False", "nn_headNorm=0", "nn_rateFactor=1",
) for part in ("--set", choice)))  # fmt: skip
FASTER = ("--classifier", "faster", *(part for choice in (
    "faster_max_epochs=2", "faster_roisPerImage=8", "rpn_testAfterNms=10", "rpn_trainAfterNms=10", "rpn_channels=4",
) for part in ("--set", choice)))  # fmt: skip
SCORED = ("<root>/data/tiny/testImages/5.png", *(part for option, file in (
    ("--json", "5.json"), ("--tsv", "5.tsv"), ("--pictures", "."),
) for part in (option, f"<root>/results/tiny/scored/{file}")))  # fmt: skip
STEPS = {  # name: script, options, other options that change what it writes
    "1": ("1_computeRois.py", (), ("--set", "roi_minDimRel=0.2")),
    "2": ("2_cntkGenerateInputs.py", (), ("--set", "train_posOverlapThres=0.7")),
    "3": ("3_runCntk.py", (), ("--set", "cntk_svdRanks=[8, 8]")),
    "3 nn": ("3_runCntk.py", NN, ("--set", "nn_bboxRegression=False", "--set", "cntk_max_epochs=1")),
    "3 faster": ("3_runCntk.py", FASTER, ("--set", "faster_max_epochs=1")),
    "4": ("4_trainSvm.py", (), ("--set", "svm_C=0.1", "--set", "svm_bboxRegression=False")),
    "5": ("5_evaluateResults.py", (), ()),
    "5 nn": ("5_evaluateResults.py", NN, ()),
    "5 faster": ("5_evaluateResults.py", FASTER, ()),
    "5 pictures": ("5_visualizeResults.py", (), ()),
    "6": ("6_scoreImage.py", SCORED, ()),
}
UNFINISHED = re.compile("training_(nn|faster)|^results/.*[.]tmp-")  # the latter are cleared when they are old enough
NEEDED = {
    "1": "",
    "2": "1",
    "3": "12",
    "3 nn": "12",
    "3 faster": "",
    "4": "123",
    "5": "1234",
    "5 pictures": "1234",
    "6": "1234",
}  # steps before
# steps that use what it writes
LATER = {"1": "2345", "2": "345", "3": "45", "3 nn": ("5 nn",), "3 faster": ("5 faster",), "4": "5"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Charts take longer than what they show; and no power cut is played, so the disk need not wait."""
    monkeypatch.setattr("fastRCNN.nn.following.draw_log", lambda path, history, curves: None)
    for chart in ("small_charts", "heat_map"):
        monkeypatch.setattr(f"fastRCNN.reporting.files.{chart}", lambda path, *more, **options: write_text(path, "x"))
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """data/tiny of three pictures, and all steps done for both classifiers."""
    root = tmp_path_factory.mktemp("killed")
    for folder, seed in (("positive", 0), ("positive", 1), ("testImages", 5)):
        path = root / "data" / "tiny" / folder / f"{seed}.png"
        image, boxes, labels = draw_tiny_picture(seed)
        write_image(path, image)
        write_annotation(path, boxes, labels)
    (root / "data" / "tiny" / "negative").mkdir()
    return root


@pytest.fixture(scope="module")
def runner(root):
    network = he_initialised(0, spec=cntk_shape(widths=(4, 4, 4, 4, 4), hidden=12))
    save_network(root / "weights.npz", network.spec.to_header(), network.arrays)
    return Smaller(root, root / "weights.npz")


@pytest.fixture(scope="module")
def finished(runner):
    """The digests of what all steps left; the files are kept in <root>/done."""
    for script, options, _ in STEPS.values():
        runner(script, *options)
    keep(runner.root, "done")
    return state(runner.root)


def keep(root: Path, name: str) -> None:
    shutil.rmtree(root / name, ignore_errors=True)
    for folder in ("proc", "results"):
        if (root / folder).exists():
            shutil.copytree(root / folder, root / name / folder)


def restore(root: Path, name: str) -> None:
    for folder in ("proc", "results"):
        shutil.rmtree(root / folder, ignore_errors=True)
        if (root / name / folder).exists():
            shutil.copytree(root / name / folder, root / folder)


def state(root: Path) -> dict[str, str]:
    """Return the digest of every file that the steps left, but for the log of the training, which has times."""
    found = {f"{folder}/{name}": it for folder in ("proc", "results") for name, it in digests(root / folder).items()}
    return {name: it for name, it in found.items() if not UNFINISHED.search(name)}


def each_kill(runner, name, *more, before=""):
    """Start step `name` once for each of its writes, and kill it there; from the files in <root>/<before>, if given."""
    script, options, _ = STEPS[name]
    number = 0
    while True:
        number += 1
        if before:
            restore(runner.root, before)
        with killed_at(runner.root, number) as disk:
            runner(script, *options, *more)
        if not disk.dead:
            assert number > 1, "nothing was written"
            return
        yield disk.writes[-1]


@pytest.mark.parametrize("name", NEEDED)
def test_a_killed_first_run_continues(runner, name):
    script, options, _ = STEPS[name]
    for folder in ("proc", "results"):
        shutil.rmtree(runner.root / folder, ignore_errors=True)
    for before in NEEDED[name]:
        runner(STEPS[before][0], *STEPS[before][1])
    keep(runner.root, "before")
    runner(script, *options)
    undisturbed = state(runner.root)
    for write in each_kill(runner, name, before="before"):
        runner(script, *options)
        assert state(runner.root) == undisturbed, f"killed at: {write}"


@pytest.mark.parametrize("name", LATER)
def test_a_run_with_other_parameters_leaves_nothing_stale(runner, finished, name):
    """Killed, it is not continued but taken back: later steps stop, or all is as if nothing had been."""
    script, options, others = STEPS[name]
    restore(runner.root, "done")
    for write in each_kill(runner, name, *others):
        for later in LATER[name]:
            try:
                runner(STEPS[later][0], *STEPS[later][1])
            except SystemExit as leaving:
                assert "Run " in str(leaving.code), f"killed at: {write}"
                break
        else:
            left = {path: it for path, it in state(runner.root).items() if not path.endswith(("inUse.txt", ".journal"))}
            assert left == finished, f"stale files were used; killed at: {write}"
        runner(script, *options)
        assert state(runner.root) == finished, f"killed at: {write}"
