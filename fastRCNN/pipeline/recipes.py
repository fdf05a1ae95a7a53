"""What the files of each step are made from: parameters, pictures, annotations, and what the steps before left.

Every file has a recipe of its own where it can, so that a change makes new only what it touches: ROIs depend on their
picture, an embedding on its picture, its ROIs and the network. So a changed label makes no embedding new, and a moved
box, which stands first among the ROIs of a training picture, one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fastRCNN.datasets.imdb import Dataset
from fastRCNN.datasets.precomputed_rois import PrecomputedRois
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.cntk_inputs import LineDigests, input_files, line_digests
from fastRCNN.pipeline.embeddings import can_be_read
from fastRCNN.pipeline.rpn_regions import network_of_regions
from fastRCNN.proposals.roi_parameters import GROUPS, NETWORK_METHODS, NO_GROUPS
from fastRCNN.svm.model import model_files
from helpers.artifacts import Artifacts
from helpers.file_facts import MISSING, FileFacts, text_digest
from helpers.manifests import Recipe


@dataclass(frozen=True)
class Stage:
    """One stage: the script that runs it, and the parameters that all its files depend on.

    Parameters are full names, or prefixes that end in "_".
    """

    script: str
    parameters: tuple[str, ...]


STAGES = {
    "rois": Stage("1_computeRois.py", ("roi_", "ss_", "grid_", "compat")),
    "inputs": Stage(
        "2_cntkGenerateInputs.py",
        ("cntk_nrRois", "cntk_padWidth", "cntk_padHeight", "train_posOverlapThres", "compat"),
    ),
    "network": Stage("3_runCntk.py", ("cntk_svdRanks",)),
    "embeddings": Stage(
        "3_runCntk.py", ("engine", "cntk_precision", "cntk_embeddingType", "cntk_nrRois", "cntk_padWidth")
    ),
    "svm": Stage("4_trainSvm.py", ("svm_", "cntk_nrRois", "train_posOverlapThres", "seed", "compat")),
}
_COMPUTED = {"svm_embeddings": "computed"}  # in the recipe of step 3 where it stored no embeddings
# of a trained network, beside what the classifier names
_TRAINING = ("engine", "seed", "cntk_nrRois", "cntk_padWidth", "cntk_trainingPrecision")
_TILES = ("cntk_tiles", "cntk_tileOverlap")  # where pictures are cut: files that know of no tiles stay as they are


@dataclass(frozen=True)
class Choices:
    """What the user chose: the values that files depend on, by stage and name, the classifier, the weight file.

    precomputed_rois: take ROIs that others computed, where there are such (`fastRCNN.datasets.precomputed_rois`).
    embeddings: whether step 3 keeps what the network gives for the ROIs (`Classifier.keeps`).
    """

    values: Mapping[str, Mapping[str, Any]]
    classifier: str = "svm"
    weights: Path | None = None
    precomputed_rois: bool = True
    embeddings: str = "stored"

    @property
    def cuts(self) -> bool:
        """Whether pictures are cut into tiles."""
        return _TILES[0] in self.values["embeddings"]

    @classmethod
    def choose(cls, parameters: Mapping[str, Any]) -> "Choices":
        """Return those of `parameters` (by name) that concern the steps' files."""
        classifier = CLASSIFIERS[parameters["classifier"]]
        names = {stage: each.parameters for stage, each in STAGES.items()}
        if parameters["compat"] == "tutorial":
            names["rois"] += ("seed",)  # of the shuffle
        if parameters["ss_method"] in NETWORK_METHODS:
            names["rois"] += ("cntk_padWidth",)  # of the picture that the network sees
        if classifier.trains_network:
            names["network"] += (*_TRAINING, *classifier.network_parameters)
        elif not parameters["cntk_model"]:
            names["network"] += ("seed",)  # of the random filters
        if classifier.proposes:  # as many ROIs as its network says, by the rules of
            for stage in ("network", "embeddings"):
                names[stage] = (*(name for name in names[stage] if name != "cntk_nrRois"), "compat")
        if parameters["cntk_tiles"] != 1:
            cut = ("embeddings", *(["network"] if classifier.trains_network else []),
                   *(["rois"] if parameters["ss_method"] in NETWORK_METHODS else []))  # fmt: skip
            for stage in cut:
                names[stage] += _TILES
        values = {
            stage: {
                name: value
                for name, value in parameters.items()
                if any(name == each or (each.endswith("_") and name.startswith(each)) for each in wanted)
            }
            for stage, wanted in names.items()
        }
        values["svm"].pop("svm_embeddings", None)  # the numbers are the same
        if values["rois"].get(GROUPS) == NO_GROUPS:  # ROIs that know of no groups stay as they are
            del values["rois"][GROUPS]
        weights = Path(parameters["cntk_model"]) if parameters["cntk_model"] else None
        computed = not parameters.get("datasetPrecomputedRois", True) or parameters.get("ss_method") in NETWORK_METHODS
        return cls(values, classifier.name, weights, not computed, classifier.keeps(parameters))


