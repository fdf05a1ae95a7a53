"""VoTT 1 and 2: their JSON, VoTT 2's CSV, and both versions' CNTK exports (`*.jpg.bboxes.tsv`).

VoTT 2's coordinates are 0-based edges in pixels. VoTT 1's are pixels of the canvas whose width and height stand in the
same region, so they are read as fractions of the picture.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.annotation_formats import bbox_files, csv
from data.annotation_formats.csv_rows import table_kind
from data.annotation_formats.geometry import Edges, around_points, point_pairs
from data.annotation_formats.json_files import JsonFile
from data.annotation_formats.log import Damaged, Log
from data.annotation_formats.output import write_json, write_text
from data.annotation_formats.record import NO_LABEL, Box, DataSet, Picture
from data.annotation_formats.sniff import Sniffed
from data.annotation_formats.source import Source, base_name, subset_of
from data.annotation_formats.traits import Traits, holding
from data.annotation_formats.values import entries_of, fields_of, mapping, number, optional_text, plain, size_of, text
from helpers.errors import UserError

TITLE = "VoTT 1 and 2"
FLAVOURS = ("2", "1", "csv", "cntk", "cntk1", "cntk2")
_COLUMNS = ["image", "xmin", "ymin", "xmax", "ymax", "label"]


def traits(flavour: str) -> Traits:
    """What a flavour can hold."""
    if flavour.startswith("cntk"):
        whole = flavour == "cntk1"
        return Traits(
            holding("subsets"), inside=True, whole_pixels=whole, one_line_labels=True, only_train_and_test=True
        )
    return Traits(size_required=flavour != "csv", empty_pictures=flavour != "csv")


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    if file.name.endswith(".bboxes.tsv") and bbox_files.has_picture_ending(file.path):
        return "*.jpg.bboxes.tsv"
    if isinstance(file.fields.get("frames"), Mapping):
        return 'VoTT 1: JSON with "frames"'
    if isinstance(file.fields.get("assets"), Mapping) or _is_asset(file.json):
        return "VoTT 2: JSON with assets"
    is_csv = bool(file.lines) and [name.strip().strip('"') for name in file.lines[0].split(",")] == _COLUMNS
    return f"VoTT 2: CSV with the columns {', '.join(_COLUMNS)}" if is_csv else ""


def _is_asset(value: object) -> bool:
    return isinstance(fields_of(value).get("asset"), Mapping) and isinstance(fields_of(value).get("regions"), list)


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read what VoTT left below the source: its JSON, else its CNTK export, else its CSV."""
    if flavour.startswith("cntk"):
        return bbox_files.read_bbox_files(source, log, order={"cntk1": "xyxy", "cntk2": "xxyy"}.get(flavour, ""))
    data = _read_json(source, log) if flavour in ("", "1", "2") else DataSet()
    if data.pictures or (log.faults and not data.pictures):
        return data
    if flavour == "" and any(path.name.lower().endswith(bbox_files.BOXES) for path in source.files):
        return bbox_files.read_bbox_files(source, log)
    tables = [path for path in source.with_ending(".csv") if table_kind(Sniffed(path).lines)]
    if flavour in ("", "csv") and tables:
        return csv.read(source, log)
    raise UserError(
        f"{source.root}: nothing of VoTT in it (*.vott, *-asset.json, *-export.json, *-export.csv, *.bboxes.tsv)"
    )


def _read_json(source: Source, log: Log) -> DataSet:
    files = source.with_ending(".json", ".vott")
    if source.only and source.only.suffix.lower() == ".vott":  # its regions lie in the files beside
        files = [path for path in source.all_files if path.name.lower().endswith((".vott", "-asset.json"))]
    data = DataSet()
    assets: dict[str, tuple[Mapping[str, Any], JsonFile, tuple[str, ...]]] = {}
    listed: dict[str, Mapping[str, Any]] = {}
    for path in files:
        with log.whole_file(source.relative(path)):
            file = JsonFile(path)
            root = fields_of(file.value)
            if isinstance(root.get("frames"), Mapping):
                _read_version_1(root, file, source, log, data)
                continue
            data.classes += [optional_text(fields_of(tag).get("name")) for tag in entries_of(root.get("tags"))]
            if _is_asset(root):
                assets[optional_text(root["asset"].get("id")) or path.name] = (root, file, ())
            for key, entry in fields_of(root.get("assets")).items():
                if _is_asset(entry):
                    assets.setdefault(key, (entry, file, ("assets", key)))
                else:
                    listed[key] = fields_of(entry)
    for key, (entry, file, way) in assets.items():
        with log.part(key, file.place(*way)):
            picture = _read_asset(entry, file, way, log)
            subset = subset_of(source.relative(file.path)) if way else ""
            data.pictures += [replace(picture, subset=subset)] if picture else []
    for key, entry in listed.items():
        if key not in assets and entry.get("name"):
            log.remark("picture listed without an asset file, left out", optional_text(entry.get("name")))
    data.classes = [name for name in data.classes if name]
    return data


