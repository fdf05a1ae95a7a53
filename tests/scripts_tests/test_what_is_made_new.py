"""A change makes new only what it touches, and a start where nothing is to do reads nothing."""

import builtins
import io
import json
import shutil
from pathlib import Path

import pytest

from fastRCNN.pipeline.embed_dataset import embed_dataset
from fastRCNN.svm import train_svms
from helpers import file_facts
from helpers.annotations import labels_path, read_boxes, write_annotation
from helpers.artifacts import Artifacts
from helpers.images import read_image, write_image
from tests.conftest import draw_tiny_picture


@pytest.fixture
def done(run, finished, monkeypatch):
    """A copy of a root where all steps have run, in which a step may be started; says what step 3 embeds."""
    for folder in ("proc", "results"):
        shutil.copytree(finished.root / folder, run.root / folder)
    run("2_cntkGenerateInputs.py")  # the pictures' paths are those of the copy now
    embedded = []

    def watched(records, outputs, *more, **options):
        embedded.extend(f"{record.image_path.parent.name}/{record.image_path.stem}" for record in records)
        return embed_dataset(records, outputs, *more, **options)

    monkeypatch.setattr("fastRCNN.pipeline.network_step.embed_dataset", watched)
    return run, Artifacts(run.root, "tiny"), embedded


def again(run):
    for script in run.steps[:3]:
        run(script)


def test_in_a_copy_nothing_is_embedded_again(done):
    run, _, embedded = done
    again(run)
    assert embedded == []


def test_a_changed_picture_is_embedded_alone(done):
    run, of, embedded = done
    path = of.data / "positive" / "2.png"
    image = read_image(path)
    image[40:50, 40:50] = 255
    write_image(path, image)
    again(run)
    assert embedded == ["positive/2"]


def test_a_changed_label_embeds_nothing_and_trains_the_svms(done):
    run, of, embedded = done
    file = labels_path(of.data / "positive" / "2.png")
    file.write_text("square\nsquare\n")
    before = (of.svm_folder / "svmweights_exp1.txt").read_bytes()
    again(run)
    assert embedded == []
    with pytest.raises(SystemExit, match=r"the files of 4_trainSvm\.py are stale: annotation of positive/2 changed\."):
        run("5_evaluateResults.py")
    run("4_trainSvm.py")
    assert (of.svm_folder / "svmweights_exp1.txt").read_bytes() != before


def test_svms_that_are_up_to_date_are_not_trained_again(done, monkeypatch, capsys):
    run, of, _ = done
    trained = []
    original = train_svms.train_svms
    monkeypatch.setattr(train_svms, "train_svms", lambda *more, **by: (trained.append(by), original(*more, **by))[1])
    files = sorted(of.svm_folder.iterdir())
    before = [path.read_bytes() for path in files]
    detector = of.settings_file("svm")
    detector.unlink()  # as after a kill between the two
    tables = []
    for options, times in (((), 0), (("--restart",), 1), ((), 1), (("--set", "nmsThreshold=0.2"), 1)):
        capsys.readouterr()
        run("4_trainSvm.py", *options)
        assert len(trained) == times
        said = capsys.readouterr()
        assert ("Up to date, nothing trained (--restart trains anew). Files: " in said.err) == (
            "--restart" not in options
        )
        tables.append([line.split()[:8] for line in said.out.splitlines() if line.startswith(("disc", "square"))])
        assert [path.read_bytes() for path in files] == before
    assert len(tables[0]) == 2 and all(table == tables[0] for table in tables)
    assert json.loads(detector.read_text())["settings"]["nmsThreshold"] == 0.2
    run("4_trainSvm.py", "--set", "svm_C=0.01")
    assert len(trained) == 2
    files[0].write_bytes(before[0])
    run("4_trainSvm.py")
    assert len(trained) == 3
    of.manifest_file("svm").unlink()  # now they count as brought by hand, and whoever runs step 4 wants its own
    run("4_trainSvm.py")
    assert len(trained) == 4


