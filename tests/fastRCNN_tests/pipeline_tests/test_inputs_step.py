"""Step 2's inputs: the numbers that are counted are those that are written. (The files: `test_cntk_inputs`.)"""

from fastRCNN.pipeline.inputs_step import InputsRun
from fastRCNN.pipeline.stages import Chain
from PARAMETERS import get_parameters
from tests.conftest import Runner


def chosen(run: Runner, *more: str):
    settings = [part for name, value in run.settings.items() for part in ("--set", f"{name}={value}")]
    return get_parameters(["--root", str(run.root), "--dataset", "tiny", *settings, *more])


def test_ignored_boxes_count_neither_way_but_as_published():
    assert InputsRun.choose(get_parameters([])).ignore_from == 0.5
    assert InputsRun.choose(get_parameters(["--compat", "tutorial"])).ignore_from is None


def test_what_is_counted_is_what_is_written(run):
    run("1_computeRois.py")
    p = chosen(run)
    chain, inputs = Chain.choose(p), InputsRun.choose(p)
    with chain.writing("inputs", anew=True) as work:
        written = inputs.write(chain, work)
    assert inputs.count(chain) == written
    lines = (run.root / "proc" / "tiny" / "cntkFiles" / "train.nrRois.txt").read_text().split("\n")
    numbers = [int(line.split()[-1]) for line in lines if line]
    assert sum(written["train"]) == sum(numbers) and written["train"][1] >= 4  # a disc in each of four pictures
