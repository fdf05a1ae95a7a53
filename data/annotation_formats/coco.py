"""COCO: one JSON file for each image set, with images, annotations and categories that point to each other by ids.

`bbox` is x, y, width, height: 0-based edges, decimals allowed.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.annotation_formats.geometry import Edges, around_rotated, around_segmentation
from data.annotation_formats.json_files import JsonFile
from data.annotation_formats.log import Damaged, Log
from data.annotation_formats.output import write_json
from data.annotation_formats.record import (
    CROWD,
    DIFFICULT,
    OCCLUDED,
    TRUNCATED,
    Box,
    DataSet,
    Picture,
    as_attributes,
    is_true,
)  # fmt: skip
from data.annotation_formats.sniff import Sniffed
from data.annotation_formats.source import Source, base_name, subset_of
from data.annotation_formats.traits import Traits, holding
from data.annotation_formats.values import (
    entries_of,
    fields_of,
    key_of,
    listing,
    mapping,
    number,
    optional_text,
    plain,
    size_of,
    text,
)
from helpers.errors import UserError

TITLE = "COCO JSON"
TRAITS = Traits(holding(CROWD, DIFFICULT, OCCLUDED, TRUNCATED, "attributes", "tracks", "subsets"))
_BACKGROUND = ("__background__", "_background_", "background")


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    if isinstance(file.fields.get("images"), list) and isinstance(file.fields.get("annotations"), list):
        return 'JSON with "images" and "annotations"'
    return 'JSON list with "image_id" and "bbox"' if _is_results(file.json) else ""


def _is_results(value: object) -> bool:
    return (
        isinstance(value, list) and len(value) > 0 and isinstance(value[0], dict)
        and {"image_id", "category_id"} <= value[0].keys() and "score" in value[0]
    )  # fmt: skip


@dataclass
class _Reading:
    """One file while it is read."""

    file: JsonFile
    log: Log
    categories: dict[str, str] = field(default_factory=dict)
    masks_are_objects: bool = False


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read all COCO files; the image set comes from their names or folders."""
    data = DataSet()
    detections = []
    for path in source.with_ending(".json"):
        file = JsonFile(path)
        if _is_results(file.value):
            detections.append(path)
        elif not isinstance(fields_of(file.value).get("images"), list):
            log.headline(f'{source.relative(path)}: no "images", not read')
        else:
            data.classes += _read_file(file, subset_of(source.relative(path)), log, data.pictures)
    if detections and not data.pictures:
        raise UserError(
            f"{detections[0]}: a list of detections (COCO results, with scores), not of annotations: it names neither "
            "pictures nor classes. Give the annotation file they were made for"
        )
    for path in detections:
        log.headline(f"{source.relative(path)}: detections with scores, not annotations; not read")
    if not data.pictures and not log.faults:
        raise UserError(f'{source.root}: no COCO file with "images" that names a picture')
    return data


def _read_file(file: JsonFile, subset: str, log: Log, pictures: list[Picture]) -> list[str]:
    """Add the pictures of a file to `pictures`; return its classes."""
    root = mapping(file.value, "the file")
    annotations = entries_of(root.get("annotations"))
    reading = _Reading(file, log, _categories(root), _masks_are_objects(annotations))
    if reading.masks_are_objects:
        log.headline(f"{file.path.name}: iscrowd marks masks here, not crowds (every such object is a mask); ignored")
    images: dict[str, Mapping[str, Any]] = {}
    for index, image in enumerate(entries_of(root.get("images"))):
        with log.part(f"image {index}", file.place("images", index)):
            image = mapping(image, "image")
            images[key_of(image.get("id")) or text(image.get("id"), "id")] = image
            text(image.get("file_name") or image.get("coco_url") or image.get("flickr_url"), "file_name")
    names = {
        key: optional_text(image.get("file_name"))
        or base_name(optional_text(image.get("coco_url") or image.get("flickr_url")))
        for key, image in images.items()
    }
    boxes: dict[str, list[Box]] = defaultdict(list)
    for index, annotation in _with_segments(annotations):
        key = key_of(fields_of(annotation).get("image_id"))
        with log.part(names.get(key, f"annotation {index}"), file.place("annotations", index)):
            annotation = mapping(annotation, "annotation")
            if key not in images:
                raise Damaged(f"image_id {annotation.get('image_id')!r} is no image of this file")
            if (box := _read_box(annotation, names[key], reading)) is not None:
                boxes[key].append(box)
    for key, image in images.items():
        if names[key]:
            address = base_name(optional_text(image.get("coco_url")))
            size = size_of(image.get("width"), image.get("height"))
            pictures.append(
                Picture(names[key], tuple(boxes[key]), size, subset, (address,) if address else (), file.path)
            )
    return list(reading.categories.values())


def _with_segments(annotations: Any) -> Iterator[tuple[int, Any]]:
    """(index, annotation) of all; those of a panoptic file hold segments, which are its objects."""
    for index, annotation in enumerate(annotations):
        segments = fields_of(annotation).get("segments_info")
        if not isinstance(segments, list):
            yield index, annotation
            continue
        for segment in segments:
            yield index, {**fields_of(segment), "image_id": annotation.get("image_id")}


def _categories(root: Mapping[str, Any]) -> dict[str, str]:
    """Id -> name; without the background, and without Roboflow's dummy, a parent of the others that no object has."""
    entries = [entry for entry in entries_of(root.get("categories")) if isinstance(entry, Mapping)]
    used = {key_of(fields_of(annotation).get("category_id")) for annotation in entries_of(root.get("annotations"))}
    parents = {optional_text(entry.get("supercategory")) for entry in entries}
    categories = {}
    for entry in entries:
        key, name = key_of(entry.get("id")), optional_text(entry.get("name"))
        is_parent = name in parents and optional_text(entry.get("supercategory")) in ("", "none")
        is_dummy = key not in used and (name.lower() in _BACKGROUND or (is_parent and len(entries) > 1))
        if name and not is_dummy:
            categories[key] = name
    return categories