def test_a_moved_box_embeds_its_picture(done):
    """In training the annotated boxes are the first ROIs; in a test picture they are none."""
    run, of, embedded = done
    for key in ("positive/1", "testImages/5"):
        path = of.data / f"{key}.png"
        boxes = read_boxes(path.with_name(f"{path.stem}.bboxes.tsv"))
        write_annotation(path, boxes - [0, 0, 2, 2], ["disc", "square"])
    again(run)
    assert embedded == ["positive/1"]


def test_a_new_picture_is_embedded_alone_and_the_others_move_up(done, finished):
    run, of, embedded = done
    path = of.data / "positive" / "00.png"  # between 0 and 1
    image, boxes, labels = draw_tiny_picture(9)
    write_image(path, image)
    write_annotation(path, boxes, labels)
    again(run)
    assert embedded == ["positive/00"]
    before = Artifacts(finished.root, "tiny")
    for old, new in ((0, 0), (1, 2), (2, 3), (3, 4), (4, 5)):
        files = [of.embedding_file("train", "svm", new), before.embedding_file("train", "svm", old)]
        assert files[0].read_bytes() == files[1].read_bytes()
    for file in of.data.glob("positive/00.*"):
        file.unlink()
    embedded.clear()
    again(run)
    assert embedded == []
    assert not of.embedding_file("train", "svm", 5).exists()


def test_a_start_with_nothing_to_do_reads_no_picture_and_loads_no_network(done, monkeypatch):
    run, of, _ = done
    monkeypatch.setattr(file_facts, "_SETTLED", -1)  # as if the pictures had been there for long
    for _ in range(2):
        again(run)
    read, original = [], open

    def watched(path, *more, **options):
        read.append(Path(path) if isinstance(path, str) else path)
        return original(path, *more, **options)

    monkeypatch.setattr(builtins, "open", watched)
    monkeypatch.setattr(io, "open", watched)
    monkeypatch.setattr("fastRCNN.pipeline.picture_network.load_engine", lambda *more, **options: pytest.fail("loaded"))
    run("1_computeRois.py")
    run("3_runCntk.py")
    assert [path for path in read if isinstance(path, Path) and path.suffix in (".png", ".npz")] == []
    assert of.image_map("train") in read
    large = {name(image_set) for name in (of.rois_txt, of.roi_labels_txt) for image_set in ("train", "test")}
    assert not large.intersection(read), "gigabytes where pictures are many"


def test_step_1_draws_what_it_does_not_make(done):
    """With --pictures ROIs are drawn again, and files stay as they are."""
    from helpers.annotations import write_rois

    run, of, _ = done
    by_hand = of.roi_file("positive/0")
    write_rois(by_hand, [[1, 2, 30, 40]])
    times = {path: path.stat().st_mtime_ns for path in of.rois.rglob("*.roi.txt")}
    run("1_computeRois.py", "--pictures")
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert by_hand.with_name("0.final.jpg").exists()


def test_a_pixel_that_changes_no_roi_is_embedded_again(done):
    run, of, embedded = done
    path = of.data / "positive" / "2.png"
    before = of.roi_file("positive/2").read_bytes()
    image = read_image(path)
    image[0, 0] += 1
    write_image(path, image)
    again(run)
    assert of.roi_file("positive/2").read_bytes() == before
    assert embedded == ["positive/2"]
    with pytest.raises(SystemExit, match=r"the files of 4_trainSvm\.py are stale: embeddings of positive/2 changed\."):
        run("5_evaluateResults.py")


def test_a_changed_training_picture_trains_the_network_again(run):
    """Even where no ROI is another; a changed test picture does not."""
    nn = ("--classifier", "nn", "--set", "cntk_max_epochs=1", "--set", "nn_roisPerImage=24")
    for script in run.steps[:2]:
        run(script)
    of = Artifacts(run.root, "tiny")
    models = []
    for key in ("positive/2", "testImages/5", "positive/2"):
        run("3_runCntk.py", *nn)
        models.append(of.model_file("nn").stat().st_mtime_ns)
        path = of.data / f"{key}.png"
        image = read_image(path)
        image[0, 0] += 1
        write_image(path, image)
        for script in run.steps[:2]:
            run(script)
    assert models[0] != models[1] == models[2]
