"""What each file of the steps is made from: a change makes new what it touches, and nothing else."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fastRCNN.pipeline.recipes import STAGES, Choices, Workplace
from fastRCNN.pipeline.stages import dataset_of
from helpers.annotations import write_rois
from helpers.artifacts import IMAGE_SETS, Artifacts
from helpers.file_facts import FileFacts
from PARAMETERS import get_parameters


@pytest.fixture
def tiny(tiny_root):
    return Artifacts(tiny_root, "tiny")


def place_of(tiny: Artifacts, *more: str, random_filters: bool = False) -> Workplace:
    p = get_parameters(["--root", str(tiny.root), "--dataset", "tiny", *more])
    p.cntk_model = "" if random_filters else p.cntk_model
    datasets = {image_set: dataset_of(p, image_set) for image_set in IMAGE_SETS}
    return Workplace(tiny, datasets, Choices.choose(p), FileFacts())


def set_to(*settings: str) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


def names_of(files: Mapping[Path, str], tiny: Artifacts) -> list[str]:
    return [path.relative_to(tiny.proc).as_posix() for path in files]


def write_inputs(tiny: Artifacts, rois: str = "1 1", labels: str = "1 0") -> None:
    """Step 2's files, as far as recipes look at them; `rois` and `labels` are those of picture 1."""
    tiny.cntk_files.mkdir(parents=True, exist_ok=True)
    for image_set, count in (("train", 5), ("test", 2)):
        numbers = range(count)
        of_1 = {1: rois} if image_set == "train" else {}
        tiny.rois_txt(image_set).write_text("".join(f"{i} |rois {of_1.get(i, i)}\n" for i in numbers))
        of_1 = {1: labels} if image_set == "train" else {}
        tiny.roi_labels_txt(image_set).write_text("".join(f"{i} |roiLabels {of_1.get(i, i)}\n" for i in numbers))
        tiny.nr_rois_txt(image_set).write_text("1\n" * count)


def changed(before: Mapping[Path, str], after: Mapping[Path, str]) -> list[str]:
    """The names of files whose recipe is another one."""
    assert before.keys() == after.keys()
    return [path.name for path in before if before[path] != after[path]]


def test_parameters_of_each_stage_by_name_and_by_prefix(tiny):
    values = place_of(tiny).choices.values
    assert values.keys() == STAGES.keys()
    assert {"ss_method", "roi_maxImgDim", "grid_nrScales", "compat"} <= values["rois"].keys()
    assert not {"cntk_nrRois", "svm_C", "seed"} & values["rois"].keys()
    published = place_of(tiny, "--compat", "tutorial").choices.values
    assert "seed" in published["rois"], "of the shuffle"
    assert values["inputs"].keys() == {
        "cntk_nrRois", "cntk_padWidth", "cntk_padHeight", "train_posOverlapThres", "compat"
    }  # fmt: skip
    assert values["embeddings"].keys() == {
        "engine", "cntk_precision", "cntk_embeddingType", "cntk_nrRois", "cntk_padWidth"
    }  # fmt: skip
    assert {"svm_C", "seed", "compat"} <= values["svm"].keys()


def test_the_seed_matters_to_a_network_that_is_trained_or_random(tiny, slim_weights):
    given = set_to(f"cntk_model={slim_weights}")
    assert place_of(tiny, *given).choices.values["network"].keys() == {"cntk_svdRanks"}
    assert place_of(tiny, random_filters=True).choices.values["network"].keys() == {"cntk_svdRanks", "seed"}
    trained = place_of(tiny, *given, "--classifier", "nn").choices
    assert {"seed", "nn_flip", "cntk_max_epochs", "engine", "cntk_trainingPrecision"} <= trained.values[
        "network"
    ].keys()
    assert (trained.classifier, trained.weights) == ("nn", slim_weights)
    assert place_of(tiny, random_filters=True).choices.weights is None


