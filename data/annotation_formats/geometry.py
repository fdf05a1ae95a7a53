"""Boxes around other shapes. Every function returns the edges left, top, right, bottom."""

import math
from collections.abc import Sequence
from typing import Any

from data.annotation_formats.log import Damaged
from data.annotation_formats.values import fields_of, listing, number

Edges = tuple[float, float, float, float]


def around_points(points: Sequence[tuple[float, float]]) -> Edges:
    """The box around (x, y) points."""
    if not points:
        raise Damaged("a shape without points")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def point_pairs(values: object, name: str) -> list[tuple[float, float]]:
    """(x, y) points from [[x, y], ...], [{"x":, "y":}, ...] or the flat list [x, y, x, y, ...]."""
    entries = listing(values, name)
    if entries and not isinstance(entries[0], list | tuple | dict):
        if len(entries) % 2:
            raise Damaged(f"{name} has an odd number of coordinates ({len(entries)})")
        flat = [number(value, name) for value in entries]
        return list(zip(flat[::2], flat[1::2], strict=True))
    points = []
    for entry in entries:
        if isinstance(entry, dict):
            points.append((number(entry.get("x"), name), number(entry.get("y"), name)))
        else:
            pair = listing(entry, name)
            if len(pair) < 2:
                raise Damaged(f"{name}: a point needs x and y")
            points.append((number(pair[0], name), number(pair[1], name)))
    return points


def around_rotated(box: Edges, degrees: float, *, about: tuple[float, float] | None = None) -> Edges:
    """The box around `box` turned clockwise by `degrees` about a point, by default its centre."""
    left, top, right, bottom = box
    x0, y0 = about or ((left + right) / 2, (top + bottom) / 2)
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    turned = [(x0 + (x - x0) * cosine - (y - y0) * sine, y0 + (x - x0) * sine + (y - y0) * cosine) for x, y in corners]
    return around_points(turned)


def around_ellipse(x: float, y: float, radius_x: float, radius_y: float, degrees: float = 0.0) -> Edges:
    """The box around an ellipse with its centre at (x, y), turned by `degrees`."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    half_width = math.hypot(radius_x * cosine, radius_y * sine)
    half_height = math.hypot(radius_x * sine, radius_y * cosine)
    return x - half_width, y - half_height, x + half_width, y + half_height


def around_segmentation(segmentation: object) -> Edges | None:
    """The box around a COCO segmentation: polygons, one flat polygon, or run lengths; None where there is none."""
    if isinstance(segmentation, dict):
        return around_run_lengths(segmentation)
    if not isinstance(segmentation, list) or not segmentation:
        return None
    polygons: list[Any] = segmentation if isinstance(segmentation[0], list | tuple) else [segmentation]
    points = [point for polygon in polygons for point in point_pairs(polygon, "segmentation")]
    return around_points(points) if points else None


def around_run_lengths(rle: dict[str, Any]) -> Edges | None:
    """The box around a mask in COCO's run lengths, column by column: a list, or its compressed text."""
    size = fields_of(rle).get("size")
    counts = rle.get("counts")
    if not isinstance(size, list) or len(size) != 2:
        raise Damaged("segmentation: a mask without its size")
    height = int(number(size[0], "segmentation.size"))
    if height < 1:
        raise Damaged("segmentation: a mask of height 0")
    runs = (
        _decompressed(counts)
        if isinstance(counts, str)
        else [int(number(c, "counts")) for c in listing(counts, "counts")]
    )
    edges: Edges | None = None
    at = 0
    for index, run in enumerate(runs):
        if index % 2 and run > 0:  # the mask; even runs are ground
            first, last = at, at + run - 1
            top, bottom = (first % height, last % height) if first // height == last // height else (0, height - 1)
            piece = float(first // height), float(top), float(last // height + 1), float(bottom + 1)
            edges = piece if edges is None else (
                min(edges[0], piece[0]), min(edges[1], piece[1]), max(edges[2], piece[2]), max(edges[3], piece[3])
            )  # fmt: skip
        at += run
    return edges


def _decompressed(text: str) -> list[int]:
    """COCO's compressed run lengths: base 32 digits from chr(48), each run as the difference to the last but one."""
    runs: list[int] = []
    at = 0
    while at < len(text):
        value, shift, more = 0, 0, True
        while more:
            if at >= len(text):
                raise Damaged("segmentation: compressed counts are cut off")
            digit = ord(text[at]) - 48
            value |= (digit & 0x1F) << shift
            more = bool(digit & 0x20)
            at, shift = at + 1, shift + 5
            if not more and digit & 0x10:
                value |= -1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
    return runs
