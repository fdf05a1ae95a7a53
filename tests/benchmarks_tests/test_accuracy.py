"""benchmarks/accuracy.py: which runs are made, on which pictures, and how their numbers become a table."""

from pathlib import Path

import pytest

from benchmarks.accuracy import Experiment, Place, cell, experiments, parse, step_options, tables


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Seven annotated pictures, four to train and three to test, and one without objects."""
    data = tmp_path / "photos"
    for part, names in {"positive": "aceg", "testImages": "bdf", "negative": "n"}.items():
        (data / part).mkdir(parents=True)
        for name in names:
            for suffix in (".jpg", ".bboxes.tsv", ".bboxes.labels.tsv"):
                (data / part / f"{name}{suffix}").write_text(name)
    return data


def pictures(folder: Path) -> str:
    return "".join(sorted(path.stem for path in folder.glob("*.jpg")))


def options(monkeypatch: pytest.MonkeyPatch, *arguments: str):
    monkeypatch.setattr("sys.argv", ["accuracy.py", "--out", "x", *arguments])
    return parse()


def test_every_combination_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = list(experiments(options(monkeypatch, "--rois", "200", "2000", "--seeds", "0", "1", "2")))
    with_rois = [run for run in runs if run.rois]
    assert len(with_rois) == len(set(with_rois)) == 2 * 3 * 2 * 2 * 2  # sizes, seeds, networks, classifiers, boxes
    own = [run for run in runs if not run.rois]  # the network's own proposals, trained at once or in stages
    assert len(own) == len(set(own)) == 3 * 2 * 2
    assert {run.classifier for run in own} == {"faster", "faster, four stages"}
    assert {run.dataset for run in runs} == {"bundled"}


def test_a_network_that_proposes_is_not_told_how_many(tmp_path: Path) -> None:
    run = Experiment("bundled", "bundled", "faster, four stages", True, 0, 1)
    assert step_options(run, Place(tmp_path, None)) == ["--seed", "1", "--set", "faster_training=stages"]


def test_photos_are_needed_for_their_sets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        options(monkeypatch, "--sets", "photos")
    assert "--photos" in capsys.readouterr().err


def test_folds_test_every_picture_once(tmp_path: Path, photos: Path) -> None:
    place = Place(tmp_path / "out", photos)
    folds = [root / "data" / "grocery" for root in place.roots("leave-four-out")]
    assert [pictures(fold / "testImages") for fold in folds] == ["af", "bg", "c", "d", "e"]
    assert [pictures(fold / "positive") for fold in folds] == ["bcdeg", "acdef", "abdefg", "abcefg", "abcdfg"]
    assert all(pictures(fold / "negative") == "n" for fold in folds)
    assert (folds[1] / "testImages" / "g.bboxes.labels.tsv").read_text() == "g"


def test_one_set_against_the_other(tmp_path: Path, photos: Path) -> None:
    place = Place(tmp_path / "out", photos, bundled=photos)
    (to_photos,) = place.roots("bundled to photos")
    assert pictures(to_photos / "data" / "grocery" / "positive") == "aceg"
    assert pictures(to_photos / "data" / "grocery" / "testImages") == "abcdefg"
    (to_bundled,) = place.roots("photos to bundled")
    assert pictures(to_bundled / "data" / "grocery" / "positive") == "abcdefg"
    assert pictures(to_bundled / "data" / "grocery" / "testImages") == "bdf"


def test_options_of_the_steps(tmp_path: Path) -> None:
    place = Place(tmp_path, None)
    words = step_options(Experiment("bundled", "random", "nn", True, 2000, 4), place)
    assert "nn_bboxRegression=True" in words and "cntk_nrRois=2000" in words
    assert words[words.index("--seed") + 1] == "4"
    assert f"cntk_model={tmp_path / 'random_4.npz'}" in words and (tmp_path / "random_4.npz").exists()


def entry(network: str, rois: int, seed: int, area: float) -> dict:
    experiment = {
        "dataset": "photos", "network": network, "classifier": "svm", "boxes": False, "rois": rois, "seed": seed,
    }  # fmt: skip
    return {"experiment": experiment, "area": area, "eleven": area + 0.01, "seconds": []}


def test_tables_show_medians_and_spread() -> None:
    runs = [entry("bundled", 200, seed, area) for seed, area in enumerate((0.5, 0.9, 0.6))]
    assert cell(runs) == "0.600 / 0.610 (0.500 to 0.900)"
    lines = tables([*runs, entry("random", 2000, 0, 0.25)]).splitlines()
    assert lines[0].startswith("## Microsoft's photos")
    assert lines[2] == "| network | classifier | box regression | 200 ROIs | 2000 ROIs |"
    assert lines[4] == "| bundled | svm | no | 0.600 / 0.610 (0.500 to 0.900) |  |"
    assert lines[5] == "| random | svm | no |  | 0.250 / 0.260 |"
