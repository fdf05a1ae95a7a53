"""Label Studio: a JSON list of tasks with annotations, and JSON_MIN, where the result stands under the field's name.

x, y, width, height are percent of original_width and original_height; a rotation turns about the top left corner.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from data.annotation_formats.geometry import Edges, around_ellipse, around_points, around_rotated, point_pairs
from data.annotation_formats.json_files import JsonFile
from data.annotation_formats.log import Damaged, Log
from data.annotation_formats.output import write_json
from data.annotation_formats.record import Box, DataSet, Picture
from data.annotation_formats.sniff import Sniffed
from data.annotation_formats.source import Source, base_name, split_ending, subset_of
from data.annotation_formats.traits import FRACTIONS, Traits, holding
from data.annotation_formats.values import entries_of, fields_of, mapping, number, optional_text, plain, size_of
from helpers.console import progress
from helpers.errors import UserError

TITLE = "Label Studio JSON"
TRAITS = Traits(holding("subsets"), units=FRACTIONS, size_required=True)
FLAVOURS = ("", "min")
_LABEL_KEYS = (
    "rectanglelabels",
    "polygonlabels",
    "ellipselabels",
    "labels",
    "brushlabels",
    "keypointlabels",
    "hypertextlabels",
    "choices",
)
_UPLOAD = re.compile(r"^[0-9a-f]{8}-(.+)$")


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    tasks = file.entries or ([file.fields] if "annotations" in file.fields and "data" in file.fields else [])
    if any(
        isinstance(task.get("data"), Mapping) and {"annotations", "completions", "predictions"} & task.keys()
        for task in tasks
    ):
        return 'JSON tasks with "data" and "annotations"'
    return "JSON_MIN: results with rectanglelabels" if any(_min_results(task) for task in tasks) else ""


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read all tasks. Of several annotators the ground truth counts, else who worked last; predictions never."""
    by_name: dict[str, Picture] = {}
    for path in source.with_ending(".json"):
        file = JsonFile(path)
        tasks = file.value if isinstance(file.value, list) else [file.value]
        if not recognise(Sniffed(path, file.value)):
            log.headline(f"{source.relative(path)}: no Label Studio tasks, not read")
            continue
        for index, task in enumerate(progress(tasks, "reading tasks")):
            place = file.place(index) if isinstance(file.value, list) else str(path)
            with log.part(f"task {index}", place):
                picture = _read_task(mapping(task, "task"), file, index, log)
                if picture and picture.name in by_name:
                    log.remark("several tasks for one picture, their boxes put together", picture.name)
                    picture = _together(by_name[picture.name], picture)
                if picture:
                    by_name[picture.name] = picture
    if not by_name and not log.faults:
        raise UserError(f"{source.root}: no Label Studio task with an annotated picture")
    return DataSet(list(by_name.values()))


def _together(one: Picture, other: Picture) -> Picture:
    boxes = list(dict.fromkeys(replace(box, where="") for box in (*one.boxes, *other.boxes)))
    return replace(one, boxes=tuple(boxes), size=one.size or other.size, incomplete=one.incomplete or other.incomplete)


def _read_task(task: Mapping[str, Any], file: JsonFile, index: int, log: Log) -> Picture | None:
    fields = task.get("data") if isinstance(task.get("data"), Mapping) else task
    address = _picture_address(fields_of(fields))
    if not address:
        if any("rectanglelabels" in str(annotation) for annotation in entries_of(task.get("annotations"))):
            raise Damaged("the task has rectangles, but names no picture")
        log.remark("task without a picture left out", f"task {index}")
        return None
    name, others = _names(address, optional_text(task.get("file_upload")))
    if isinstance(task.get("data"), Mapping):
        results = _chosen_results(task, name, log)
        if results is None:
            return None
    else:
        results = _min_results(task)
    boxes: list[Box] = []
    size = None
    incomplete = False
    for _count, result in enumerate(results):
        with log.part(name, file.place(index)):
            result = mapping(result, "result")
            size = size or size_of(result.get("original_width"), result.get("original_height"))
            found, lost = _read_result(result, name, size, log)
            boxes += found
            incomplete |= lost
    subset = subset_of(optional_text(fields_of(task.get("meta")).get("split") or fields_of(fields).get("split")))
    return Picture(name, tuple(boxes), size, subset, others, file.path, incomplete)


def _picture_address(fields: Mapping[str, Any]) -> str:
    """The field that names the picture: image, img, ... or the only text that ends like a picture."""
    texts = {str(key): value for key, value in fields.items() if isinstance(value, str) and value.strip()}
    for key in ("image", "img", "photo", "picture", "captioning", "ocr", "image_url", "url"):
        if key in texts:
            return texts[key]
    for value in texts.values():
        if split_ending(base_name(value))[1]:
            return value
    return ""


def _names(address: str, upload: str) -> tuple[str, tuple[str, ...]]:
    """The picture's name, and others to look for: uploads carry eight random digits in front."""
    _, is_local, local = address.partition("?d=")  # /data/local-files/?d=folder/photo.jpg
    full = unquote(local) if is_local else address
    base = base_name(full)
    others = [local, full, upload]
    match = _UPLOAD.match(base)
    if match and ("/upload/" in full or base == upload):
        return match[1], (*others, base, unquote(match[1]))
    return full, (*others, *([match[1]] if match else []))


