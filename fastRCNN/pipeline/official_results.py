"""What the benchmarks' own programs read: detection files of VOC's devkit, results and numbers of COCO.

results/<dataset>/VOC2007/Main/comp4_det_test_<class>.txt      for a folder in VOC's layout, one file per class
results/<dataset>/detections_val2017_<classifier>_results.json for COCO's, as its server takes it
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fastRCNN.datasets import coco, pascal_voc
from fastRCNN.datasets.imdb import Dataset
from fastRCNN.datasets.layouts import layout_name
from fastRCNN.evaluation.coco_numbers import CocoNumbers, coco_numbers
from fastRCNN.evaluation.kept_detections import KeptDetections
from fastRCNN.evaluation.voc_files import detection_file, read_detection_file, write_detection_files
from helpers.artifacts import Artifacts, atomic_write
from helpers.errors import UserError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Official:
    """files: what was written. coco: COCO's numbers, for its layout."""

    files: list[Path] = field(default_factory=list)
    coco: CocoNumbers | None = None


@dataclass(frozen=True)
class Asked:
    """Which pictures were evaluated: layout, names of lists ("" for the usual one), and the classifier."""

    layout: str = "auto"
    lists: str = ""
    classifier: str = "svm"

    @classmethod
    def choose(cls, parameters: Mapping[str, Any], image_set: str) -> "Asked":
        """Return what `parameters` (by name) say of `image_set`."""
        return cls(parameters["datasetLayout"], parameters[f"{image_set}Sets"], parameters["classifier"])


def has_official(artifacts: Artifacts, asked: Asked) -> bool:
    """Return whether there are such files for the layout of this data set."""
    return layout_name(artifacts, asked.layout) in ("voc", "coco")


def write_official(artifacts: Artifacts, dataset: Dataset, kept: KeptDetections, asked: Asked) -> Official:
    """Write the files of the layout of `dataset` for the detections `kept`; those of other layouts have none."""
    layout = layout_name(artifacts, asked.layout)
    if layout == "voc":
        files: list[Path] = []
        for folder, list_name, names in _voc_places(artifacts, dataset, asked):
            files += write_detection_files(folder, list_name, kept, names, dataset.classes)
        return Official(files)
    return _write_coco(artifacts, dataset, kept, asked) if layout == "coco" else Official()


def read_detections(folder: Path, artifacts: Artifacts, dataset: Dataset, asked: Asked) -> KeptDetections:
    """Return the detections in VOC's files below `folder`, wherever they come from; `UserError` where one is missing.

    Such files are looked for in <folder>/<set>/Main, as the devkit has them, and in the folder itself.
    """
    if layout_name(artifacts, asked.layout) != "voc":
        raise UserError(f"{folder}: detection files of VOC belong to a data set in VOC's layout")
    kept = KeptDetections()
    for place, list_name, names in _voc_places(artifacts, dataset, asked):
        within = folder / place.relative_to(artifacts.results)
        numbers = {name: number for number, name in names.items()}
        for label, class_name in enumerate(dataset.classes[1:], start=1):
            path = detection_file(within if within.is_dir() else folder, list_name, class_name)
            found = read_detection_file(path)
            if unknown := next((name for name in found.names if name not in numbers), None):
                raise UserError(f"{path}: picture {unknown!r} is not in list {list_name} of {place.parent.name}")
            of = np.array([numbers[name] for name in found.names], np.int64)
            for number in np.unique(of).tolist():
                rows = np.flatnonzero(of == number)
                kept.add(number, found.boxes[rows], found.scores[rows], np.full(len(rows), label))
    return kept


def _voc_places(artifacts: Artifacts, dataset: Dataset, asked: Asked) -> Iterable[tuple[Path, str, dict[int, str]]]:
    """Yield for each set: the folder of its files, the names of its lists, the names of its pictures by number."""
    lists: dict[str, list[str]] = {}
    for path in pascal_voc.lists_of(artifacts.data, dataset.image_set, asked.lists):
        lists.setdefault(pascal_voc.set_folder(path).name, []).append(path.stem)
    of_set: dict[str, dict[int, str]] = {name: {} for name in lists}
    for number, key in enumerate(dataset.keys):
        set_name, _, name = key.partition("/")
        of_set[set_name][number] = name
    for set_name, names in of_set.items():
        yield artifacts.results / set_name / "Main", "+".join(lists[set_name]), names


def _write_coco(artifacts: Artifacts, dataset: Dataset, kept: KeptDetections, asked: Asked) -> Official:
    """Write the results of each list, and return COCO's numbers of all of them together."""
    files, truths, results = [], [], []
    for name, path in coco.annotation_files(artifacts.data, dataset.image_set, asked.lists).items():
        truths.append(coco.read_truth(path))
        results.append(coco_results(dataset, kept, truths[-1], name))
        files.append(artifacts.results / f"detections_{name}_{asked.classifier}_results.json")
        with atomic_write(files[-1]) as temporary:
            temporary.write_text(json.dumps(results[-1]), encoding="utf-8")
    try:
        return Official(files, coco_numbers(*_together(truths, results)))
    except UserError as error:  # the package is not there; all else is
        log.warning("%s", error)
        return Official(files)


def coco_results(
    dataset: Dataset, kept: KeptDetections, truth: Mapping[str, Any], list_name: str
) -> list[dict[str, Any]]:
    """Return the detections of one list as COCO's server takes them: ids of the annotation file, x y width height."""
    categories = {str(each["name"]): int(each["id"]) for each in truth["categories"]}
    label_ids = [categories.get(name, -1) for name in dataset.classes]
    pictures = {f"{list_name}/{Path(each['file_name']).with_suffix('').as_posix()}": each["id"]
                for each in truth["images"]}  # fmt: skip
    picture_ids = np.array([pictures.get(key, -1) for key in dataset.keys], np.int64)
    ids, labels = picture_ids[kept.pictures], np.array(label_ids)[kept.classes]
    rows = np.flatnonzero((ids >= 0) & (labels >= 0))
    boxes = kept.boxes[rows].astype(np.float64)
    boxes[:, 2:] += 1 - boxes[:, :2]
    return [
        {"image_id": number, "category_id": label, "bbox": [round(side, 2) for side in box], "score": round(score, 6)}
        for number, label, box, score in zip(
            ids[rows].tolist(), labels[rows].tolist(), boxes.tolist(), kept.scores[rows].tolist(), strict=True
        )
    ]


def _together(
    truths: list[dict[str, Any]], results: list[list[dict[str, Any]]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return several lists as one: pictures and annotations get new ids where there is more than one list."""
    if len(truths) == 1:
        return truths[0], results[0]
    images, annotations, found = [], [], []
    for place, (truth, of_list) in enumerate(zip(truths, results, strict=True)):
        images += [{**each, "id": (place, each["id"])} for each in truth["images"]]
        annotations += [{**each, "image_id": (place, each["image_id"])} for each in truth["annotations"]]
        found += [{**each, "image_id": (place, each["image_id"])} for each in of_list]
    numbers = {each["id"]: number for number, each in enumerate(images, start=1)}
    for entry in images:
        entry["id"] = numbers[entry["id"]]
    for number, entry in enumerate(annotations, start=1):
        entry |= {"id": number, "image_id": numbers[entry["image_id"]]}
    for entry in found:
        entry["image_id"] = numbers[entry["image_id"]]
    return {"images": images, "annotations": annotations, "categories": truths[0]["categories"]}, found