def _read_version_1(root: Mapping[str, Any], file: JsonFile, source: Source, log: Log, data: DataSet) -> None:
    data.classes += [name.strip() for name in optional_text(root.get("inputTags")).split(",") if name.strip()]
    video = base_name(file.path.name[: -len(".json")])
    for key, regions in root["frames"].items():
        name, others = (f"{video}_frame_{key}.jpg", (f"{key}.jpg", key)) if key.isdigit() else (key, ())
        boxes: list[Box] = []
        size = None
        for index, region in enumerate(entries_of(regions)):
            with log.part(name, file.place("frames", key, index)):
                region = mapping(region, "region")
                canvas = size_of(region.get("width"), region.get("height"))
                size = size or canvas
                corners = region if "x1" in region else fields_of(region.get("box"))
                x1, y1, x2, y2 = (number(corners.get(side), side) for side in ("x1", "y1", "x2", "y2"))
                if not canvas:
                    raise Damaged("width and height of the canvas are missing")
                edges = (
                    min(x1, x2) / canvas[0], min(y1, y2) / canvas[1], max(x1, x2) / canvas[0], max(y1, y2) / canvas[1]
                )  # fmt: skip
                boxes += _boxes(edges, entries_of(region.get("tags")), name, log, relative=True)
        data.pictures.append(
            Picture(name, tuple(boxes), size, subset_of(source.relative(file.path.parent)), others, file.path)
        )
    names = {base_name(str(key)) for key in root["frames"]}
    for visited in entries_of(root.get("visitedFrames")):
        if base_name(str(visited)) not in names and not str(visited).isdigit():
            log.remark("picture visited but not tagged, left out", base_name(str(visited)))


def _read_asset(entry: Mapping[str, Any], file: JsonFile, way: tuple[str, ...], log: Log) -> Picture | None:
    asset = mapping(entry.get("asset"), "asset")
    path = optional_text(asset.get("path"))
    name = text(asset.get("name") or base_name(path), "asset.name")
    regions = entries_of(entry.get("regions"))
    if not regions and asset.get("state") in (0, 1):
        log.remark("picture visited but not tagged, left out", name)
        return None
    boxes: list[Box] = []
    for index, region in enumerate(regions):
        with log.part(name, file.place(*way, "regions", index)):
            region = mapping(region, "region")
            edges = _region_edges(region, name, log)
            boxes += _boxes(edges, entries_of(region.get("tags")), name, log)
    size = fields_of(asset.get("size"))
    known = size_of(size.get("width"), size.get("height"))
    return Picture(name, tuple(boxes), known, other_names=(path,) if path else (), beside=file.path)


def _region_edges(region: Mapping[str, Any], name: str, log: Log) -> Edges:
    kind = optional_text(region.get("type")).upper()
    box = fields_of(region.get("boundingBox"))
    if kind not in ("RECTANGLE", "SQUARE", ""):
        log.remark(f"{kind.lower()} became the box around it", name)
    if box:
        left, top, width, height = (number(box.get(side), side) for side in ("left", "top", "width", "height"))
        return min(left, left + width), min(top, top + height), max(left, left + width), max(top, top + height)
    return around_points(point_pairs(region.get("points"), "points"))


def _boxes(edges: Edges, tags: Any, name: str, log: Log, *, relative: bool = False) -> list[Box]:
    """A box for each tag of a region."""
    if edges[0] >= edges[2] or edges[1] >= edges[3]:
        log.remark("box without area left out", name)
        return []
    labels = [optional_text(tag) for tag in tags if optional_text(tag).strip()]
    if not labels:
        log.remark("box without a label, called UNDECIDED", name)
    if len(labels) > 1:
        log.remark("box with several labels, one box for each", name)
    return [Box(label, *edges, relative=relative) for label in labels or [NO_LABEL]]


