"""All steps with --classifier faster: files, freshness, the same numbers in files and in memory."""

import json
import shutil

import numpy as np
import pytest

from fastRCNN.detector import Detector
from fastRCNN.pipeline.proposed_rois import read_objectness
from helpers.annotations import read_rois
from helpers.artifacts import Artifacts
from helpers.images import read_image
from tests.conftest import Runner, draw_tiny_data_set
from tests.scripts_tests.test_pipeline import digests

OPTIONS = ("--classifier", "faster", *(part for choice in (
    "faster_max_epochs=2", "rpn_testAfterNms=40", "rpn_trainAfterNms=60", "cntk_padWidth=300", "cntk_padHeight=300",
) for part in ("--set", choice)))  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory, slim_weights):
    """A root where step 3 and both scripts of step 5 have run; tests must leave it as it is."""
    runner = Runner(draw_tiny_data_set(tmp_path_factory.mktemp("faster")), slim_weights)
    for script in ("3_runCntk.py", "5_evaluateResults.py", "5_visualizeResults.py"):
        runner(script, *OPTIONS)
    return runner


def test_steps_that_are_not_needed_say_so(run, capsys):
    for script in ("1_computeRois.py", "2_cntkGenerateInputs.py", "4_trainSvm.py"):
        run(script, *OPTIONS)
        said = capsys.readouterr().err
        assert said.startswith('classifier is "faster": the network itself')
        assert said.endswith(f"step {script[0]} is not needed.\n")
    assert not (run.root / "proc").exists()


def test_what_it_leaves(done):
    of = Artifacts(done.root, "tiny")
    assert not of.rois.exists() and not of.rois_txt("train").exists()
    for index, key in enumerate(("testImages/5", "testImages/6")):
        file = of.proposed_roi_file("faster", key)
        rois = read_rois(file)
        objectness = read_objectness(file, len(rois))
        assert 0 < len(rois) <= 40 and (np.diff(objectness) <= 0).all() and (objectness > 0).all()
        assert (rois >= 0).all() and (rois[:, 2] < 120).all() and (rois[:, 3] < 90).all()
        for name, width in (("dat", 3), ("boxes", 12)):
            with np.load(of.parsed_folder("test", "faster") / f"{index}.{name}.npz") as rows:
                assert rows["arr_0"].shape == (len(rois), width)
    evaluation = json.loads((of.results / "evaluation_test_faster.json").read_text())
    assert evaluation["nr_rois"] == 40 and set(evaluation["classes"]) == {"disc", "square"}
    assert (of.results / "report.html").is_file()


def test_in_memory_as_in_files(done):
    of = Artifacts(done.root, "tiny")
    with Detector.load(of.proc, classifier="faster") as detector:
        images = [read_image(of.data / "testImages" / f"{n}.png") for n in (5, 6)]
        alone = [detector.detect(image) for image in images]
        together = detector.detect_many(images)
    for n, one, beside in zip((5, 6), alone, together, strict=True):
        table = (of.results / "visualizations" / f"faster_{n - 5}{n}.detections.tsv").read_text().splitlines()[1:]
        shown = [line.split("\t") for line in table]
        assert len(shown) == len(one) > 0
        assert [row[0] for row in shown] == [one.class_names[label] for label in one.labels]
        np.testing.assert_allclose([float(row[1]) for row in shown], one.scores, rtol=1e-5)
        assert [[int(x) for x in row[3:]] for row in shown] == one.boxes.tolist()
        np.testing.assert_array_equal(one.boxes, beside.boxes)


def test_step_6(done, capsys):
    done("6_scoreImage.py", str(done.root / "data/tiny/testImages/5.png"), "--format", "v2", *OPTIONS)
    found = json.loads(capsys.readouterr().out)
    assert found and {record["label"] for record in found} <= {"disc", "square"}
    assert min(record["score"] for record in found) >= 0.05  # scoreThresholds
    done(
        "6_scoreImage.py", str(done.root / "data/tiny/testImages/5.png"), "--format", "v2", *OPTIONS,
        "--set", "scoreThresholds={'faster': 0.2}",
    )  # fmt: skip
    assert json.loads(capsys.readouterr().out) == [record for record in found if record["score"] >= 0.2]