def _chosen_results(task: Mapping[str, Any], name: str, log: Log) -> list[Any] | None:
    """The results of the annotation that counts, None where nobody annotated the picture."""
    annotations = [fields_of(each) for each in entries_of(task.get("annotations", task.get("completions")))]
    done = [each for each in annotations if not each.get("was_cancelled") and not each.get("skipped")]
    predicted = sum(len(entries_of(fields_of(each).get("result"))) for each in entries_of(task.get("predictions")))
    log.remark("prediction left out, no person's annotation", name, predicted)
    if not done:
        log.remark("task skipped or not annotated, picture left out", name)
        return None
    if len(done) > 1:
        log.remark("several annotators: the ground truth or else the last work counts", name)
    chosen = max(
        done,
        key=lambda each: (
            bool(each.get("ground_truth")),
            optional_text(each.get("updated_at") or each.get("created_at")),
        ),
    )
    if chosen.get("last_action") == "rejected":
        log.remark("annotation that a reviewer rejected, kept", name)
    return list(entries_of(chosen.get("result")))


def _min_results(task: Mapping[str, Any]) -> list[Any]:
    """JSON_MIN: a field holds a result's value, or a list of them."""
    results = []
    for value in task.values():
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, Mapping) and "x" in entry and any(key in entry for key in _LABEL_KEYS):
                results.append({**entry, "value": entry, "type": next(key for key in _LABEL_KEYS if key in entry)})
            elif isinstance(entry, Mapping) and "points" in entry and "polygonlabels" in entry:
                results.append({**entry, "value": entry, "type": "polygonlabels"})
    return results


def _read_result(
    result: Mapping[str, Any], name: str, size: tuple[int, int] | None, log: Log
) -> tuple[list[Box], bool]:
    """The boxes of one result (one for each of its labels), and whether an object got lost."""
    kind, value = optional_text(result.get("type")), fields_of(result.get("value"))
    labels = [str(label) for key in _LABEL_KEYS for label in entries_of(value.get(key)) if key != "choices"]
    if not labels:
        log.remark("result without a class (choice, text, relation) left out", name)
        return [], False
    if kind.startswith(("keypoint", "brush")) or not ({"x", "points"} & value.keys()):
        log.remark(f"{kind or 'result without coordinates'} left out", name)
        return [], True
    if number(result.get("image_rotation") or 0, "image_rotation") % 360:
        raise Damaged("the picture was rotated in Label Studio (image_rotation); such coordinates are not understood")
    edges, relative = _edges(value, size, name, log)
    if edges[0] >= edges[2] or edges[1] >= edges[3]:
        log.remark("box without area left out", name)
        return [], False
    if len(labels) > 1:
        log.remark("box with several labels, one box for each", name)
    return [Box(label, *edges, relative=relative) for label in dict.fromkeys(labels)], False


def _edges(value: Mapping[str, Any], size: tuple[int, int] | None, name: str, log: Log) -> tuple[Edges, bool]:
    scale_x, scale_y = (size[0] / 100, size[1] / 100) if size else (0.01, 0.01)
    rotation = number(value.get("rotation") or 0, "rotation") % 360
    if rotation and not size:
        raise Damaged("a rotated box without original_width and original_height")
    if "points" in value:
        log.remark("polygon became the box around it", name)
        points = [(x * scale_x, y * scale_y) for x, y in point_pairs(value["points"], "points")]
        return around_points(points), not size
    x, y = number(value.get("x"), "x") * scale_x, number(value.get("y"), "y") * scale_y
    if "radiusX" in value:
        log.remark("ellipse became the box around it", name)
        radii = number(value.get("radiusX"), "radiusX") * scale_x, number(value.get("radiusY"), "radiusY") * scale_y
        return around_ellipse(x, y, *radii, rotation), not size
    width, height = number(value.get("width"), "width") * scale_x, number(value.get("height"), "height") * scale_y
    if width < 0 or height < 0:
        log.remark("box with its corners swapped, put in order", name)
    edges = (min(x, x + width), min(y, y + height), max(x, x + width), max(y, y + height))
    if rotation:
        log.remark("rotated box became the upright box around it", name)
        return around_rotated((x, y, x + width, y + height), rotation, about=(x, y)), not size
    return edges, not size


def place(picture: Picture) -> str:
    """Where the picture goes."""
    return "images"


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write tasks.json for Label Studio's import; pictures below its local files' root, or to be uploaded."""
    tasks: list[dict[str, object]] = []
    for picture in data.pictures:
        values = [_value(box, picture) for box in picture.boxes]
        width, height = picture.size or (0, 0)
        split = {"split": picture.subset} if picture.subset else {}
        size = {"original_width": width, "original_height": height}
        if flavour == "min":
            tasks.append(
                {
                    "id": len(tasks) + 1,
                    "image": f"images/{picture.name}",
                    **split,
                    "label": [value | size for value in values],
                }
            )
            continue
        shared = {"from_name": "label", "to_name": "image", "type": "rectanglelabels", "image_rotation": 0, **size}
        results = [{"id": f"{len(tasks) + 1}-{n}", **shared, "value": value} for n, value in enumerate(values)]
        annotations = [{"result": results, "was_cancelled": False, "ground_truth": False}]
        data_field = {"image": f"/data/local-files/?d=images/{quote(picture.name)}"}
        tasks.append({"id": len(tasks) + 1, "data": data_field, "meta": split, "annotations": annotations})
    write_json(folder / "tasks.json", tasks)


def _value(box: Box, picture: Picture) -> dict[str, object]:
    width, height = picture.size or (1, 1)
    percent = (
        box.left / width, box.top / height, (box.right - box.left) / width, (box.bottom - box.top) / height
    )  # fmt: skip
    sides = zip(("x", "y", "width", "height"), percent, strict=True)
    return {side: plain(100 * share, 10) for side, share in sides} | {"rotation": 0, "rectanglelabels": [box.label]}
