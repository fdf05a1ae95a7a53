"""84 real exports of other tools, read and compared with the boxes that their collectors wrote down.

The files are not part of the project; the test is left out where they are absent.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from data.annotation_formats.conversion import Request, read
from data.annotation_formats.locating import locate
from data.annotation_formats.log import Log
from data.annotation_formats.record import Picture
from data.annotation_formats.source import base_name, split_ending
from helpers.errors import UserError

EXPORTS = Path(__file__).resolve().parents[4] / "shared" / "exports"
EXPECTED = sorted(EXPORTS.glob("**/*.expected.json"))
REFUSED = {  # what each must say
    "cntk/voc_lists/class_map.txt": "train_roi_file.txt: missing",
    "coco/results_list.json": "a list of detections",
}
BECOME_BOXES = {"polygon", "polygonlabels", "rotated", "inverted", "negative-extent", "no-bbox", "iscrowd"}

pytestmark = pytest.mark.skipif(not EXPECTED, reason=f"{EXPORTS} is absent")


def read_export(path: Path) -> tuple[list[Picture], Log]:
    """The pictures of an export, with sizes where it has them."""
    log = Log()
    data, source, _, _ = read(Request(path, path.parent / "unused"), log)
    data = locate(data, source, log, required=False)
    log.raise_faults()
    return data.pictures, log


def find(pictures: list[Picture], name: str) -> Picture:
    """The picture that the expectation calls `name`."""
    if name.startswith("frame "):
        name = f"frame_{int(name.split()[1]):06}.jpg"
    stem = split_ending(base_name(name).removesuffix(".json"))[0]
    return next(p for p in pictures for each in p.names if split_ending(base_name(each))[0] == stem)


def matches(box: Any, wanted: list[Any], scale: list[float], tolerance: float) -> bool:
    edges = [edge * factor for edge, factor in zip(box.edges, scale, strict=True)]
    return box.label.strip() == str(wanted[4]).strip() and edges == pytest.approx(wanted[:4], abs=tolerance)


@pytest.mark.parametrize("path", EXPECTED, ids=lambda path: str(path.relative_to(EXPORTS))[: -len(".expected.json")])
def test_read_right_or_refused_rightly(path: Path) -> None:
    main = path.with_name(path.name.removesuffix(".expected.json"))
    relative = main.relative_to(EXPORTS).as_posix()
    if relative in REFUSED:
        with pytest.raises(UserError, match=REFUSED[relative]):
            read_export(main)
        return
    expected = json.loads(path.read_text(encoding="utf-8"))
    pictures, log = read_export(main)
    assert len(pictures) == len(expected["images"])
    # the expectations are raw numbers, which mean edges in some formats and inclusive pixels in others
    tolerance = 1.001 if expected["units"] == "pixel" else 1e-5
    extra = 0
    for name, wanted in expected["images"].items():
        picture = find(pictures, name)
        size = wanted["size"] if wanted["size"] and min(wanted["size"]) > 0 else None
        assert picture.size is None or size is None or list(picture.size) == size, name
        boxes = list(picture.boxes)
        for each in wanted["boxes"]:
            in_pixels = expected["units"] == "pixel"
            scales = [[1.0] * 4, *([[float(side) for side in size * 2]] if size and in_pixels else [])]
            hit = [box for box in boxes if matches(box, each, scales[-1] if box.relative else scales[0], tolerance)]
            assert hit, f"{name}: no box {each}"
            boxes.remove(hit[0])
        extra += len(boxes)
    become = sum(other["type"] in BECOME_BOXES for other in expected["other"])
    assert extra <= become
    told = sum(sum(counts.values()) for counts in log.remarks.values()) + len(log.headlines)
    assert told or not [other for other in expected["other"] if other["type"] not in ("outside", "iscrowd")]