def test_b1_beside_step_1(done, capsys):
    of = Artifacts(done.root, "tiny")
    done("B1_evaluateRois.py", *OPTIONS)
    alone = capsys.readouterr().out
    assert "12 objects in 7 pictures; rpn_testAfterNms is 40" in alone and "per class, with the first 40 ROIs" in alone
    assert "objects that an anchor covers before it moves: " in alone and "step 1" not in alone
    done("1_computeRois.py", "--quiet")
    for options in (OPTIONS, ()):
        capsys.readouterr()
        done("B1_evaluateRois.py", *options)
        both = capsys.readouterr().out.splitlines()
        header = next(line for line in both if "network (faster), IoU 0.7" in line)
        assert "step 1, IoU 0.5" in header
    rows = (of.results / "roi_recall_compared.tsv").read_text().splitlines()
    assert rows[0].split("\t")[1] == "step 1, IoU 0.5" and rows[1].split("\t")[0] == "10"
    assert (of.results / "roi_recall_compared.png").is_file()
    shutil.rmtree(of.rois)


def test_b2_draws_every_step(done, capsys):
    done("B2_cntkVisualizeInputs.py", *OPTIONS, "--image-set", "test", "--pictures", "1")
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("picture  ") and said[2].split()[:2] == ["test_05", "2"] and len(said) == 3
    drawn = sorted(path.name for path in (done.root / "results/tiny/regions").iterdir())
    steps = ("1_anchors", "2_anchorTargets", "3_objectness", "4_before", "5_after", "6_targets")
    assert drawn == [f"test_05.{step}.jpg" for step in steps]


def test_again_it_does_nothing(done, monkeypatch):
    before = digests(done.root / "proc")
    monkeypatch.setattr("fastRCNN.pipeline.picture_network.load_engine", lambda *more, **options: pytest.fail("loaded"))
    done("3_runCntk.py", *OPTIONS)
    assert digests(done.root / "proc") == before


@pytest.fixture
def mine(tmp_path, slim_weights):
    """A root of its own, for tests that change something; the network learns for one epoch."""
    runner = Runner(draw_tiny_data_set(tmp_path), slim_weights)
    options = (*OPTIONS, "--set", "faster_max_epochs=1")
    runner("3_runCntk.py", *options)
    return lambda script, *more: runner(script, *options, *more), Artifacts(tmp_path, "tiny")


def test_what_is_lost_is_made_again_alone(mine):
    run, of = mine
    before = digests(of.proc)
    of.proposed_roi_file("faster", "testImages/5").unlink()
    with pytest.raises(SystemExit, match=r"5.roi.txt: not there yet. Run 3_runCntk.py first"):
        run("5_evaluateResults.py")
    model = of.model_file("faster").stat().st_mtime_ns
    run("3_runCntk.py")
    after = digests(of.proc)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert all(name.endswith("manifests/seen.json") for name in changed)
    assert of.model_file("faster").stat().st_mtime_ns == model


def test_other_parameters_make_it_stale(mine):
    run, of = mine
    with pytest.raises(SystemExit, match=r"files of 3_runCntk.py are stale: .*rpn_testAfterNms"):
        run("5_evaluateResults.py", "--set", "rpn_testAfterNms=30")
    run("5_evaluateResults.py", "--set", "cntk_nrRois=77", "--set", "roi_minDimRel=0.2")  # of steps it does without
    (of.data / "positive" / "0.bboxes.labels.tsv").write_text("square\nsquare\n")
    with pytest.raises(SystemExit, match=r"stale: annotation of positive/0"):
        run("5_evaluateResults.py")


def test_the_same_bytes_again(mine):
    run, of = mine
    found = []
    for _ in range(2):
        run("3_runCntk.py", "--restart")
        made = digests(of.proc)
        found.append({n: made[n] for n in made if any(part in n for part in ("models/frcn", "rois_f", "cntkFiles"))})
    assert len(found[0]) == 29 and found[0] == found[1]


def test_published_rules_run_as_well(mine):
    run, of = mine
    for script in ("3_runCntk.py", "5_evaluateResults.py"):
        run(script, "--compat", "tutorial", "--set", "faster_max_epochs=1")
    assert 40 < len(read_rois(of.proposed_roi_file("faster", "testImages/5"))) <= 300  # the published number, not ours


def test_cntk_is_refused(run):
    with pytest.raises(SystemExit, match="--engine cntk cannot train classifier faster"):
        run("3_runCntk.py", *OPTIONS, "--engine", "cntk")
