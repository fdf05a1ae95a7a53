"""Steps 1, 3, 5 and 6 on two worker processes leave the same bytes as without."""

from pathlib import Path

import pytest

from tests.conftest import Runner, draw_tiny_data_set

pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore")  # Dask's own
LOCAL = ("--cluster", "dask:local:2")


def files_of(root: Path) -> dict[str, bytes]:
    patterns = ("proc/tiny/rois/*/*.roi.txt", "proc/tiny/cntkFiles/*_parsed/*.npz", "proc/tiny/manifests/r*s.json",
                "results/tiny/evaluation_*.json")  # fmt: skip
    wanted = [path for pattern in patterns for path in root.glob(pattern)]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in wanted}


@pytest.mark.parametrize("classifier", ["svm", "nn"])
def test_same_bytes(tmp_path: Path, slim_weights: Path, classifier: str) -> None:
    found = []
    for name, options in (("alone", ()), ("together", LOCAL)):
        run = Runner(draw_tiny_data_set(tmp_path / name), slim_weights)
        more = ("--classifier", classifier, "--set", "cntk_max_epochs=1")
        run("1_computeRois.py", *more, *options)
        run("2_cntkGenerateInputs.py", *more)
        run("3_runCntk.py", *more, *options)
        run("4_trainSvm.py", *more)
        run("5_evaluateResults.py", *more, *options)
        found.append(files_of(tmp_path / name))
    assert len(found[0]) >= 7 + 7 + 2 and found[0] == found[1]


def test_pictures_in_memory(finished: Runner, tmp_path: Path) -> None:
    pictures = [str(path) for path in sorted((finished.root / "data/tiny").rglob("*.png"))]
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(Path(pictures[0]).read_bytes()[:900])
    found = []
    for name, options in (("alone", ()), ("together", LOCAL)):
        of = tmp_path / name
        with pytest.raises(SystemExit, match=r"1 picture\(s\) could not be scored:\n.*damaged\.png"):
            finished("6_scoreImage.py", *pictures, str(damaged), "--json", str(of / "d.json"), "--pictures",
                     str(of / "drawn"), *options)  # fmt: skip
        found.append({path.relative_to(of).as_posix(): path.read_bytes() for path in of.rglob("*") if path.is_file()})
    assert len(found[0]) == 1 + len(pictures) == 8 and found[0] == found[1]


def test_a_start_with_nothing_to_do_needs_no_cluster(finished: Runner) -> None:
    finished("1_computeRois.py", "--cluster", "dask:tcp://127.0.0.1:9")
    finished("3_runCntk.py", "--cluster", "dask:tcp://127.0.0.1:9")
