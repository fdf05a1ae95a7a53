"""Files for VOC's and COCO's own programs, against an independent count of VOC 2007 and pycocotools itself."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from fastRCNN.datasets import coco, pascal_voc, tutorial_folders
from fastRCNN.datasets.imdb import Dataset
from fastRCNN.evaluation import coco_numbers
from fastRCNN.evaluation.average_precision import evaluate_detections
from fastRCNN.evaluation.kept_detections import KeptDetections
from fastRCNN.pipeline.official_results import (
    Asked,
    coco_results,
    has_official,
    read_detections,
    write_official,
)
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from resources.miniature_sets.coco import draw_coco
from resources.miniature_sets.voc import CLASSES, draw_devkit
from tests.conftest import draw_tiny_data_set

LISTS = "2007_test+2012_trainval"


def some_detections(dataset: Dataset, seed: int = 0) -> KeptDetections:
    """Detections near objects and ignored boxes, some twice, and false alarms; scores that survive three digits."""
    rng, kept = np.random.default_rng(seed), KeptDetections()
    for record in dataset:
        boxes = np.repeat(np.concatenate([record.gt_boxes, record.ignored_boxes.boxes]), 2, axis=0)
        boxes = np.rint(boxes + rng.normal(0, 6, boxes.shape))
        labels = np.repeat(np.concatenate([record.gt_classes, record.ignored_boxes.classes]), 2)
        labels = np.where(rng.random(len(labels)) < 0.8, labels, rng.integers(1, len(dataset.classes), len(labels)))
        boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        kept.add(record.index, boxes, rng.permutation(1000)[: len(labels)] / 1000, labels)
    return kept


@pytest.fixture(scope="module")
def devkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_devkit(tmp_path_factory.mktemp("voc"))


def counted_by_hand(devkit: Path, results: Path, label: str) -> float:
    """VOC 2007's 11-point AP of a class over both sets, from the files alone, in plain loops."""
    truth, positives, found = {}, 0, []
    for year, name in (("VOC2007", "test"), ("VOC2012", "trainval")):
        for picture in (devkit / year / "ImageSets" / "Main" / f"{name}.txt").read_text().split():
            root = ET.parse(devkit / year / "Annotations" / f"{picture}.xml").getroot()
            objects = []
            for each in root.findall("object"):
                if each.findtext("name") == label:
                    box = [float(each.findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax")]
                    objects.append([box, each.findtext("difficult") == "1", False])
            truth[picture] = objects
            positives += sum(not hard for _, hard, _ in objects)
        for line in (results / year / "Main" / f"comp4_det_{name}_{label}.txt").read_text().splitlines():
            picture, score, *box = line.split()
            found.append((-float(score), picture, [float(side) for side in box]))
    if positives == 0:
        return -1.0
    hits, misses, points = 0, 0, []
    for _, picture, (x1, y1, x2, y2) in sorted(found, key=lambda each: each[0]):
        best, which = 0.0, None
        for entry in truth[picture]:
            a1, b1, a2, b2 = entry[0]
            w, h = min(x2, a2) - max(x1, a1) + 1, min(y2, b2) - max(y1, b1) + 1
            if w > 0 and h > 0:
                union = (x2 - x1 + 1) * (y2 - y1 + 1) + (a2 - a1 + 1) * (b2 - b1 + 1) - w * h
                if w * h / union > best:
                    best, which = w * h / union, entry
        if best > 0.5 and which[1]:
            continue
        if best > 0.5 and not which[2]:
            which[2] = True
            hits += 1
        else:
            misses += 1
        points.append((hits, hits / (hits + misses)))
    heights = [max((p for h, p in points if 10 * h >= tenth * positives), default=0.0) for tenth in range(11)]
    return sum(heights) / 11


def test_voc_files_and_an_independent_count(devkit: Path, tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path, "pascalVoc", data_folder=devkit)
    dataset = pascal_voc.read(devkit, "test", CLASSES, {"test": LISTS})
    kept, asked = some_detections(dataset), Asked("voc", LISTS)
    files = write_official(artifacts, dataset, kept, asked).files
    assert len(files) == 40
    assert files[0] == tmp_path / "results" / "pascalVoc" / "VOC2007" / "Main" / "comp4_det_test_aeroplane.txt"
    evaluation = evaluate_detections(dataset, kept, dataset.classes)
    again = evaluate_detections(dataset, read_detections(artifacts.results, artifacts, dataset, asked), dataset.classes)
    for one, two in zip(evaluation.classes, again.classes, strict=True):
        expected = counted_by_hand(devkit, artifacts.results, one.name)
        assert one.ap_11point == pytest.approx(expected) and two.ap_11point == one.ap_11point, one.name
    assert 0.2 < evaluation.map_11point < 0.95


def test_a_single_set_and_files_beside_each_other(devkit: Path, tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path, "x", data_folder=devkit / "VOC2007")
    dataset = pascal_voc.read(artifacts.data, "test", CLASSES)
    kept = some_detections(dataset)
    files = write_official(artifacts, dataset, kept, Asked()).files
    found = read_detections(files[0].parent, artifacts, dataset, Asked())
    assert len(found) == len(kept)
    files[3].write_text("000001 0.5 1 1 2 2\n")
    with pytest.raises(UserError, match=r"picture '000001' is not in list test of VOC2007"):
        read_detections(artifacts.results, artifacts, dataset, Asked())
    files[3].unlink()
    with pytest.raises(UserError, match="cannot be read"):
        read_detections(artifacts.results, artifacts, dataset, Asked())


def test_coco_results_as_pycocotools_takes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reading = pytest.importorskip("pycocotools.coco")
    from pycocotools.cocoeval import COCOeval

    artifacts = Artifacts(tmp_path, "coco", data_folder=draw_coco(tmp_path / "drawn"))
    dataset = coco.read(artifacts.data, "test")
    official = write_official(artifacts, dataset, some_detections(dataset), Asked(classifier="nn"))
    assert [path.name for path in official.files] == ["detections_val2017_nn_results.json"]
    truth = reading.COCO(artifacts.data / "annotations" / "instances_val2017.json")
    evaluation = COCOeval(truth, truth.loadRes(str(official.files[0])), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert official.coco is not None and 0.05 < official.coco.numbers["AP"] < 0.95
    assert list(official.coco.numbers.values()) == [None if v == -1 else pytest.approx(v) for v in evaluation.stats]
    assert official.coco.classes["person"]["AP50"] is not None


def test_a_result_by_hand(tmp_path: Path) -> None:
    """x y width height: the last pixel belongs to the box; ids are those of the annotation file."""
    artifacts = Artifacts(tmp_path, "coco", data_folder=draw_coco(tmp_path / "drawn"))
    dataset, kept = coco.read(artifacts.data, "test"), KeptDetections()
    kept.add(1, [[10, 20, 29, 24.5]], [0.123456789], [5])  # the second picture; the fifth class has id 13
    truth = coco.read_truth(artifacts.data / "annotations" / "instances_val2017.json")
    assert coco_results(dataset, kept, truth, "val2017") == [
        {"image_id": 285, "category_id": 13, "bbox": [10, 20, 20, 5.5], "score": 0.123457}
    ]
    assert coco_results(dataset, kept, truth, "train2017") == []


def test_several_coco_lists_are_one(tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    artifacts = Artifacts(tmp_path, "coco", data_folder=draw_coco(tmp_path / "drawn"))
    dataset = coco.read(artifacts.data, "test", lists={"test": "train2017+val2017"})
    kept = KeptDetections()
    for record in dataset:  # every object exactly where it is
        kept.add(record.index, record.gt_boxes, np.full(len(record.gt_boxes), 0.5), record.gt_classes)
    official = write_official(artifacts, dataset, kept, Asked(lists="train2017+val2017"))
    assert len(official.files) == 2
    ids = {each["image_id"] for path in official.files for each in json.loads(path.read_text())}
    assert {139, 285} <= ids
    assert official.coco is not None and official.coco.numbers["AP50"] > 0.9  # one of each list has no height


def test_without_pycocotools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    artifacts = Artifacts(tmp_path, "coco", data_folder=draw_coco(tmp_path / "drawn"))
    dataset = coco.read(artifacts.data, "test")
    monkeypatch.setitem(__import__("sys").modules, "pycocotools.coco", None)
    official = write_official(artifacts, dataset, some_detections(dataset), Asked())
    assert official.coco is None and official.files[0].is_file() and "pip install pycocotools" in caplog.text
    assert coco_numbers.NAMES[0] == "AP"


def test_the_tutorials_folders_have_none(tmp_path: Path) -> None:
    artifacts = Artifacts(draw_tiny_data_set(tmp_path), "tiny")
    dataset = tutorial_folders.read(artifacts, "test")
    assert not has_official(artifacts, Asked())
    assert write_official(artifacts, dataset, KeptDetections(), Asked()).files == []
    with pytest.raises(UserError, match="belong to a data set in VOC's layout"):
        read_detections(tmp_path, artifacts, dataset, Asked())
