"""Pascal VOC: one XML file for each picture, in Annotations/; pictures in JPEGImages/; lists in ImageSets/Main/.

VOC's own coordinates are 1-based and inclusive. Many tools write the same XML with 0-based edges (VoTT 2, CVAT, labelme
and other float writers): a decimal or a zero anywhere in the set, in files that do not call themselves PASCAL VOC's,
shows it, and then all such files are taken so.
"""

import math
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import escape

from data.annotation_formats.geometry import Edges, around_points, around_rotated
from data.annotation_formats.log import Damaged, Log
from data.annotation_formats.output import write_text
from data.annotation_formats.record import MARKS, NO_LABEL, Box, DataSet, Picture, as_attributes, is_true, marks_of
from data.annotation_formats.sniff import Sniffed
from data.annotation_formats.source import Source, base_name, read_text, split_ending, subset_of
from data.annotation_formats.traits import Traits, holding
from data.annotation_formats.values import number, plain, size_of
from helpers.console import progress
from helpers.errors import UserError
from helpers.xml_files import Element, read_xml

TITLE = "Pascal VOC XML"
TRAITS = Traits(holding("difficult", "truncated", "occluded", "attributes", "tracks", "subsets"))


@dataclass(frozen=True)
class _File:
    path: Path
    picture: Picture
    stem: str
    convention: str  # "voc" where it says so, "edges" for LabelMe's files, "" to be seen in the numbers


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    is_voc = (
        file.xml is not None
        and file.xml.tag.lower() == "annotation"
        and (file.xml.first("object") or file.xml.first("filename"))
    )
    return "XML with <annotation>" if is_voc else ""


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read all XML files; pictures are found by the stem of the XML file first, then by <filename> and <path>."""
    files = []
    for path in progress(source.with_ending(".xml"), "reading XML"):
        with log.whole_file(source.relative(path)):
            root = read_xml(path)
            if root.tag.lower() == "annotation":
                files.append(_read_file(root, path, log))
            else:
                log.headline(f"{source.relative(path)}: no <annotation>, not read")
    if not files and not log.faults:
        raise UserError(f"{source.root}: no Pascal VOC XML file in it")
    one_based = {"voc": True, "edges": False, "": _is_one_based(files, log)}
    same_name = Counter(file.picture.name for file in files)
    subsets = _image_sets(source)
    pictures = []
    for file in files:
        if file.stem in log.faults:
            continue
        picture = file.picture
        base = int(one_based[file.convention])
        boxes = picture.boxes
        if base:
            boxes = tuple(replace(box, left=box.left - base, top=box.top - base) for box in boxes)
        by_stem = source.find_picture([file.stem + split_ending(picture.name)[1]], file.path)
        name = picture.name
        if (by_stem and by_stem.stem == file.stem) or same_name[name] > 1 or not name:
            name = by_stem.name if by_stem else file.stem + split_ending(name)[1]
            if picture.name and split_ending(base_name(picture.name))[0] not in ("", file.stem):
                log.remark("<filename> is another than the XML file's name, which was taken", file.stem)
        subset = subsets.get(file.stem, "") or ("" if subsets else subset_of(source.relative(file.path.parent)))
        others = (file.stem + split_ending(picture.name)[1], *picture.other_names)
        pictures.append(replace(picture, name=name, boxes=boxes, subset=subset, other_names=others))
    return DataSet(pictures)


def _read_file(root: Element, path: Path, log: Log) -> _File:
    stem, name, full = path.stem, root.text_of("filename"), root.text_of("path")
    source = root.first("source")
    said = f"{source.text_of('database')} {source.text_of('annotation')}".lower() if source else ""
    boxes: list[Box] = []
    for element in root.all("object"):
        if is_true(element.text_of("deleted")):
            log.remark("object marked as deleted left out", stem)
            continue
        with log.part(stem, f"{path}:{element.line}"):
            boxes += _read_object(element, path, log)
    has_area = [box for box in boxes if box.left < box.right and box.top < box.bottom]
    log.remark("box without area left out", stem, len(boxes) - len(has_area))
    if name and not split_ending(name)[1] and split_ending(base_name(full))[0] == name:
        name = base_name(full)
    picture = Picture(
        name,
        tuple(has_area),
        _size(root),
        other_names=(full,) if full else (),
        beside=path,
    )
    convention = "voc" if "pascal" in said or "voc20" in said else "edges" if root.first("imagesize") else ""
    return _File(path, picture, stem, convention)


def _size(root: Element) -> tuple[int, int] | None:
    if size := root.first("size"):
        return size_of(size.text_of("width"), size.text_of("height"))
    size = root.first("imagesize")  # LabelMe's
    return size_of(size.text_of("ncols"), size.text_of("nrows")) if size else None


def _read_object(element: Element, path: Path, log: Log) -> list[Box]:
    stem = path.stem
    label = element.text_of("name")
    if not label:
        log.remark("box without a label, called UNDECIDED", stem)
    log.remark("parts of an object left out", stem, len(element.all("part")))
    edges = _edges(element, stem, log)
    flags = {mark: _flag(element.text_of(mark)) for mark in MARKS if mark != "crowd"}
    extra = element.first("attributes")
    pairs = [(each.text_of("name"), each.text_of("value")) for each in extra.all("attribute")] if extra else []
    if extra and dict(pairs).get("rotation") and number(dict(pairs)["rotation"], "rotation") % 360:
        edges = around_rotated(edges, number(dict(pairs)["rotation"], "rotation"))
        log.remark("rotated box became the upright box around it", stem)
    pairs += [("pose", element.text_of("pose"))] if element.text_of("pose").lower() not in ("", "unspecified") else []
    track = next((value for name, value in pairs if name == "track_id"), "")
    plain_pairs = [pair for pair in pairs if pair[0] not in ("track_id", "keyframe", "rotation", "occluded")]
    where = f"{path}:{element.line}"
    return [
        Box(
            label or NO_LABEL,
            *edges,
            marks=marks_of(**flags),
            attributes=as_attributes(plain_pairs),
            track=track,
            where=where,
        )
    ]


def _edges(element: Element, stem: str, log: Log) -> Edges:
    """The numbers of an object's <bndbox> (or what stands in its place) as they are."""
    box = element.first("bndbox")
    rotated = element.first("robndbox")
    polygon = element.first("polygon")
    if box:
        edges = [number(box.text_of(side), f"<{side}>") for side in ("xmin", "ymin", "xmax", "ymax")]
        if edges[0] > edges[2] or edges[1] > edges[3]:
            log.remark("box with its corners swapped, put in order", stem)
        if polygon:
            log.remark("polygon left out, its box kept", stem)
        return (
            min(edges[0], edges[2]), min(edges[1], edges[3]), max(edges[0], edges[2]), max(edges[1], edges[3])
        )  # fmt: skip
    if rotated:
        x, y, width, height, angle = (number(rotated.text_of(n), f"<{n}>") for n in ("cx", "cy", "w", "h", "angle"))
        log.remark("rotated box became the upright box around it", stem)
        upright = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        return around_rotated(upright, math.degrees(angle))
    segment = element.first("segm")
    if segment and (box := segment.first("box")):  # LabelMe's masks
        log.remark("mask became the box around it", stem)
        left, top, right, bottom = (number(box.text_of(side), f"<{side}>") for side in ("xmin", "ymin", "xmax", "ymax"))
        return left, top, right, bottom
    if polygon and polygon.first("pt"):
        log.remark("polygon became the box around it", stem)
        points = polygon.all("pt")
        return around_points([(number(pt.text_of("x"), "<x>"), number(pt.text_of("y"), "<y>")) for pt in points])
    if polygon:
        log.remark("polygon became the box around it", stem)
        values = {
            child.tag.lower(): number(child.text, f"<{child.tag}>") for child in polygon.children if not child.children
        }
        return around_points(
            [(values[f"x{i}"], values[f"y{i}"]) for i in range(1, 999) if {f"x{i}", f"y{i}"} <= values.keys()]
        )
    raise Damaged(f"<object> {element.text_of('name')!r} has no <bndbox>")


