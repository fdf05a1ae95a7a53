"""Finding the pictures that annotations speak of, and their sizes."""

import csv
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from data.annotation_formats.log import Log
from data.annotation_formats.record import Box, DataSet, Picture
from data.annotation_formats.source import Source, base_name, read_text, split_ending
from data.annotation_formats.values import size_of
from helpers.console import progress
from helpers.errors import UserError
from helpers.images import image_size

_FAR = 1.1  # a box that reaches so many times the picture is no slip of the mouse
_SIZE_TABLE = {"image", "width", "height"}


def locate(data: DataSet, source: Source, log: Log, *, required: bool) -> DataSet:
    """`data` with `file` and `size` of each picture; two records of one picture become one.

    A picture that is `required` and not there is a fault. A size in the annotation that is not the picture's is told,
    and where the picture is a copy in another size it is a fault: its boxes would be wrong. When pictures are not
    `required`, only the sizes that no annotation has are looked for.
    """
    found = [
        replace(p, file=source.find_picture(p.names, p.beside)) for p in progress(data.pictures, "looking for pictures")
    ]
    pictures = _together(found, log)
    if required and not source.only:
        used = {picture.file for picture in pictures}
        for path in source.pictures:
            if path not in used:
                log.remark("picture without annotation left out", source.relative(path))
    missing = [picture for picture in pictures if picture.file is None]
    if required and missing and len(missing) == len(pictures):
        raise UserError(
            f"none of the {len(missing)} pictures lies in {source.root}: looked for {base_name(missing[0].name)} "
            "and so on. Give their folder with --pictures DIR, or convert the annotations alone with --no-pictures."
            + source.links_note()
        )
    if required:
        for number, picture in enumerate(missing):
            links = "" if number else source.links_note()  # once
            log.fault(picture.name, f"{_origin(picture)}: the picture {picture.name} is not there.{links}")
    to_measure = [picture for picture in pictures if picture.file and (required or _lacks_size(picture))]
    sizes = dict(_measured(to_measure, log))
    table = _size_table(source) if any(p.size is None and p.file not in sizes for p in pictures) else {}
    result = []
    for picture in pictures:
        if picture.file in sizes:
            size = sizes[picture.file]
            result.append(_with_size(picture, size, log) if required else replace(picture, size=size))
        elif picture.size is None:
            stem = split_ending(base_name(picture.name))[0]
            result.append(replace(picture, size=table.get(picture.name) or table.get(stem)))
        else:
            result.append(picture)
    return DataSet(result, data.classes)


def _lacks_size(picture: Picture) -> bool:
    """Whether only the picture itself can tell; VoTT 1's fractions stand beside the size of a canvas."""
    return picture.size is None or any(box.relative for box in picture.boxes)


def _origin(picture: Picture) -> str:
    return next((box.where for box in picture.boxes if box.where), str(picture.beside or ""))


def _together(pictures: Iterable[Picture], log: Log) -> list[Picture]:
    """One record for each picture; a box that two records have counts once."""
    merged: dict[object, Picture] = {}
    for picture in pictures:
        key = picture.file or picture.name
        if key in merged:
            first = merged[key]
            log.remark("annotated twice, boxes put together", picture.name)
            known = {replace(box, where="") for box in first.boxes}
            new = tuple(box for box in picture.boxes if replace(box, where="") not in known)
            incomplete = first.incomplete or picture.incomplete
            picture = replace(first, boxes=first.boxes + new, size=first.size or picture.size, incomplete=incomplete)
        merged[key] = picture
    return list(merged.values())


def _measured(pictures: list[Picture], log: Log) -> Iterable[tuple[Path | None, tuple[int, int]]]:
    """(file, width and height of the upright picture); what cannot be read becomes a fault."""

    def measure(picture: Picture) -> tuple[int, int] | str:
        try:
            return image_size(picture.file) if picture.file else ""
        except UserError as error:
            return str(error)

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        results = pool.map(measure, pictures)
        for picture, result in progress(zip(pictures, results, strict=True), "measuring pictures", len(pictures)):
            if isinstance(result, str):
                log.fault(picture.name, result)
            else:
                yield picture.file, result


def _with_size(picture: Picture, size: tuple[int, int], log: Log) -> Picture:
    said = picture.size
    pixels = [box for box in picture.boxes if not box.relative]
    if said and said != size and pixels:
        ratio = (size[0] / said[0]) / (size[1] / said[1])
        fits = _all_inside(pixels, size)
        is_copy = abs(ratio - 1) < 0.02 and size[0] / said[0] != 1
        text = f"annotated at {said[0]}x{said[1]} pixels, but the picture has {size[0]}x{size[1]}"
        if (is_copy and max(abs(size[0] - said[0]), abs(size[1] - said[1])) > 2) or (
            not fits and _all_inside(pixels, said)
        ):
            advice = (
                "turned (EXIF) since?" if said == size[::-1] else "shrunk or enlarged since? Its boxes would be wrong"
            )
            log.fault(picture.name, f"{_origin(picture)}: {picture.name}: {text}: {advice}")
        else:
            log.remark("size in the annotation is not the picture's, which was taken", picture.name)
    if said is None and pixels and not _all_inside(pixels, (size[0] * _FAR, size[1] * _FAR)):
        box = max(pixels, key=lambda each: max(each.right / size[0], each.bottom / size[1]))
        edges = " ".join(f"{edge:g}" for edge in box.edges)
        text = f"a box ({edges}) lies far beyond the picture of {size[0]}x{size[1]} pixels: annotated at another size?"
        log.fault(picture.name, f"{box.where or _origin(picture)}: {picture.name}: {text}")
    return replace(picture, size=size)


def _all_inside(boxes: Iterable[Box], size: tuple[float, float]) -> bool:
    return all(box.right <= size[0] + 1 and box.bottom <= size[1] + 1 for box in boxes)


def _size_table(source: Source) -> dict[str, tuple[int, int]]:
    """Sizes by name and by stem, from tables with the columns image, width, height and no others."""
    sizes: dict[str, tuple[int, int]] = {}
    for path in source.all_files:
        if path.suffix.lower() == ".csv":
            rows = csv.reader(read_text(path).split("\n"))
            header = [name.strip().lower() for name in next(rows, [])]
            if set(header) == _SIZE_TABLE:
                at = {name: header.index(name) for name in header}
                for row in rows:
                    size = size_of(row[at["width"]], row[at["height"]]) if len(row) == len(header) else None
                    if size:
                        name = row[at["image"]].strip()
                        sizes[name] = sizes[split_ending(base_name(name))[0]] = size
    return sizes
