"""The engine around CNTK: messages, start and end of the worker, errors, training; a fake worker where it will do."""

import dataclasses
import gc
import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from fastRCNN.engines import cntk_process, load_engine
from fastRCNN.engines.cntk_engine import CntkEngine
from fastRCNN.engines.cntk_link import BrokenLink, read_message, write_message
from fastRCNN.engines.cntk_process import CntkProcess, missing_cntk
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.layers import Dropout
from fastRCNN.network.network import save_network
from fastRCNN.nn.cntk_trainer import CntkNnTrainer, recipe_for_cntk, scaled_head
from fastRCNN.nn.sampling import TrainingPicture
from fastRCNN.nn.training import NnTrainer, NnTraining
from fastRCNN.run_context import RunContext
from helpers.errors import UserError
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network

needs_cntk = [
    pytest.mark.cntk,
    pytest.mark.skipif(missing_cntk() is not None, reason=f"{missing_cntk()}: run resources/install_cntk.py"),
]
SLIM = {"widths": (8, 12, 16, 16, 12), "hidden": 32}
PICTURE = np.random.default_rng(0).integers(0, 256, (230, 230, 3), dtype=np.uint8)
ROIS = np.array([[0, 0, 229, 229], [10, 20, 110, 70]], np.float32)


# Messages


def test_messages_come_back_as_they_were():
    stream = io.BytesIO()
    arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3).T,  # not in C order
        "empty": np.zeros((0, 4), np.uint8),
        "number": np.array(7, np.int64),
    }
    write_message(stream, {"command": "größe", "list": [1, 2.5, None]}, arrays)
    write_message(stream, {"command": "next"})
    stream.seek(0)
    header, read = read_message(stream)
    assert header == {"command": "größe", "list": [1, 2.5, None]}
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert (read[name].dtype, read[name].shape) == (array.dtype, array.shape)
    assert read_message(stream) == ({"command": "next"}, {})
    assert read_message(stream) is None


def test_half_a_message_and_other_bytes_are_refused():
    stream = io.BytesIO()
    write_message(stream, {"command": "x"}, {"a": np.zeros(100)})
    for length in (1, 5, 20, len(stream.getvalue()) - 1):
        with pytest.raises(BrokenLink, match="ended after"):
            read_message(io.BytesIO(stream.getvalue()[:length]))
    with pytest.raises(BrokenLink, match="expected a message"):
        read_message(io.BytesIO(b"Selected CPU as the process wide default device.\n"))
    with pytest.raises(TypeError, match="complex"):
        write_message(io.BytesIO(), {}, {"a": np.zeros(1, complex)})


# Start and end


def test_without_cntk_one_message_says_how_to_install_it(tmp_path):
    with pytest.raises(UserError, match=r"not installed here.*python3 resources/install_cntk.py.*--engine torch"):
        CntkProcess(environment=tmp_path / "none")
    (tmp_path / "half" / "bin").mkdir(parents=True)
    (tmp_path / "half" / "bin" / "python").symlink_to(sys.executable)
    with pytest.raises(UserError, match="was not finished"):
        CntkProcess(environment=tmp_path / "half")


