"""Classifier svm without stored embeddings: the same SVMs, results and detector as with them."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from fastRCNN.svm.train_svms import _Training
from tests.conftest import Runner, draw_tiny_data_set

COMPUTED = ("--set", "svm_embeddings=computed")
MANY_ROUNDS = ("--set", "svm_retrainLimit=20")


def files_of(root: Path) -> dict[str, bytes]:
    patterns = ("proc/tiny/trainedSvm/*", "proc/tiny/models/*", "results/tiny/**/*.json", "results/tiny/**/*.tsv")
    wanted = [path for pattern in patterns for path in root.glob(pattern)]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in wanted}


def message(run: Runner, script: str, *options: str) -> str:
    with pytest.raises(SystemExit) as leaving:
        run(script, *options)
    return str(leaving.value.code)


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory, slim_weights: Path) -> Runner:
    runner = Runner(draw_tiny_data_set(tmp_path_factory.mktemp("computed")), slim_weights)
    for script in Runner.steps:
        runner(script, *(COMPUTED if script[0] == "3" else ()))  # the later steps follow
    return runner


def test_the_same_bytes_as_with_stored_ones(finished: Runner, computed: Runner) -> None:
    assert not list((computed.root / "proc/tiny/cntkFiles").glob("*_parsed/*"))
    ours, theirs = files_of(computed.root), files_of(finished.root)
    assert len(ours) > 15 and "proc/tiny/trainedSvm/boxes_exp1.npz" in ours
    assert ours == theirs


@pytest.mark.parametrize("options", [("--compat", "tutorial"), ("--set", "cntk_embeddingType=float32")])
def test_other_numbers(tmp_path: Path, slim_weights: Path, options: tuple[str, ...]) -> None:
    found = []
    for name, more in (("stored", ()), ("computed", COMPUTED)):
        run = Runner(draw_tiny_data_set(tmp_path / name), slim_weights)
        for script in run.steps[:5]:
            run(script, *options, *more)
        found.append(files_of(run.root))
    assert found[0] == found[1]


def test_folds_and_tuning(finished: Runner, computed: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for run in (finished, computed):
        run("5_evaluateResults.py", "--folds", "2")
        said.append(capsys.readouterr())
    assert said[0].out == said[1].out
    assert "the network runs again for each pass, 4 times for all pictures" in said[1].err
    computed("B4_tuneParameters.py", "--folds", "2", "--minutes", "0.001")
    assert "nms_softSigma" in capsys.readouterr().out
    (computed.root / "results/tiny/tuning.tsv").unlink()


@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_on_a_cluster(computed: Runner, tmp_path: Path, slim_weights: Path) -> None:
    pytest.importorskip("distributed")
    run = Runner(draw_tiny_data_set(tmp_path), slim_weights)
    for script in run.steps:
        more = ("--cluster", "dask:local:2") if script in (*run.steps[2:4], "5_evaluateResults.py") else ()
        run(script, *(COMPUTED if script[0] == "3" else ()), *more)  # the report names what was given
    assert files_of(run.root) == files_of(computed.root)


def test_what_is_stale_and_what_stands(tmp_path: Path, slim_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Runner(draw_tiny_data_set(tmp_path), slim_weights)
    for script in run.steps[:2]:
        run(script)
    assert "embeddings_svm.json: not there yet. Run 3_runCntk.py first" in message(run, "4_trainSvm.py", *COMPUTED)
    for script in run.steps[2:4]:
        run(script)
    stored = list((tmp_path / "proc/tiny/cntkFiles").glob("*_parsed/*.npz"))
    assert len(stored) == 7
    assert "svm_embeddings was 'unset', is 'computed'. Run 3_runCntk.py again" in message(
        run, "4_trainSvm.py", *COMPUTED
    )
    run("3_runCntk.py", *COMPUTED)  # what was stored is no longer wanted
    assert not any(path.exists() for path in stored)
    assert 'svm_embeddings is "computed"' in capsys.readouterr().err
    run("3_runCntk.py")  # "auto" leaves it so
    assert not any(path.exists() for path in stored)
    assert "0.dat.npz and 6 more: not there yet. Run 3_runCntk.py first" in message(
        run, "4_trainSvm.py", "--set", "svm_embeddings=stored"
    )
    run("4_trainSvm.py")
    run("5_evaluateResults.py")
    (tmp_path / "data/tiny/positive/0.png").write_bytes((tmp_path / "data/tiny/positive/1.png").read_bytes())
    assert "picture positive/0 changed" in message(run, "5_evaluateResults.py")
    run("1_computeRois.py")
    run("2_cntkGenerateInputs.py")
    assert "Run 3_runCntk.py again" in message(run, "4_trainSvm.py")
    run("3_runCntk.py")
    assert "embeddings of positive/0 changed" in message(run, "5_evaluateResults.py")


def test_auto_looks_at_the_disk(tmp_path: Path, slim_weights: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    run = Runner(draw_tiny_data_set(tmp_path), slim_weights)
    for script in run.steps[:2]:
        run(script)
    counts = [path.read_text().split() for path in (tmp_path / "proc/tiny/cntkFiles").glob("*.nrRois.txt")]
    rows = sum(int(count) for of_set in counts for count in of_set)
    needed = 2 * 64 * rows  # float16
    for free, kept in ((2 * needed - 2, 0), (1e12, 0), (2 * needed, 7)):
        if kept:
            (tmp_path / "proc/tiny/manifests/embeddings_svm.json").unlink()  # nothing was decided
        usage = SimpleNamespace(free=int(free + 50e6 * kept))  # so much is spared, for what comes later
        monkeypatch.setattr("shutil.disk_usage", lambda folder, usage=usage: usage)
        run("3_runCntk.py")
        assert len(list((tmp_path / "proc/tiny/cntkFiles").glob("*_parsed/*.npz"))) == kept
    assert " ROIs would take " in capsys.readouterr().err


@pytest.mark.parametrize("after", [0, 1, 2])
def test_goes_on_after_the_last_whole_pass(
    computed: Runner, tmp_path: Path, slim_weights: Path, monkeypatch: pytest.MonkeyPatch, capsys, after: int
) -> None:
    run, passes = Runner(draw_tiny_data_set(tmp_path), slim_weights), []
    for script in run.steps[:3]:
        run(script, *COMPUTED)
    mine = _Training.mine

    def stopped(self: _Training, epoch: int) -> None:
        if epoch == after:
            raise KeyboardInterrupt
        mine(self, epoch)

    def counted(self: _Training, epoch: int) -> None:
        passes.append(epoch)
        mine(self, epoch)

    checkpoint = tmp_path / "proc/tiny/trainedSvm/checkpoint.npz"
    if after < 2:
        monkeypatch.setattr(_Training, "mine", stopped)
    else:  # it was all mined, and then the boxes failed
        monkeypatch.setattr("fastRCNN.svm.boxes.BoxExamples.fit", None)
    with pytest.raises((KeyboardInterrupt, SystemExit, TypeError)):
        run("4_trainSvm.py", *COMPUTED, *MANY_ROUNDS)
    assert checkpoint.is_file()
    monkeypatch.undo()
    monkeypatch.setattr(_Training, "mine", counted)
    run("4_trainSvm.py", *COMPUTED, *MANY_ROUNDS)
    assert passes == [0, 1][after:] and not checkpoint.exists()
    resumed = files_of(tmp_path)
    run("4_trainSvm.py", *COMPUTED, *MANY_ROUNDS, "--restart")
    assert files_of(tmp_path) == resumed


def test_another_training_is_not_continued(
    tmp_path: Path, slim_weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Runner(draw_tiny_data_set(tmp_path), slim_weights)
    for script in run.steps[:3]:
        run(script, *COMPUTED)
    checkpoint = tmp_path / "proc/tiny/trainedSvm/checkpoint.npz"
    with monkeypatch.context() as patch:
        patch.setattr(_Training, "mine", lambda self, epoch: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run("4_trainSvm.py")
    run("4_trainSvm.py", "--set", "svm_C=0.01")
    assert "checkpoint.npz: of a training with other parameters or pictures" in capsys.readouterr().err
    for content, restart in ((b"damaged", False), (b"damaged", True)):
        checkpoint.write_bytes(content)
        run("4_trainSvm.py", *(["--restart"] if restart else []))
        assert ("cannot be continued" in capsys.readouterr().err) == (not restart)
