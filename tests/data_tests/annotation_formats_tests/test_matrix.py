"""Every format to the tutorial's and back: the same boxes, the same pictures; and between the others, to a fraction."""

import json
from pathlib import Path

import pytest

from data.annotation_formats.registry import formats
from tests.data_tests.annotation_formats_tests.conftest import (
    BOXES,
    FOLDERS,
    SIZES,
    Converter,
    tutorial_boxes,
    write_picture,
)

ALL = [f"{name}:{flavour}".rstrip(":") for name, each in formats().items() for flavour in each.flavours]
WITHOUT_EMPTY = {"csv:tf", "csv:keras-frcnn", "csv:openimages", "vott:csv"}
WITHOUT_SETS = {"customvision", "vott:2", "vott:1", "vott:csv"}
WHOLE_PIXELS = {"tutorial", "vott:cntk1"}


def expected_after(target: str) -> dict[str, list[tuple[object, ...]]]:
    """What must come back; some formats have no image sets (all for training), some no pictures without objects."""
    expected = {}
    for stem, boxes in BOXES.items():
        folder = "positive" if target in WITHOUT_SETS else FOLDERS.get(stem, "positive")
        if boxes or (target not in WITHOUT_EMPTY and folder == "testImages"):
            expected[f"{folder}/{stem}"] = sorted(boxes, key=str)
    return expected


@pytest.mark.parametrize("target", ALL)
def test_to_and_back(target: str, tutorial_set: Path, tmp_path: Path, run: Converter) -> None:
    run(tutorial_set, target, tmp_path / "there")
    back = target if target.startswith("vott:cntk") else "auto"
    run(tmp_path / "there", "tutorial", tmp_path / "back", source_format=back)
    assert tutorial_boxes(tmp_path / "back") == expected_after(target)
    pictures = {path.name: path.read_bytes() for path in tutorial_set.rglob("*.png")}
    for path in (tmp_path / "back").rglob("*.png"):
        assert pictures.pop(path.name) == path.read_bytes()
    left = {"none.png", "empty.png"} if target in WITHOUT_EMPTY else set()
    assert pictures.keys() == left
    if target not in WITHOUT_EMPTY:
        assert (tmp_path / "back" / "negative" / "none.png").is_file()


@pytest.mark.parametrize("target", ALL)
def test_annotations_alone(target: str, tutorial_set: Path, tmp_path: Path, run: Converter) -> None:
    run(tutorial_set, target, tmp_path / "there", with_pictures=False)
    assert not list((tmp_path / "there").rglob("*.png"))
    sizes = "image,width,height\n" + "".join(f"{stem}.png,{w},{h}\n" for stem, (w, h) in SIZES.items())
    (tmp_path / "there" / "image_sizes.csv").write_text(sizes, encoding="utf-8")
    back = target if target.startswith("vott:cntk") else "auto"
    run(tmp_path / "there", "tutorial", tmp_path / "back", source_format=back, with_pictures=False)
    boxes = {name.split("/")[1]: found for name, found in tutorial_boxes(tmp_path / "back").items() if found}
    assert boxes == {stem: sorted(of, key=str) for stem, of in BOXES.items() if of}


@pytest.mark.parametrize("target", ALL)
def test_fractions_of_a_pixel_survive(target: str, tmp_path: Path, run: Converter) -> None:
    coco = {
        "images": [{"id": 1, "file_name": "a.png", "width": 640, "height": 480}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10.25, 20.5, 100.125, 33.3]},
            {"id": 2, "image_id": 1, "category_id": 1, "bbox": [500.7, 400.1, 39.3, 50.9]},
        ],
    }
    source = tmp_path / "source"
    write_picture(source / "a.png", 640, 480)
    (source / "coco.json").write_text(json.dumps(coco))
    run(source, target, tmp_path / "there")
    back = target if target.startswith("vott:cntk") else "auto"
    result = run(tmp_path / "there", "coco", tmp_path / "back", source_format=back)
    tolerance = 1 if target in WHOLE_PIXELS else 1e-4
    edges = sorted(box.edges for box in result.data.pictures[0].boxes)
    assert edges[0] == pytest.approx((10.25, 20.5, 110.375, 53.8), abs=tolerance)
    assert edges[1] == pytest.approx((500.7, 400.1, 540.0, 451.0), abs=tolerance)


@pytest.mark.parametrize("target", ALL)
def test_same_seed_same_bytes(target: str, tutorial_set: Path, tmp_path: Path, run: Converter) -> None:
    for name in ("first", "second"):
        run(tutorial_set, target, tmp_path / name, split=0.4, seed=7)
    first, second = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("first", "second")
    )
    assert first == second