def test_what_cannot_be_run_is_said_before_a_worker_starts(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        CntkEngine(tmp_path / "none.npz", environment=tmp_path)
    with pytest.raises(UserError, match="CPU"):
        CntkEngine(he_initialised(0, spec=cntk_shape(**SLIM)), device="cuda", environment=tmp_path)
    with pytest.raises(UserError, match=r"Faster R-CNN\) run in PyTorch only: .* Use --engine torch"):
        load_engine("cntk", faster_network(("__background__", "cup")))
    align = dataclasses.replace(cntk_shape(**SLIM), pooling_kind="align")
    with pytest.raises(UserError, match=r"pooled by ROI align.* Use --engine torch"):
        load_engine("cntk", he_initialised(0, spec=align))


FAKE = """
import os, sys, time, signal
sys.path.insert(0, {engines!r})
import cntk_link as link
out, requests = sys.stdout.buffer, sys.stdin.buffer
while True:
    message = link.read_message(requests)
    if message is None:
        {at_end}
        sys.exit(0)
    command = message[0]["command"]
    if command == "hello":
        link.write_message(out, {{"ok": True, "pid": os.getpid()}})
    {then}
"""


def fake(folder: Path, then: str, at_end: str = "pass") -> Path:
    """Make an environment whose Python runs a worker that answers "hello", and does `then` for other commands."""
    engines = str(Path(cntk_process.__file__).parent)
    indented = textwrap.indent(textwrap.dedent(then), "    ").strip()
    (folder / "worker.py").write_text(FAKE.format(engines=engines, then=indented, at_end=at_end))
    (folder / "bin").mkdir()
    (folder / "bin" / "python").write_text(f"#!/bin/sh\nexec '{sys.executable}' '{folder / 'worker.py'}'\n")
    (folder / "bin" / "python").chmod(0o755)
    (folder / cntk_process.SETTINGS).write_text('{"library_path": ["/nowhere"]}')
    return folder


def gone(pid: int, seconds: float = 10) -> bool:
    """Whether process `pid` is gone in time, and not a zombie either."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.05)
    return False


posix = pytest.mark.skipif(os.name == "nt", reason="a shell script stands for Python 3.6")


@posix
@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("if command == 'x': sys.stderr.write('no room'); sys.exit(3)", r"ended with status 3 during 'x'.*\n.*no room"),
        ("if command == 'x': os.kill(os.getpid(), signal.SIGKILL)", r"ended by SIGKILL \(out of memory\? lower "),
        ("if command == 'x': os.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV"),
        ("if command == 'x': out.write(b'CNTK' + bytes(3)); out.flush(); sys.exit(1)", "ended with status 1"),
        ("if command == 'x': os.abort()", "SIGABRT"),
    ],
)  # fmt: skip
def test_a_worker_that_dies_is_one_clear_error(then, said, tmp_path):
    process = CntkProcess(environment=fake(tmp_path, then))
    with pytest.raises(UserError, match=r"(?s)the CNTK worker .*" + said):
        process.request("x")
    assert gone(process.pid)
    with pytest.raises(UserError, match="was ended before"):
        process.request("x")
    process.close()


@posix
def test_an_error_of_cntk_leaves_the_worker_running(tmp_path):
    process = CntkProcess(environment=fake(tmp_path, """\
        if command == "x": link.write_message(out, {"error": "ValueError: too wide (cntk_worker.py:1)"})
        """))  # fmt: skip
    for _ in range(2):
        with pytest.raises(UserError, match="CNTK could not x: ValueError: too wide"):
            process.request("x")
    assert process.request("hello")[0]["ok"]
    process.close()
    assert gone(process.pid)
    process.close()  # twice does no harm


@posix
def test_a_worker_that_does_not_leave_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(cntk_process, "_SECONDS_TO_LEAVE", 0.3)
    process = CntkProcess(environment=fake(tmp_path, "pass", at_end="time.sleep(60)"))
    start = time.monotonic()
    process.close()
    assert time.monotonic() - start < 10 and gone(process.pid)


@posix
def test_a_forgotten_worker_ends_with_its_owner(tmp_path):
    process = CntkProcess(environment=fake(tmp_path, "pass"))
    pid = process.pid
    del process
    gc.collect()
    assert gone(pid)


@posix
def test_a_conversation_that_is_left_early_ends_the_worker(tmp_path):
    process = CntkProcess(environment=fake(tmp_path, "pass"))
    with pytest.raises(KeyboardInterrupt), process.conversation("x"):
        raise KeyboardInterrupt
    assert gone(process.pid)


@posix
def test_the_library_path_of_the_installation_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/mine")
    monkeypatch.setenv("PYTHONPATH", "/wrong")
    variables = CntkProcess(environment=fake(tmp_path, "pass"), threads=3).environment_variables
    assert variables["LD_LIBRARY_PATH"] == "/nowhere:/mine"
    assert "PYTHONPATH" not in variables and variables["OMP_NUM_THREADS"] == "3"


# With CNTK


class TestWithCntk:
    pytestmark = needs_cntk

    def test_load_engine_runs_a_weight_file_and_its_model(self, tmp_path):
        network = he_initialised(1, spec=cntk_shape(**SLIM))
        save_network(tmp_path / "a.npz", network.spec.to_header(), network.arrays)
        with load_engine("cntk", tmp_path / "a.npz", threads=1) as engine:
            assert engine.name == "cntk" and engine.feature_dimension == 32
            expected = engine.embed([PICTURE], [ROIS])[0]
            engine.save(tmp_path / "models" / "a.model")
        with load_engine("cntk", tmp_path / "models" / "a.model", threads=1) as engine:
            np.testing.assert_array_equal(engine.embed([PICTURE], [ROIS])[0], expected)
        with load_engine("cntk", network, threads=1) as engine:
            np.testing.assert_array_equal(engine.embed([PICTURE], [ROIS])[0], expected)
        assert [path.name for path in (tmp_path / "models").iterdir()] == ["a.model"]

    def test_embeddings_do_not_depend_on_how_rois_are_sent(self):
        rng = np.random.default_rng(2)
        rois = np.sort(rng.integers(0, 229, (2500, 2, 2)), axis=1).reshape(-1, 4).astype(np.float32)
        with CntkEngine(he_initialised(1, spec=cntk_shape(**SLIM)), threads=1) as engine:
            together = engine.embed([PICTURE], [rois])[0]  # in three blocks
            np.testing.assert_allclose(engine.embed([PICTURE], [rois[990:1010]])[0], together[990:1010], atol=1e-5)

    def test_wrong_input_is_refused(self):
        with CntkEngine(he_initialised(1, spec=cntk_shape(**SLIM)), threads=1) as engine:
            with pytest.raises(ValueError, match=r"expected \(H, W, 3\) uint8"):
                engine.embed([PICTURE.astype(np.float32)], [ROIS])  # type: ignore[arg-type]
            with pytest.raises(UserError, match="CNTK could not embed"):
                engine.embed([PICTURE[:8, :8]], [ROIS])  # smaller than the first filter
            assert len(engine.embed([PICTURE], [ROIS])[0]) == 2  # and it still works

    def test_a_killed_parent_takes_its_worker_along(self):
        code = """\
            import sys, time
            from fastRCNN.engines.cntk_process import CntkProcess
            process = CntkProcess()
            print(process.pid, flush=True)
            time.sleep(60)
            """
        parent = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, cwd=cntk_process.REPOSITORY
        )
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert Path(f"/proc/{worker}").exists()
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
        assert gone(worker)

    def test_a_killed_worker_is_told(self):
        with CntkEngine(he_initialised(1, spec=cntk_shape(**SLIM)), threads=1) as engine:
            os.kill(engine.process.pid, signal.SIGKILL)
            with pytest.raises(UserError, match="SIGKILL"):
                engine.embed([PICTURE], [ROIS])
        assert gone(engine.process.pid)

    def test_nn_training_by_cntk_is_that_of_the_pytorch_trainer(self, tmp_path):
        # No dropout, whose random numbers differ. One learning rate: see CNTK's step in cntk_training.py.
        shape = cntk_shape(**SLIM)
        head = tuple(layer for layer in shape.head if not isinstance(layer, Dropout))
        network = he_initialised(5, spec=dataclasses.replace(shape, head=head))
        rng, pictures = np.random.default_rng(3), []
        for number, count in enumerate((12, 9, 12)):
            path = tmp_path / f"{number}.png"
            cv2.imwrite(str(path), rng.integers(0, 256, (100 + 20 * number, 140, 3), dtype=np.uint8))
            rois = np.sort(rng.integers(0, 229, (count, 2, 2)), axis=1).reshape(-1, 4).astype(np.float32)
            pictures.append(TrainingPicture(path, rois, rng.integers(0, 3, count)))
        parameters = NnTraining(
            cntk_max_epochs=3, cntk_mb_size=2, cntk_lr_per_image=(0.01,), cntk_nrRois=12, nn_flip=True,
            nn_roisPerImage=8, nn_headNorm=20.0,
        )  # fmt: skip
        classes = ("__background__", "a", "b")
        context = RunContext(device="cpu", threads=1, seed=4, pad_size=230)
        cntk = CntkNnTrainer(network, pictures, classes, parameters, context=context, scratch=tmp_path)
        assert list(cntk.prepare()) == cntk.keys
        steps = list(cntk.run())
        trained, regressor = cntk.result()
        cntk.save(tmp_path / "frcn_nn.model")
        cntk.close()
        ours = NnTrainer(network, pictures, classes, parameters, context=context)
        list(ours.prepare())
        list(ours.run())
        expected, _ = ours.result()

        assert regressor is None and len(steps) >= 6 and steps[-1].last
        assert trained.spec.classes == classes and trained.spec.head == expected.spec.head
        for mine, theirs in zip(cntk.history, ours.history, strict=True):
            assert mine["loss"] == pytest.approx(theirs["loss"], rel=1e-4)
            assert (mine["rois"], mine["pictures"], mine["error"]) == (
                theirs["rois"], theirs["pictures"], pytest.approx(theirs["error"])
            )  # fmt: skip
        for name in expected.arrays:
            weight = expected.arrays[name]
            assert np.abs(trained.arrays[name] - weight).max() <= 1e-4 * np.abs(weight).max(), name
        with CntkEngine(tmp_path / "frcn_nn.model", threads=1) as engine:
            assert engine.classes == classes and engine.embed([PICTURE], [ROIS])[0].shape == (2, 3)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_a_fork_may_not_talk_to_the_worker_nor_end_it(self):
        with CntkEngine(he_initialised(0, spec=cntk_shape(**SLIM)), threads=1) as engine:
            expected = engine.embed([PICTURE], [ROIS])[0]
            child = os.fork()
            if child == 0:
                try:
                    engine.embed([PICTURE], [ROIS])
                except UserError as error:
                    engine.close()
                    os._exit(7 if "Load it in each worker" in str(error) else 1)
                os._exit(2)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
            np.testing.assert_array_equal(engine.embed([PICTURE], [ROIS])[0], expected)

    def test_training_that_cntk_does_not_know_is_refused(self):
        picture = TrainingPicture(Path("a.png"), ROIS, np.array([0, 1]))
        with pytest.raises(UserError, match="--engine torch"):
            CntkNnTrainer(he_initialised(0), [picture], ("__background__", "a"), NnTraining(nn_trainConvFrom=3))

    def test_a_loss_that_is_not_finite_stops_the_training(self, tmp_path):
        cv2.imwrite(str(tmp_path / "a.png"), PICTURE)
        picture = TrainingPicture(tmp_path / "a.png", ROIS, np.array([0, 1]))
        parameters = NnTraining(cntk_max_epochs=5, cntk_lr_per_image=(1e30,), cntk_nrRois=2)
        network = he_initialised(0, spec=cntk_shape(**SLIM))
        trainer = CntkNnTrainer(
            network, [picture], ("__background__", "a"), parameters, context=RunContext(threads=1, pad_size=230)
        )
        list(trainer.prepare())
        with pytest.raises(UserError, match=r"the loss is (nan|inf).*a\.png"):
            list(trainer.run())
        trainer.close()


def test_what_only_pytorch_trains_is_left_out_and_said(caplog):
    plain = NnTraining(nn_roisPerImage=64, nn_rateFactor=0.5, nn_dropout=0.2)
    assert recipe_for_cntk(plain) is plain and not caplog.records
    wanted = NnTraining(nn_bboxRegression=True, nn_fitScoreFirst=True, nn_rateFactor=0.1, nn_dropout=0.0)
    assert recipe_for_cntk(wanted) == NnTraining()  # the tutorial's steps and dropout
    assert "without nn_bboxRegression and nn_fitScoreFirst" in caplog.text


def test_a_scaled_head_gives_outputs_of_the_wanted_length_in_the_same_order():
    network = he_initialised(7, spec=cntk_shape(**SLIM))
    pooled = np.abs(np.random.default_rng(0).standard_normal((40, 12 * 36))).astype(np.float32)
    scale, arrays = scaled_head(network, pooled, 20.0)
    assert np.linalg.norm(scale * pooled, axis=1).mean() == pytest.approx(20, rel=1e-4)
    first = scale * pooled @ arrays["fc6.weight"].T + arrays["fc6.bias"]
    second = np.maximum(first, 0) @ arrays["fc7.weight"].T + arrays["fc7.bias"]
    assert np.linalg.norm(first, axis=1).mean() == pytest.approx(20, rel=1e-4)
    assert np.linalg.norm(second, axis=1).mean() == pytest.approx(20, rel=1e-4)
    before = np.maximum(pooled @ network.weight("fc6").T, 0) @ network.weight("fc7").T
    np.testing.assert_allclose(second / np.abs(second).max(), before / np.abs(before).max(), atol=1e-5)
