"""CVAT XML 1.1: `annotations.xml` "for images"; "for video" too on reading, where tracks become boxes of each frame.

xtl ytl xbr ybr are 0-based edges, decimals allowed.
"""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from data.annotation_formats.geometry import Edges, around_ellipse, around_points, around_rotated
from data.annotation_formats.log import Damaged, Log
from data.annotation_formats.output import write_text
from data.annotation_formats.record import NO_LABEL, OCCLUDED, Box, DataSet, Picture, as_attributes, is_true
from data.annotation_formats.sniff import Sniffed
from data.annotation_formats.source import Source, subset_of
from data.annotation_formats.traits import Traits, holding
from data.annotation_formats.values import number, plain, size_of
from helpers.errors import UserError
from helpers.xml_files import Element, read_xml

TITLE = "CVAT XML"
TRAITS = Traits(holding(OCCLUDED, "attributes", "subsets"))
_WITH_AREA = ("box", "polygon", "ellipse", "cuboid", "mask")
_WITHOUT = ("points", "polyline", "skeleton")
_LONGEST_GAP = 100_000  # frames


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    root = file.xml
    is_cvat = (
        root is not None
        and root.tag.lower() == "annotations"
        and (root.first("image") or root.first("track") or root.first("meta"))
    )
    return "XML with <annotations>" if is_cvat else ""


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read all CVAT files below the source."""
    data = DataSet()
    found = False
    for path in source.with_ending(".xml"):
        root = read_xml(path)
        if root.tag.lower() != "annotations":
            log.headline(f"{source.relative(path)}: no <annotations>, not read")
            continue
        found = True
        meta = root.first("meta")
        data.classes += [name for name in _labels(meta) if name] if meta else []
        fallback = subset_of(source.relative(path))
        for image in root.all("image"):
            with log.part(image.attributes.get("name", "an image"), f"{path}:{image.line}"):
                data.pictures.append(_read_image(image, path, fallback, log))
        if root.all("track"):
            data.pictures += _read_tracks(root, path, fallback, log)
    if not found:
        raise UserError(f"{source.root}: no CVAT XML file in it")
    return data


def _labels(meta: Element) -> list[str]:
    """The names of the labels below <meta><task|job|project><labels>."""
    names = []
    for owner in (meta, *meta.children):
        labels = owner.first("labels")
        names += [label.text_of("name") for label in labels.all("label")] if labels else []
    return names


def _read_image(image: Element, path: Path, fallback: str, log: Log) -> Picture:
    name = _attribute(image, "name")
    boxes: list[Box] = []
    incomplete = False
    for shape in image.children:
        with log.part(name, f"{path}:{shape.line}"):
            box, lost = _read_shape(shape, name, f"{path}:{shape.line}", log)
            boxes += [box] if box else []
            incomplete |= lost
    subset = subset_of(image.attributes.get("subset", "")) or fallback
    size = size_of(image.attributes.get("width"), image.attributes.get("height"))
    return Picture(name, tuple(boxes), size, subset, beside=path, incomplete=incomplete)


def _read_shape(
    shape: Element, name: str, where: str, log: Log, label: str = "", track: str = ""
) -> tuple[Box | None, bool]:
    """The box of a shape or None, and whether an object got lost."""
    kind = shape.tag.lower()
    if kind in _WITHOUT:
        log.remark(f"{kind} left out: no area", name)
        return None, True
    if kind == "tag":
        log.remark("tag of a whole picture left out", name)
    if kind not in _WITH_AREA:
        return None, False
    edges = _edges(shape, kind, name, log)
    if edges[0] >= edges[2] or edges[1] >= edges[3]:
        log.remark("box without area left out", name)
        return None, False
    label = label or shape.attributes.get("label", "")
    if not label:
        log.remark("box without a label, called UNDECIDED", name)
    marks = frozenset({OCCLUDED} if is_true(shape.attributes.get("occluded")) else ())
    pairs = [(each.attributes.get("name", ""), each.text.strip()) for each in shape.all("attribute")]
    return Box(label or NO_LABEL, *edges, marks=marks, attributes=as_attributes(pairs), track=track, where=where), False


def _edges(shape: Element, kind: str, name: str, log: Log) -> Edges:
    if kind == "polygon":
        log.remark("polygon became the box around it", name)
        return around_points(_points(_attribute(shape, "points")))
    if kind == "mask":
        log.remark("mask became the box around it", name)
        left, top, width, height = (number(shape.attributes.get(k), k) for k in ("left", "top", "width", "height"))
        return left, top, left + width, top + height
    degrees = number(shape.attributes.get("rotation") or 0, "rotation") % 360
    if kind == "ellipse":
        log.remark("ellipse became the box around it", name)
        x, y, rx, ry = (number(shape.attributes.get(k), k) for k in ("cx", "cy", "rx", "ry"))
        return around_ellipse(x, y, rx, ry, degrees)
    if kind == "cuboid":
        log.remark("cuboid became the box around it", name)
        corners = [f"{side}{end}" for side in ("tl", "bl", "tr", "br") for end in "12"]
        return around_points(
            [(number(_attribute(shape, f"x{c}"), c), number(_attribute(shape, f"y{c}"), c)) for c in corners]
        )
    x1, y1, x2, y2 = (number(shape.attributes.get(k), k) for k in ("xtl", "ytl", "xbr", "ybr"))
    if x1 > x2 or y1 > y2:
        log.remark("box with its corners swapped, put in order", name)
    edges = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    if degrees:
        log.remark("rotated box became the upright box around it", name)
        return around_rotated(edges, degrees)
    return edges


def _attribute(element: Element, name: str) -> str:
    """An attribute that must be there."""
    if name not in element.attributes:
        raise Damaged(f"<{element.tag}> has no {name}")
    return element.attributes[name]


def _points(text: str) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in text.split(";") if pair.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise Damaged(f"points are no x,y;x,y list: {text[:40]!r}")
    return [(number(x, "points"), number(y, "points")) for x, y in pairs]


def _read_tracks(root: Element, path: Path, subset: str, log: Log) -> list[Picture]:
    """A picture for each frame that a track speaks of; between two keyframes boxes are interpolated."""
    size, step = _frame_size(root), _frame_step(root)
    frames: dict[int, list[Box]] = defaultdict(list)
    lost: set[int] = set()
    for track in root.all("track"):
        name, label = track.attributes.get("id", ""), track.attributes.get("label", "")
        last: tuple[int, Box] | None = None
        shapes = [(shape, f"{path}:{shape.line}") for shape in track.children if "frame" in shape.attributes]
        for shape, where in shapes:
            frame = -1
            with log.part(f"track {name}", where):
                frame = int(number(shape.attributes["frame"], "frame"))
            with log.part(_frame_name(frame), where):
                if frame < 0:
                    continue
                frames[frame] += []
                if is_true(shape.attributes.get("outside")):
                    last = None
                    continue
                box, is_lost = _read_shape(shape, _frame_name(frame), where, log, label, name)
                if is_lost:
                    lost.add(frame)
                if box and last and frame - last[0] < _LONGEST_GAP:
                    for between in range(last[0] + step, frame, step):
                        frames[between].append(_between(last[1], box, (between - last[0]) / (frame - last[0])))
                        log.remark("box between two keyframes, interpolated", _frame_name(between))
                if box:
                    frames[frame].append(box)
                last = (frame, box) if box else None
    log.headline(f"{path.name}: a video; its frames are looked for as {_frame_name(0)} and the like")
    return [
        Picture(_frame_name(n), tuple(boxes), size, subset, (f"frame_{n}", f"{n:06}", str(n)), path, n in lost)
        for n, boxes in sorted(frames.items())
    ]


def _frame_name(frame: int) -> str:
    return f"frame_{frame:06}.jpg"


def _between(first: Box, last: Box, share: float) -> Box:
    left, top, right, bottom = (a + (b - a) * share for a, b in zip(first.edges, last.edges, strict=True))
    return replace(first, left=left, top=top, right=right, bottom=bottom)


def _frame_size(root: Element) -> tuple[int, int] | None:
    meta = root.first("meta")
    for owner in (meta, *meta.children) if meta else ():
        if size := owner.first("original_size"):
            return size_of(size.text_of("width"), size.text_of("height"))
    return None


def _frame_step(root: Element) -> int:
    meta = root.first("meta")
    for owner in meta.children if meta else ():
        words = owner.text_of("frame_filter").split("=")
        if words[0].strip() == "step" and len(words) == 2 and words[1].strip().isdigit():
            return max(1, int(words[1]))
    return 1


def place(picture: Picture) -> str:
    """Where the picture goes."""
    return "images"


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write annotations.xml, CVAT for images 1.1."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        "<annotations>",
        "  <version>1.1</version>",
        "  <meta><task><labels>",
    ]
    names = sorted({name for picture in data.pictures for box in picture.boxes for name, _ in box.attributes})
    declared = "".join(
        f"<attribute><name>{escape(name)}</name><mutable>False</mutable><input_type>text</input_type>"
        "<default_value></default_value><values></values></attribute>"
        for name in names
    )
    lines += [
        f"    <label><name>{escape(name)}</name><attributes>{declared}</attributes></label>"
        for name in data.all_classes()
    ]
    lines.append("  </labels></task></meta>")
    for index, picture in enumerate(data.pictures):
        width, height = picture.size or (0, 0)
        subset = f' subset="{picture.subset}"' if picture.subset else ""
        lines.append(f'  <image id="{index}" name={quoteattr(picture.name)}{subset} width="{width}" height="{height}">')
        for box in picture.boxes:
            sides = zip(("xtl", "ytl", "xbr", "ybr"), box.edges, strict=True)
            edges = " ".join(f'{side}="{plain(value)}"' for side, value in sides)
            occluded = f'source="manual" occluded="{int(OCCLUDED in box.marks)}"'
            lines.append(f'    <box label={quoteattr(box.label)} {occluded} {edges} z_order="0">')
            lines += [f"      <attribute name={quoteattr(n)}>{escape(v)}</attribute>" for n, v in box.attributes]
            lines.append("    </box>")
        lines.append("  </image>")
    write_text(folder / "annotations.xml", "\n".join([*lines, "</annotations>"]) + "\n")