def _masks_are_objects(annotations: Any) -> bool:
    """CVAT writes iscrowd 1 for everything drawn as a mask: then all are crowds, or they carry CVAT's attributes."""
    crowds = [fields_of(each) for each in annotations if is_true(fields_of(each).get("iscrowd"))]
    if not crowds or not all(isinstance(each.get("segmentation"), dict) for each in crowds):
        return False
    return len(crowds) == len(annotations) or all("occluded" in fields_of(each.get("attributes")) for each in crowds)


def _read_box(annotation: Mapping[str, Any], name: str, reading: _Reading) -> Box | None:
    log = reading.log
    category = key_of(annotation.get("category_id"))
    if not category and "bbox" not in annotation and "segmentation" not in annotation:
        log.remark("annotation without box and outline left out (caption, keypoints)", name)
        return None
    if category not in reading.categories and reading.categories:
        raise Damaged(f"category_id {annotation.get('category_id')!r} is no category of this file")
    segmentation = annotation.get("segmentation")
    edges = _edges(annotation, name, log)
    if edges is None:
        log.remark("annotation without box and outline left out (caption, keypoints)", name)
        return None
    if annotation.get("keypoints"):
        log.remark("keypoints left out, the box kept", name)
    if isinstance(segmentation, dict) or (isinstance(segmentation, list) and _is_outline(segmentation)):
        log.remark("outline or mask left out, the box around it kept", name)
    if edges[0] >= edges[2] or edges[1] >= edges[3]:
        log.remark("box without area left out", name)
        return None
    attributes = dict(fields_of(annotation.get("attributes")))
    rotation = number(attributes.pop("rotation", 0) or 0, "attributes.rotation") % 360
    if rotation:
        edges = around_rotated(edges, rotation)
        log.remark("rotated box became the upright box around it", name)
    flags = {mark: attributes.pop(mark, annotation.get(mark)) for mark in (DIFFICULT, TRUNCATED, OCCLUDED)}
    marks = {mark for mark, flag in flags.items() if is_true(flag)}
    if is_true(annotation.get("ignore")):
        marks.add(DIFFICULT)
    if is_true(annotation.get("iscrowd")) and not reading.masks_are_objects:
        marks.add(CROWD)
    track = key_of(attributes.pop("track_id", annotation.get("track_id")))
    attributes.pop("keyframe", None)
    label = reading.categories.get(category, f"class{category}")
    return Box(label, *edges, marks=frozenset(marks), attributes=as_attributes(attributes.items()), track=track)


def _is_outline(segmentation: list[Any]) -> bool:
    """Whether polygons say more than the box: not those that are its four corners."""
    flat = segmentation[0] if segmentation and isinstance(segmentation[0], list) else segmentation
    if len(segmentation) == 0 or not isinstance(flat, list):
        return False
    is_rectangle = len(flat) in (8, 10) and len(set(map(str, flat[::2]))) == 2 and len(set(map(str, flat[1::2]))) == 2
    return not is_rectangle


def _edges(annotation: Mapping[str, Any], name: str, log: Log) -> Edges | None:
    bbox = annotation.get("bbox")
    if bbox in (None, [], ""):
        edges = around_segmentation(annotation.get("segmentation"))
        if edges:
            log.remark("polygon or mask became the box around it", name)
        return edges
    values = [number(value, "bbox") for value in listing(bbox, "bbox")]
    if len(values) != 4:
        raise Damaged(f"bbox has {len(values)} number(s), expected x, y, width, height")
    x, y, width, height = values
    if width < 0 or height < 0:
        log.remark("box with its corners swapped, put in order", name)
    return min(x, x + width), min(y, y + height), max(x, x + width), max(y, y + height)


def place(picture: Picture) -> str:
    """Where the picture goes."""
    return f"images/{picture.subset or 'train'}"


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write annotations/instances_<image set>.json; ids count from 1."""
    classes = data.all_classes()
    ids = {name: number for number, name in enumerate(classes, start=1)}
    sets: dict[str, list[Picture]] = defaultdict(list)
    for picture in data.pictures:
        sets[picture.subset or "train"].append(picture)
    for subset, pictures in sets.items():
        images: list[dict[str, object]] = []
        annotations: list[dict[str, object]] = []
        for image_id, picture in enumerate(pictures, start=1):
            width, height = picture.size or (0, 0)
            images.append({"id": image_id, "file_name": picture.name, "width": width, "height": height})
            for box in picture.boxes:
                annotations.append(_annotation(box, len(annotations) + 1, image_id, ids[box.label]))
        categories = [{"id": number, "name": name, "supercategory": ""} for name, number in ids.items()]
        value = {
            "info": {"description": ""},
            "licenses": [],
            "images": images,
            "annotations": annotations,
            "categories": categories,
        }
        write_json(folder / "annotations" / f"instances_{subset}.json", value)


def _annotation(box: Box, number_: int, image_id: int, category_id: int) -> dict[str, object]:
    width, height = plain(box.right - box.left), plain(box.bottom - box.top)
    attributes = dict(box.attributes)
    attributes |= {mark: "true" for mark in (DIFFICULT, TRUNCATED, OCCLUDED) if mark in box.marks}
    attributes |= {"track_id": box.track} if box.track else {}
    annotation = {
        "id": number_,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": [plain(box.left), plain(box.top), width, height],
        "area": plain(width * height),
        "segmentation": [],
        "iscrowd": int(CROWD in box.marks),
    }
    return annotation | ({"attributes": attributes} if attributes else {})