def _flag(text: str) -> str:
    return "1" if text.isdigit() and int(text) > 0 else text  # labelImg knows 0 and 1, others count


def _is_one_based(files: list[_File], log: Log) -> bool:
    """Whether files that do not say so count from 1."""
    unmarked = [box for file in files if not file.convention for box in file.picture.boxes]
    decimals = any(value != int(value) for box in unmarked for value in box.edges)
    zeros = any(min(box.left, box.top) <= 0 for box in unmarked)
    if unmarked:
        reason = "they hold decimals" if decimals else "they hold 0" if zeros else "whole numbers from 1 on"
        convention = "0-based edges" if decimals or zeros else "1-based and inclusive, VOC's own"
        log.headline(f"coordinates taken as {convention}: {reason}")
    return not (decimals or zeros)


def _image_sets(source: Source) -> dict[str, str]:
    """Stem -> subset, from ImageSets/Main/{train,val,trainval,test}.txt."""
    subsets: dict[str, str] = {}
    for list_name, subset in (("trainval", "train"), ("train", "train"), ("val", "val"), ("test", "test")):
        for path in source.all_files:
            if path.name.lower() == f"{list_name}.txt" and path.parent.name.lower() in ("main", "imagesets"):
                for line in read_text(path).split("\n"):
                    if line.strip():
                        subsets[split_ending(base_name(line.split()[0]))[0]] = subset
    return subsets