def test_rois_are_made_from_their_picture_alone(tiny):
    plan = place_of(tiny).plan("rois")
    folders = {"positive": "0123", "negative": "4", "testImages": "56"}
    expected = [f"rois/{folder}/{number}.roi.txt" for folder, numbers in folders.items() for number in numbers]
    assert sorted(names_of(plan.files, tiny)) == sorted(expected)
    assert plan.may_be_exchanged and not plan.together
    assert all(unit == (path,) for path, unit in plan.units.items()) and len(plan.units) == 7
    picture = tiny.data / "positive" / "1.png"
    picture.write_bytes((tiny.data / "positive" / "0.png").read_bytes())
    assert changed(plan.files, place_of(tiny).plan("rois").files) == ["1.roi.txt"]
    assert len(changed(plan.files, place_of(tiny, *set_to("roi_maxImgDim=77")).plan("rois").files)) == 7


def test_inputs_are_made_from_lists_rois_annotations_and_classes(tiny):
    for key in ("positive/0", "testImages/5"):
        write_rois(tiny.roi_file(key), [[0, 0, 9, 9]])
    before = place_of(tiny).plan("inputs")
    assert before.together and before.needed == tuple(before.files)
    assert len(set(before.files.values())) == 1 and len(before.files) == 8
    write_rois(tiny.roi_file("testImages/5"), [[0, 0, 9, 8]])
    after = place_of(tiny).plan("inputs")
    assert after.recipe.changes(before.recipe) == ["ROI file of testImages/5 changed"]
    (tiny.data / "positive" / "0.bboxes.labels.tsv").write_text("square\nsquare\n")
    named = place_of(tiny).plan("inputs")
    assert named.recipe.changes(after.recipe) == ["annotation of positive/0 changed"]
    for picture in (tiny.data / "negative").iterdir():
        picture.unlink()
    gone = place_of(tiny).plan("inputs")
    assert gone.recipe.changes(named.recipe) == [
        "annotation of negative/4 was removed", "list of train pictures changed"
    ]  # fmt: skip
    others = place_of(tiny, *set_to("classes=('square', 'disc')")).plan("inputs")
    order = "classes: another order, was ['disc', 'square'], is ['square', 'disc']"
    assert others.recipe.changes(gone.recipe) == [order]  # no annotation has changed


def test_a_network_that_is_not_trained_is_made_from_its_weights(tiny, slim_weights):
    plan = place_of(tiny, *set_to(f"cntk_model={slim_weights}")).plan("network")
    assert plan.recipe.inputs.keys() == {"cntk_model"} and plan.together
    assert names_of(plan.files, tiny) == ["models/frcn_svm.npz"]
    assert place_of(tiny, random_filters=True).plan("network").recipe.inputs == {"cntk_model": "He-initialised"}
    assert "classes" not in plan.recipe.parameters


def test_a_trained_network_is_made_from_the_training_pictures_as_well(tiny, slim_weights):
    more = (*set_to(f"cntk_model={slim_weights}"), "--classifier", "nn")
    without = place_of(tiny, *more).plan("network")
    assert without.recipe.inputs["ROIs of positive/1"] == without.recipe.inputs["labels of positive/1"] == "missing"
    write_inputs(tiny)
    before = place_of(tiny, *more).plan("network")
    assert names_of(before.files, tiny) == ["models/frcn_nn.npz", "models/boxes_nn.npz"]
    assert before.recipe.parameters["classes"] == ["disc", "square"]
    assert not any("testImages" in name for name in before.recipe.inputs)
    assert {"picture negative/4", "annotation of positive/0"} <= before.recipe.inputs.keys()
    write_inputs(tiny, labels="0 1")
    assert place_of(tiny, *more).plan("network").recipe.changes(before.recipe) == ["labels of positive/1 changed"]
    write_inputs(tiny, rois="7 7")
    assert place_of(tiny, *more).plan("network").recipe.changes(before.recipe) == ["ROIs of positive/1 changed"]