@dataclass(frozen=True)
class Plan:
    """The files that a stage leaves, and the recipe of each (its digest).

    recipe: of all together, for messages.
    units: files that are written as one, by the first of them; default: each by itself.
    together: all files are made in one go, and some of them only at times; `needed` always.
    may_be_exchanged: a user may put another file in the place of one, which is then used.
    is_whole: whether a file that was brought by hand can be used.
    """

    recipe: Recipe
    files: Mapping[Path, str]
    units: Mapping[Path, tuple[Path, ...]] = field(default_factory=dict)
    together: bool = False
    needed: tuple[Path, ...] = ()
    may_be_exchanged: bool = False
    is_whole: Callable[[Path], bool] = Path.is_file

    def __post_init__(self) -> None:
        if not self.units:
            object.__setattr__(self, "units", {path: (path,) for path in self.files})


@dataclass(frozen=True)
class Workplace:
    """Where the steps work, and on what: the files' places, "train" and "test" pictures, choices, known facts."""

    artifacts: Artifacts
    datasets: Mapping[str, Dataset]
    choices: Choices
    facts: FileFacts

    def plan(self, stage: str) -> Plan:
        """Return what `stage` would leave now."""
        plans = {"rois": _rois, "inputs": _inputs, "network": _network, "embeddings": _embeddings, "svm": _svm}
        return plans[stage](self)

    @property
    def precomputed_rois(self) -> PrecomputedRois:
        """The ROIs of pictures that need not be computed."""
        return PrecomputedRois(self.artifacts.data if self.choices.precomputed_rois else None)

    @property
    def model_file(self) -> Path:
        """The network that step 3 uses or trains."""
        return self.artifacts.model_file(self.choices.classifier)

    def recipe(self, stage: str, inputs: Mapping[str, str], **more: Any) -> Recipe:
        """Return the recipe of `stage`: its script, its parameters and `more` of them, and `inputs`."""
        return Recipe(STAGES[stage].script, {**self.choices.values[stage], **more}, inputs)

    def classes(self) -> list[str]:
        """The names of the classes, without the background: given ones, or those found in the annotations."""
        return list(self.datasets["train"].classes[1:])

    def lines(self, image_set: str) -> list[LineDigests]:
        """Return the digests of the lines of step 2's files, which are gigabytes where pictures are many."""
        of = self.artifacts
        beside = [self.facts.digest(path) for path in (of.roi_labels_txt(image_set), of.nr_rois_txt(image_set))]
        fact = f"lines with {' '.join(beside)}"
        known = self.facts.recall(of.rois_txt(image_set), fact, lambda _: line_digests(of, image_set))
        return [LineDigests(*each) for each in known]

    def pictures(self, image_set: str) -> dict[str, str]:
        """Return the digest of each picture's file, by the name that messages have for it."""
        of = self.datasets[image_set]
        return {f"picture {key}": self.facts.digest(path) for key, path in zip(of.keys, of.image_paths, strict=True)}

    def annotations(self, image_set: str) -> dict[str, str]:
        """Return the digest of each picture's annotation."""
        of = self.datasets[image_set]
        return {f"annotation of {key}": of.annotation_digest(index) for index, key in enumerate(of.keys)}


def _rois(place: Workplace) -> Plan:
    """One file for each picture."""
    of, inputs = place.artifacts, {**place.pictures("train"), **place.pictures("test")}
    keys = [key for image_set in place.datasets for key in place.datasets[image_set].keys]
    given = place.precomputed_rois
    inputs |= {f"boxes of {file.name}": place.facts.digest(file) for file in given.files_of(keys)}
    network = network_of_regions(of, place.choices.values["rois"]["ss_method"])
    inputs |= {network.name: place.facts.digest(network)} if network else {}
    recipe = place.recipe("rois", inputs)
    files = {}
    for key in keys:
        boxes = [f"boxes of {given.file_of(key).name}"] if key in given else [network.name] if network else []
        files[of.roi_file(key)] = recipe.digest(f"picture {key}", *boxes)
    return Plan(recipe, files, may_be_exchanged=True)


def _inputs(place: Workplace) -> Plan:
    """Files that each speak of all pictures; they are quickly written."""
    inputs: dict[str, str] = {}
    for image_set, of in place.datasets.items():
        inputs[f"list of {image_set} pictures"] = _order(of.image_paths)
        inputs |= {f"ROI file of {key}": place.facts.digest(place.artifacts.roi_file(key)) for key in of.keys}
        inputs |= place.annotations(image_set)
    recipe = place.recipe("inputs", inputs, classes=place.classes())
    files = [file for image_set in place.datasets for file in input_files(place.artifacts, image_set)]
    return Plan(recipe, dict.fromkeys(files, recipe.digest()), together=True, needed=tuple(files))


