"""Step 3 in two processes: the losses of one process with twice the minibatch, and one process writes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fastRCNN.faster.steps import LOSSES
from fastRCNN.network.network import load_network
from tests.conftest import REPOSITORY, Runner, draw_tiny_data_set

TOGETHER = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")


def step_3(run: Runner, *options: str, start: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(step_3_command(run, *options, start=start), capture_output=True, text=True, env=environment)


def step_3_command(run: Runner, *options: str, start: tuple[str, ...] = ()) -> list[str]:
    values = {**run.settings, "cntk_max_epochs": 3, "nn_flip": True, "nn_rateFactor": 1.0}
    settings = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    return [
        *(sys.executable, *start, str(REPOSITORY / "3_runCntk.py"), "--root", str(run.root), "--dataset", "tiny"),
        *("--jobs", "1", "--device", "cpu", "--set", f"cntk_model={run.weights}", *settings, *options),
    ]


def losses(run: Runner, classifier: str = "nn", names: tuple[str, ...] = ("loss", "box_loss", "error")) -> np.ndarray:
    """Loss, box loss and error of each epoch."""
    log = run.root / "proc/tiny/models" / f"training_{classifier}.tsv"
    lines = [line.split("\t") for line in log.read_text().splitlines()]
    columns = [lines[0].index(name) for name in names]
    return np.array([[float(line[column]) for column in columns] for line in lines[1:]])


@pytest.fixture
def prepared(tmp_path: Path, slim_weights: Path) -> list[Runner]:
    runs = []
    for name in ("alone", "together"):
        runs.append(Runner(draw_tiny_data_set(tmp_path / name), slim_weights))
        for script in ("1_computeRois.py", "2_cntkGenerateInputs.py"):
            runs[-1](script, "--classifier", "nn")
    return runs


@pytest.mark.parametrize("trained", ["0", "4"])
def test_losses_of_one_process_with_twice_the_minibatch(prepared: list[Runner], trained: str) -> None:
    alone, together = prepared
    options = ("--classifier", "nn", "--set", f"nn_trainConvFrom={trained}", "--set")
    done = step_3(alone, *options, "cntk_mb_size=4")
    assert done.returncode == 0, done.stderr
    done = step_3(together, *options, "cntk_mb_size=2", start=TOGETHER)
    assert done.returncode == 0, done.stderr
    assert len(losses(alone)) == 3 and losses(alone)[0, 0] > 0
    np.testing.assert_allclose(losses(together), losses(alone), rtol=2e-3, atol=1e-4)
    one, two = (load_network(run.root / "proc/tiny/models/frcn_nn.npz").arrays for run in prepared)
    for name, array in one.items():
        np.testing.assert_allclose(two[name], array, rtol=1e-2, atol=1e-3, err_msg=name)
    left = {path.name for path in (together.root / "proc/tiny/models").iterdir()}
    assert left == {path.name for path in (alone.root / "proc/tiny/models").iterdir()}
    again = step_3(together, *options, "cntk_mb_size=2", start=TOGETHER)  # nothing to do: nobody waits for anybody
    assert again.returncode == 0


FASTER = ("--classifier", "faster", *(part for choice in (
    "rpn_testAfterNms=40", "rpn_trainAfterNms=60", "cntk_padWidth=300", "cntk_padHeight=300",
) for part in ("--set", choice)))  # fmt: skip


def test_a_network_that_proposes(tmp_path: Path, slim_weights: Path) -> None:
    """The same for Faster R-CNN; stopped after two epochs and started again, the bytes are those of a whole run."""
    alone, together, stopped = (
        Runner(draw_tiny_data_set(tmp_path / name), slim_weights) for name in ("alone", "together", "stopped")
    )
    epochs = ("--set", "faster_max_epochs=3")
    assert step_3(alone, *FASTER, *epochs, "--set", "faster_mb_size=2").returncode == 0
    done = step_3(together, *FASTER, *epochs, start=TOGETHER)
    assert done.returncode == 0, done.stderr
    names = (*LOSSES, "error", "recall", "pictures", "rois")
    of_alone, of_together = (losses(run, "faster", names) for run in (alone, together))
    assert len(of_alone) == 3 and (of_alone[:, 0] > 0).all()
    np.testing.assert_allclose(of_together, of_alone, rtol=2e-3, atol=1e-4)
    models = together.root / "proc/tiny/models"
    assert {path.name for path in models.iterdir()} == {path.name for path in (alone.root / models.relative_to(
        together.root)).iterdir()}  # fmt: skip
    command = [*FASTER, *epochs]
    killed = subprocess.Popen(step_3_command(stopped, *command, start=TOGETHER), stderr=subprocess.DEVNULL,
                              env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
    checkpoint = stopped.root / "proc/tiny/models/checkpoint_faster.npz"
    while killed.poll() is None and not checkpoint.exists():
        time.sleep(0.01)
    killed.terminate()  # torchrun ends its processes
    killed.wait()
    if checkpoint.exists():  # else it was done before it could be killed
        done = step_3(stopped, *command, "--resume", start=TOGETHER)
        assert done.returncode == 0, done.stderr
    assert (stopped.root / "proc/tiny/models/frcn_faster.npz").read_bytes() == (models / "frcn_faster.npz").read_bytes()


def test_what_does_not_train_together(prepared: list[Runner]) -> None:
    done = step_3(prepared[0], "--classifier", "svm", start=TOGETHER)
    assert done.returncode != 0 and "torchrun trains with --classifier nn or faster and --engine torch" in done.stderr
