"""run.py with tiny scripts in place of the steps, in a folder of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import run as program
from helpers.errors import UserError

REPOSITORY = Path(__file__).resolve().parents[2]
FAKE_STEP = """
import json, os, pathlib, sys
name = pathlib.Path(__file__).name
with open(pathlib.Path(__file__).with_name("log.txt"), "a") as log:
    log.write(json.dumps([name, *sys.argv[1:]]) + "\\n")
print("result of", name)
sys.exit(int(os.environ.get("FAIL_" + name[0], "0")))
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose steps only note that they ran, with a data set of one test picture."""
    for _, script, _, _ in program.STEPS:
        (tmp_path / script).write_text(FAKE_STEP)
    for name in ("helpers", "fastRCNN", "PARAMETERS.py"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    pictures = tmp_path / "data" / "grocery" / "testImages"
    pictures.mkdir(parents=True)
    for name in ("b.jpg", "a.JPG", "a.bboxes.tsv"):
        (pictures / name).touch()
    monkeypatch.setattr(program, "REPOSITORY", tmp_path)
    monkeypatch.setattr(program, "set_up", lambda repository: Path(sys.executable))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(fake: Path) -> list[list[str]]:
    log = fake / "log.txt"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def write_evaluation(fake: Path, image_set: str = "test", classifier: str = "svm") -> None:
    results = fake / "results" / "grocery"
    (results / "visualizations").mkdir(parents=True, exist_ok=True)
    (results / "report.html").touch()
    classes = {
        "orange": {"ap_11point": 0.90909, "ap_area": 0.875, "positives": 5, "detections": 7},
        "Zuckertüte": {"ap_11point": None, "ap_area": float("nan"), "positives": 0, "detections": 0},
    }
    evaluation = {"mAP_11point": 0.90909, "mAP_area": 0.875, "classes": classes}
    path = results / f"evaluation_{image_set}_{classifier}.json"
    path.write_text(json.dumps(evaluation, ensure_ascii=False), encoding="utf-8")


# ---- the command line ------------------------------------------------------------------------------------------------


def test_command_lines() -> None:
    assert program.parse([]) == ("steps", 1, 6, [])
    assert program.parse(["--from", "3", "--to=5"]) == ("steps", 3, 5, [])
    assert program.parse(["--set", "a=b", "--from=2", "--jobs", "2"]) == (
        "steps",
        2,
        6,
        ["--set", "a=b", "--jobs", "2"],
    )
    assert program.parse(["test", "-k", "nms", "--from"]) == ("test", 1, 6, ["-k", "nms", "--from"])
    assert program.parse(["bench", "--help"]) == ("bench", 1, 6, ["--help"])
    assert program.parse(["--seed", "1", "--help"]) is None


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--from", "7"], "--from 7: expected the number of a step, 1 to 6"),
        (["--to"], "--to : expected the number of a step"),
        (["--from", "4", "--to", "2"], "--from 4 --to 2: there is no step between"),
        (["tests"], "tests: no such command; expected test, bench or an option"),
    ],
)
def test_wrong_command_line(argv: list[str], message: str, fake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(argv) == 2
    assert message in capsys.readouterr().err
    assert ran(fake) == []


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("--from 3 --to 5", "run.py test", "run.py bench", "--set cntk_nrRois=2000"))


# ---- steps -----------------------------------------------------------------------------------------------------------


def test_runs_all_steps_and_sums_up(fake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_evaluation(fake)
    options = ["--root", str(fake), "--set", "cntk_nrRois=100"]
    assert program.main(options) == 0
    scripts = [script for _, script, _, _ in program.STEPS]
    picture = str(Path("data", "grocery", "testImages", "a.JPG"))
    scored = Path("results", "grocery", "scored")
    assert ran(fake)[:-1] == [[script, *options] for script in scripts[:-1]]
    assert ran(fake)[-1] == [
        scripts[-1],
        picture,
        "--json",
        str(scored / "a.json"),
        "--pictures",
        str(scored),
        *options,
    ]
    out = capfd.readouterr().out
    assert f"python{'.exe' if os.name == 'nt' else ''} 1_computeRois.py --root {fake} --set cntk_nrRois=100\n" in out
    assert "result of 3_runCntk.py" in out
    for written in ("proc/grocery/rois", "proc/grocery/cntkFiles", "results/grocery/evaluation_test_svm.json"):
        assert f"s, wrote {Path(written)}\n" in out
    ends = [line.split() for line in out.splitlines()]
    assert ["orange", "0.875", "0.909"] in ends
    assert ["Zuckertüte", "n/a", "n/a"] in ends
    assert ["mAP", "0.875", "0.909"] in ends
    assert ["Pictures:", str(Path("results", "grocery", "visualizations"))] in ends
    assert ["Report:", str(Path("results", "grocery", "report.html"))] in ends
    assert ends[-1][0] == "Time:"


def test_runs_some_steps(fake: Path) -> None:
    assert program.main(["--root", str(fake), "--from", "4", "--to", "5"]) == 0
    assert [call[0] for call in ran(fake)] == ["4_trainSvm.py", "5_evaluateResults.py", "5_visualizeResults.py"]


def test_stops_at_the_first_failure(
    fake: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIL_2", "3")
    assert program.main(["--to", "4", "--root", str(fake), "--set", "ss_kvals=(1, 2, 3)"]) == 3
    assert [call[0] for call in ran(fake)] == ["1_computeRois.py", "2_cntkGenerateInputs.py"]
    err = capfd.readouterr().err
    assert "Step 2 (2_cntkGenerateInputs.py) failed with exit status 3" in err
    assert f"python3 run.py --from 2 --to 4 --root {fake} --set 'ss_kvals=(1, 2, 3)'" in err
    monkeypatch.delenv("FAIL_2")
    assert program.main(["--from", "2", "--to", "4", "--root", str(fake)]) == 0
    assert [call[0][0] for call in ran(fake)] == list("12234")


def test_step_that_was_killed_is_a_failure(fake: Path) -> None:
    (fake / "1_computeRois.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    assert program.main(["--root", str(fake)]) == 1


def test_wrong_parameter_stops_before_the_first_step(fake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--root", str(fake), "--set", "cntk_nrROIs=5"]) == 1
    assert "no such parameter; did you mean cntk_nrRois?" in capfd.readouterr().err
    assert program.main(["--root", str(fake), "--engine", "caffe"]) == 2
    assert ran(fake) == []


def test_other_classifier_and_image_set(fake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_evaluation(fake, "train", "nn")
    assert program.main(["--root", str(fake), "--classifier", "nn", "--from", "4", "--image-set", "train"]) == 0
    out = capfd.readouterr().out
    assert "mAP" in out
    assert "trainedSvm" not in out


def test_without_evaluation_there_is_a_time(fake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--root", str(fake), "--to", "1"]) == 0
    assert capfd.readouterr().out.splitlines()[-1].startswith("Time:")


def test_no_test_picture(fake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--root", str(fake), "--dataset", "mine", "--from", "6"]) == 1
    assert f"{fake / 'data' / 'mine' / 'testImages'}: step 6 scores a test picture" in capfd.readouterr().err


# ---- tests, benchmarks, faults ---------------------------------------------------------------------------------------


def test_runs_lint_types_and_tests(
    fake: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    called: list[list[str]] = []

    def note(command: list[str], folder: Path) -> int:
        assert folder == fake
        called.append([str(part) for part in command[2:]])
        return 1 if command[2] == "mypy" else 0

    monkeypatch.setattr(program, "call", note)
    assert program.main(["test", "-k", "nms"]) == 1
    assert called == [["ruff", "check", "."], ["mypy"], ["pytest", "-k", "nms"]]
    assert "Failed: mypy." in capfd.readouterr().err


def test_runs_the_benchmarks(fake: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert program.main(["bench"]) == 1
    assert "run_all.py: the benchmarks are not there" in capfd.readouterr().err
    (fake / "benchmarks").mkdir()
    (fake / "benchmarks" / "run_all.py").write_text("import sys; print('asked', sys.argv[1:])")
    assert program.main(["bench", "--quick"]) == 0
    assert "asked ['--quick']" in capfd.readouterr().out


def test_failed_set_up(fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(repository: Path) -> Path:
        raise UserError("pip could not install the packages")

    monkeypatch.setattr(program, "set_up", fail)
    assert program.main([]) == 1
    assert "pip could not install the packages" in capsys.readouterr().err


def test_interrupted(fake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "call", interrupt)
    assert program.main(["--root", str(fake)]) == 130
    assert "interrupted: what was finished is kept; run the same command again to continue" in capsys.readouterr().err


@pytest.mark.parametrize("version", ["3.8", "3.9"])
def test_syntax_lets_an_older_python_reach_the_message(version: str) -> None:
    import ast

    source = (REPOSITORY / "run.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=tuple(map(int, version.split("."))))
    start = source[: source.index("from helpers")]
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.version_info = (3, 8)\n" + start], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("This tutorial needs Python 3.10 or newer, this is 3.8.")