def _network(place: Workplace) -> Plan:
    """The network and, where it is trained, what is trained beside it."""
    classifier, weights = CLASSIFIERS[place.choices.classifier], place.choices.weights
    inputs = {"cntk_model": place.facts.digest(weights) if weights else "He-initialised"}
    more: dict[str, Any] = {}
    if classifier.trains_network:
        lines = place.lines("train")
        inputs |= {**place.pictures("train"), **place.annotations("train")}
        for index, key in enumerate([] if classifier.proposes else place.datasets["train"].keys):
            of_picture = lines[index] if index < len(lines) else None
            inputs[f"ROIs of {key}"] = of_picture.rois if of_picture else MISSING
            inputs[f"labels of {key}"] = of_picture.labels if of_picture else MISSING
        more = {"classes": place.classes()}
    recipe = place.recipe("network", inputs, **more)
    return Plan(recipe, dict.fromkeys(classifier.network_files(place.artifacts), recipe.digest()), together=True)


def _embeddings(place: Workplace) -> Plan:
    """What the network gives, one file or two for each picture; and the network for CNTK, where that runs it.

    Where embeddings are not stored, the latter at most.
    """
    recipe, needs, units = _rows(place)
    files = {path: recipe.digest(*needs[first], part=_kind(path)) for first, unit in units.items() for path in unit}
    if place.choices.embeddings == "computed":
        recipe, files, units = replace(recipe, parameters={**recipe.parameters, **_COMPUTED}), {}, {}
    trained = _trained(place)
    if recipe.parameters["engine"] == "cntk" and len(trained) == 1:
        for_cntk = place.model_file.with_suffix(".model")
        files[for_cntk] = recipe.digest(*(path.name for path in trained), part="for CNTK")
        units[for_cntk] = (for_cntk,)
    return Plan(recipe, files, units, is_whole=lambda path: path.suffix == ".txt" or can_be_read(path))


def _trained(place: Workplace) -> list[Path]:
    """Return the files of the network that are there."""
    classifier = CLASSIFIERS[place.choices.classifier]
    return [path for path in classifier.network_files(place.artifacts) if path.is_file()]


def _rows(place: Workplace) -> tuple[Recipe, dict[Path, tuple[str, ...]], dict[Path, tuple[Path, ...]]]:
    """Return the recipe of what the network gives; by the first file of a picture, its inputs there, and its files."""
    classifier = CLASSIFIERS[place.choices.classifier]
    trained = _trained(place)
    inputs = {path.name: place.facts.digest(path) for path in trained}
    of_all, needs, units = tuple(inputs), {}, {}
    for image_set, dataset in place.datasets.items():
        inputs |= place.pictures(image_set)
        lines = place.lines(image_set)
        for index, key in enumerate(dataset.keys):
            first = place.artifacts.embedding_file(image_set, classifier.name, index)
            needs[first] = (*of_all, f"picture {key}")
            if not classifier.proposes:
                inputs[f"ROIs of {key}"] = lines[index].rois if index < len(lines) else MISSING
                needs[first] += (f"ROIs of {key}",)
            if place.choices.cuts and not classifier.proposes:
                boxes = place.facts.digest(place.artifacts.roi_file(key))
                objects = dataset[index].gt_boxes.tolist() if image_set == "train" else []
                inputs[f"boxes of {key}"] = text_digest(f"{boxes} {objects}")
                needs[first] += (f"boxes of {key}",)
            unit = classifier.output_files(place.artifacts, first, key, with_boxes=len(trained) > 1)
            units[first] = tuple(unit)
    return place.recipe("embeddings", inputs), needs, units


def _svm(place: Workplace) -> Plan:
    """The SVMs, how they stood after each pass, and their box regression."""
    of, name, dataset = place.artifacts, place.choices.classifier, place.datasets["train"]
    inputs = place.annotations("train")
    made, needs, _ = _rows(place) if place.choices.embeddings == "computed" else (None, {}, {})
    for index, key in enumerate(dataset.keys):
        file = of.embedding_file("train", name, index)
        content = made.digest(*needs[file]) if made else place.facts.digest(file)
        inputs[f"embeddings of {key}"] = content
        inputs[f"ROI file of {key}"] = place.facts.digest(of.roi_file(key))
    recipe = place.recipe("svm", inputs, classes=place.classes())
    suffixes = ("", *(f"_epoch{epoch}" for epoch in range(recipe.parameters["svm_nrEpochs"])))
    files = [file for suffix in suffixes for file in model_files(of.svm_folder, suffix)]
    files.append(CLASSIFIERS[name].boxes_file(of))
    return Plan(recipe, dict.fromkeys(files, recipe.digest()), together=True, needed=tuple(files[:3]))


def _order(paths: Sequence[Path]) -> str:
    return text_digest("\n".join(f"{path.parent.name}/{path.name}" for path in paths))


def _kind(path: Path) -> str:
    """Return "dat", "boxes", "roi" of `<i>.dat.npz`, `<i>.boxes.npz`, `<picture>.roi.txt`, and so on."""
    return path.suffixes[-2].lstrip(".")