def test_an_embedding_is_made_from_its_picture_its_rois_and_the_network(tiny, slim_weights):
    more = set_to(f"cntk_model={slim_weights}")
    write_inputs(tiny)
    tiny.model_file("svm").parent.mkdir(parents=True)
    tiny.model_file("svm").write_bytes(b"1")
    before = place_of(tiny, *more).plan("embeddings")
    folders = {"train": range(5), "test": range(2)}
    expected = [f"cntkFiles/{name}_svm_parsed/{i}.dat.npz" for name, numbers in folders.items() for i in numbers]
    assert names_of(before.files, tiny) == expected
    assert not before.together and not before.may_be_exchanged
    write_inputs(tiny, labels="0 1")
    assert changed(before.files, place_of(tiny, *more).plan("embeddings").files) == []
    write_inputs(tiny, rois="7 7")
    assert changed(before.files, place_of(tiny, *more).plan("embeddings").files) == ["1.dat.npz"]
    write_inputs(tiny)
    tiny.model_file("svm").write_bytes(b"2")
    assert len(changed(before.files, place_of(tiny, *more).plan("embeddings").files)) == 7
    assert not before.is_whole(tiny.model_file("svm")), "no npz"


def test_offsets_are_written_with_the_scores_where_boxes_were_learnt(tiny):
    write_inputs(tiny)
    more = ("--classifier", "nn")
    models = tiny.model_file("nn").parent
    models.mkdir(parents=True)
    tiny.model_file("nn").write_bytes(b"1")
    assert all(path.name.endswith(".dat.npz") for path in place_of(tiny, *more).plan("embeddings").files)
    (models / "boxes_nn.npz").write_bytes(b"1")
    plan = place_of(tiny, *more).plan("embeddings")
    first = tiny.embedding_file("train", "nn", 0)
    assert plan.units[first] == (first, first.with_name("0.boxes.npz")) and len(plan.units) == 7
    assert len(plan.files) == 14 and len(set(plan.files.values())) == 14, "one cannot stand in for the other"


def test_cntk_runs_a_file_of_its_own(tiny):
    write_inputs(tiny)
    tiny.model_file("svm").parent.mkdir(parents=True)
    tiny.model_file("svm").write_bytes(b"1")
    plan = place_of(tiny, "--engine", "cntk").plan("embeddings")
    for_cntk = tiny.model_file("svm").with_suffix(".model")
    assert plan.units[for_cntk] == (for_cntk,) and len(plan.files) == 8
    assert for_cntk not in place_of(tiny).plan("embeddings").files


def test_svms_are_made_from_embeddings_rois_and_annotations_of_training(tiny):
    before = place_of(tiny, *set_to("svm_nrEpochs=2")).plan("svm")
    kinds = ("svmweights_exp1", "svmbias_exp1", "svmfeature_scale_exp1")
    names = [f"trainedSvm/{kind}{suffix}.txt" for suffix in ("", "_epoch0", "_epoch1") for kind in kinds]
    assert names_of(before.files, tiny) == [*names, "trainedSvm/boxes_exp1.npz"]
    assert before.together and before.needed == tuple(before.files)[:3]
    assert before.recipe.parameters["classes"] == ["disc", "square"]
    assert len(before.recipe.inputs) == 15 and not any("testImages" in name for name in before.recipe.inputs)
    write_rois(tiny.roi_file("positive/3"), [[0, 0, 9, 9]])
    after = place_of(tiny, *set_to("svm_nrEpochs=2")).plan("svm")
    assert after.recipe.changes(before.recipe) == ["ROI file of positive/3 is new"]
    tiny.parsed_folder("train", "svm").mkdir(parents=True)
    tiny.embedding_file("train", "svm", 0).write_bytes(b"1")
    last = place_of(tiny, *set_to("svm_nrEpochs=2")).plan("svm")
    assert last.recipe.changes(after.recipe) == ["embeddings of positive/0 is new"]


def test_published_rois_are_not_for_a_network_that_finds_them(tiny):
    assert place_of(tiny).choices.precomputed_rois
    assert not place_of(tiny, *set_to("ss_method=rpn")).choices.precomputed_rois
    assert not place_of(tiny, *set_to("datasetPrecomputedRois=False")).choices.precomputed_rois