def place(picture: Picture) -> str:
    """Where the picture goes."""
    return "JPEGImages"


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write Annotations/*.xml, 1-based and inclusive, and ImageSets/Main/*.txt."""
    lists: dict[str, list[str]] = {"train": [], "val": [], "trainval": [], "test": []}
    for picture in data.pictures:
        stem = split_ending(picture.name)[0]
        write_text(folder / "Annotations" / f"{stem}.xml", _xml(picture))
        subset = picture.subset or "train"
        lists[subset].append(stem)
        if subset != "test":
            lists["trainval"].append(stem)
    for name, stems in lists.items():
        write_text(folder / "ImageSets" / "Main" / f"{name}.txt", "".join(f"{stem}\n" for stem in stems))


def _xml(picture: Picture) -> str:
    width, height = picture.size or (0, 0)
    lines = [
        "<annotation>",
        "  <folder>JPEGImages</folder>",
        f"  <filename>{escape(picture.name)}</filename>",
        # "PASCAL VOC": whatever decimals follow, they count from 1
        "  <source><database>Unknown</database><annotation>PASCAL VOC</annotation><image>Unknown</image></source>",
        f"  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>",
        "  <segmented>0</segmented>",
    ]
    for box in picture.boxes:
        attributes = dict(box.attributes) | ({"track_id": box.track} if box.track else {})
        flags = {mark: int(mark in box.marks) for mark in ("truncated", "difficult", "occluded")}
        corners = {"xmin": box.left + 1, "ymin": box.top + 1, "xmax": box.right, "ymax": box.bottom}
        lines += [
            "  <object>",
            f"    <name>{escape(box.label)}</name>",
            f"    <pose>{escape(attributes.pop('pose', 'Unspecified'))}</pose>",
            *(f"    <{mark}>{flag}</{mark}>" for mark, flag in flags.items()),
            "    <bndbox>",
            *(f"      <{side}>{plain(value)}</{side}>" for side, value in corners.items()),
            "    </bndbox>",
        ]
        if attributes:
            pairs = (f"<name>{escape(n)}</name><value>{escape(v)}</value>" for n, v in attributes.items())
            lines += [
                "    <attributes>",
                *(f"      <attribute>{pair}</attribute>" for pair in pairs),
                "    </attributes>",
            ]
        lines.append("  </object>")
    return "\n".join([*lines, "</annotation>"]) + "\n"