def place(picture: Picture) -> str:
    """Where the picture goes."""
    return "."


def cntk_place(picture: Picture) -> str:
    """Where the picture goes in a CNTK export."""
    return (
        "testImages"
        if picture.subset == "test"
        else "positive"
        if picture.boxes or picture.file is None
        else "negative"
    )


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write vott-export.json, or what the flavour says: 1, csv, cntk (VoTT 2's names and column order)."""
    if flavour.startswith("cntk"):
        return _write_cntk(folder, data, flavour)
    if flavour == "csv":
        header = ",".join(f'"{name}"' for name in _COLUMNS)
        rows = [
            f'"{_quoted(picture.name)}",{",".join(str(plain(edge)) for edge in box.edges)},"{_quoted(box.label)}"'
            for picture in data.pictures
            for box in picture.boxes
        ]
        return write_text(folder / "vott-export.csv", "\n".join([header, *rows]) + "\n")
    if flavour == "1":
        frames = {
            picture.name: [_region_1(box, picture, n) for n, box in enumerate(picture.boxes)]
            for picture in data.pictures
        }
        value = {
            "frames": frames, "framerate": "1", "inputTags": ",".join(data.all_classes()), "suggestiontype": "track",
            "scd": False, "visitedFrames": list(frames), "tag_colors": ["#f9e90c"] * len(data.all_classes()),
        }  # fmt: skip
        return write_json(folder / "vott1.json", value)
    assets = {}
    for picture in data.pictures:
        key = hashlib.md5(picture.name.encode(), usedforsecurity=False).hexdigest()
        width, height = picture.size or (0, 0)
        ending = picture.name.rpartition(".")[2]
        size = {"width": width, "height": height}
        asset = {
            "format": ending,
            "id": key,
            "name": picture.name,
            "path": picture.name,
            "size": size,
            "state": 2,
            "type": 1,
        }
        regions = [_region_2(box, f"{key[:6]}{n:03}") for n, box in enumerate(picture.boxes)]
        assets[key] = {"asset": asset, "regions": regions, "version": "2.2.0"}
    tags = [{"name": name, "color": "#5db300"} for name in data.all_classes()]
    return write_json(
        folder / "vott-export.json", {"name": "converted", "version": "2.2.0", "tags": tags, "assets": assets}
    )


def _quoted(value: str) -> str:
    return value.replace('"', '""')


def _region_1(box: Box, picture: Picture, number_: int) -> dict[str, object]:
    width, height = picture.size or (0, 0)
    corners = dict(zip(("x1", "y1", "x2", "y2"), map(plain, box.edges), strict=True))
    return {
        **corners, "width": width, "height": height, "box": corners, "UID": f"{number_:08x}", "id": number_,
        "type": "Rectangle", "tags": [box.label], "name": number_ + 1,
    }  # fmt: skip


def _region_2(box: Box, identity: str) -> dict[str, object]:
    left, top, right, bottom = map(plain, box.edges)
    sides = {"left": left, "top": top, "width": plain(box.right - box.left), "height": plain(box.bottom - box.top)}
    points = [{"x": x, "y": y} for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]
    return {"id": identity, "type": "RECTANGLE", "tags": [box.label], "boundingBox": sides, "points": points}


def _write_cntk(folder: Path, data: DataSet, flavour: str) -> None:
    for name in ("positive", "negative", "testImages"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for picture in data.pictures:
        where = cntk_place(picture)
        if where == "negative":
            continue
        rows: list[tuple[float, float, float, float]]
        if flavour == "cntk1":
            rows = [bbox_files.as_pixels(box) for box in picture.boxes]
        else:
            rows = [(float(box.left), float(box.right), float(box.top), float(box.bottom)) for box in picture.boxes]
        write_text(folder / where / f"{picture.name}.bboxes.tsv", "\n".join("\t".join(map(str, row)) for row in rows))
        write_text(folder / where / f"{picture.name}.bboxes.labels.tsv", "\n".join(box.label for box in picture.boxes))
