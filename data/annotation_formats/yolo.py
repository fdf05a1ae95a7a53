"""YOLO: one text file for each picture, a line for each object.

Class number, centre x, centre y, width, height: fractions of the picture. Class names in data.yaml (ultralytics,
Roboflow) or obj.names (darknet); labels in labels/ with the pictures in images/, or beside the pictures.
A picture without a label file shows no object.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from data.annotation_formats.geometry import Edges, around_points
from data.annotation_formats.log import Damaged, Log
from data.annotation_formats.output import write_text
from data.annotation_formats.record import Box, DataSet, Picture
from data.annotation_formats.sniff import Sniffed
from data.annotation_formats.source import Source, base_name, folders_of, read_text, split_ending, subset_of
from data.annotation_formats.traits import FRACTIONS, Traits, holding
from data.annotation_formats.values import fields_of, number, shorten
from helpers.console import progress
from helpers.errors import UserError
from helpers.images import image_size

TITLE = "YOLO text files"
TRAITS = Traits(holding("subsets"), units=FRACTIONS, inside=True, one_line_labels=True)
FLAVOURS = ("", "darknet")
_NAME_FILES = ("obj.names", "classes.txt", "_darknet.labels", "classes.names", "labels.names", "predefined_classes.txt")
_LABEL_LINE = re.compile(r"\d+(?:\.0*)?(?:[ \t]+[-+.\deE]+){4,}\s*")
_PIXELS = 2.0  # a "fraction" beyond this is a pixel, or a percent
_PERCENTS = 100.5
_MUCH_LARGER, _LOOKED_AT = 2, 20  # pictures with a side of so many times 100 pixels; so many of them are looked at


@dataclass(frozen=True)
class _Line:
    number: int
    label: int
    values: list[float]


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    if file.name.endswith((".yaml", ".yml")) and any(line.startswith("names:") for line in file.lines):
        return "YAML with class names"
    if file.name.endswith((".names", ".data")) or file.name == "_darknet.labels":
        return f"darknet's {file.path.name}"
    is_labels = file.name.endswith(".txt") and file.lines and all(_LABEL_LINE.fullmatch(line) for line in file.lines)
    return "text lines of a class number and fractions" if is_labels else ""


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read all label files below the source, wherever its data.yaml or obj.data says that they lie."""
    only = source.only if source.only and source.only.suffix.lower() == ".txt" else None
    names = _class_names(source, log)
    listed = _listed_pictures(source)
    files = [only] if only else [path for path in source.all_files if path.name.lower().endswith(".txt")]
    labels: list[tuple[Path, list[_Line]]] = []
    for path in progress(files, "reading labels"):
        if _may_be_labels(path):
            with log.whole_file(source.relative(path)):
                lines = _read_lines(path, source, log)
                if lines is not None and source.relative(path) not in log.faults:
                    labels.append((path, lines))
    if not labels and not log.faults:
        raise UserError(f"{source.root}: no YOLO label file (lines such as 0 0.5 0.5 0.2 0.3) in it")
    in_pixels = _are_pixels([line for _, lines in labels for line in lines])
    if in_pixels and _are_percents(labels, source, listed, log):
        in_pixels, labels = False, [(path, [_hundredth(line) for line in lines]) for path, lines in labels]
    elif in_pixels:
        log.headline("pixels where YOLO has fractions: most numbers are above 2; taken as pixels")
    seen: set[Path] = set()
    pictures = []
    for path, lines in labels:
        name, file = _picture_of(path, source, listed)
        if file:
            seen.add(file)
        boxes = []
        for line in lines:
            with log.part(name, f"{path}:{line.number}"):
                box = _box(line, names, in_pixels, name, f"{path}:{line.number}", log)
                boxes += [box] if box else []
        subset = subset_of(source.relative(path.parent)) or listed.get(split_ending(base_name(name))[0], ("", ""))[1]
        pictures.append(Picture(name, tuple(boxes), None, subset, beside=path))
    if not source.only or not only:
        pictures += _unlabelled(source, seen, log)
    return DataSet(pictures, list(names))


def _class_names(source: Source, log: Log) -> list[str]:
    for path in source.all_files:
        if path.suffix.lower() in (".yaml", ".yml") and (names := _yaml_names(path)):
            log.headline(f"class names from {source.relative(path)}")
            return names
    for path in source.all_files:
        if path.name.lower() in _NAME_FILES or path.suffix.lower() == ".names":
            log.headline(f"class names from {source.relative(path)}")
            return [line.strip() for line in read_text(path).rstrip("\n").split("\n")]
    log.headline("no data.yaml, obj.names or classes.txt: classes are called class0, class1, ...")
    return []


def _yaml_names(path: Path) -> list[str]:
    try:
        value = yaml.load(read_text(path), yaml.BaseLoader)  # all values as text: `no` is a name
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise UserError(f"{path}{line}: no YAML that can be read: {getattr(error, 'problem', error)}") from None
    names = fields_of(value).get("names")
    if isinstance(names, dict):
        keys = [int(key) for key in names if re.fullmatch(r"\d{1,6}", str(key))]
        if len(keys) != len(names) or max(keys, default=0) > 100_000:
            raise UserError(f"{path}: names: expected a list, or numbers with names, found {shorten(list(names))}")
        by_number = dict(zip(keys, _checked(list(names.values()), path), strict=True))
        return [by_number.get(index, f"class{index}") for index in range(max(keys, default=-1) + 1)]
    return _checked(names, path) if isinstance(names, list) else []


def _checked(names: list[object], path: Path) -> list[str]:
    if not all(isinstance(name, str) for name in names):
        raise UserError(f"{path}: names: a name is no text")
    return [str(name) for name in names]


def _listed_pictures(source: Source) -> dict[str, tuple[str, str]]:
    """Stem -> (name, subset) of the pictures that train.txt, valid.txt, test.txt list (darknet)."""
    listed: dict[str, tuple[str, str]] = {}
    for path in source.all_files:
        if path.suffix.lower() == ".txt" and path.stem.lower() in ("train", "val", "valid", "test"):
            for line in read_text(path).split("\n"):
                stem, ending = split_ending(base_name(line))
                if ending:
                    listed[stem] = (line.strip(), subset_of(path.stem))
    return listed


def _may_be_labels(path: Path) -> bool:
    name = path.name.lower()
    return name not in (*_NAME_FILES, "train.txt", "val.txt", "valid.txt", "test.txt") and "readme" not in name


def _read_lines(path: Path, source: Source, log: Log) -> list[_Line] | None:
    """The lines of a label file, None for a text that is none."""
    lines = []
    texts = read_text(path).split("\n")
    filled = [text for text in texts if text.strip()]
    expected = "labels" in [part.lower() for part in source.relative(path).split("/")[:-1]]
    if not expected and not (
        _LABEL_LINE.fullmatch(filled[0])
        if filled
        else source.find_picture([path.stem], path) or "obj" in path.parent.name
    ):
        return None
    for count, text in enumerate(texts, start=1):
        if text.strip():
            with log.part(source.relative(path), f"{path}:{count}"):
                fields = text.split()
                values = [number(field, "a coordinate") for field in fields[1:]]
                label = number(fields[0], "the class number")
                if label != int(label) or label < 0:
                    raise Damaged(f"the class number is {fields[0]!r}")
                if len(values) < 4:
                    raise Damaged(f"expected a class number and 4 fractions, found {len(fields)} column(s)")
                lines.append(_Line(count, int(label), values))
    return lines


def _are_pixels(lines: list[_Line]) -> bool:
    """Whether most lines have numbers that are no fractions."""
    beyond = sum(max(line.values[:4]) > _PIXELS for line in lines)
    return bool(lines) and beyond > len(lines) / 2


def _are_percents(
    labels: list[tuple[Path, list[_Line]]], source: Source, listed: dict[str, tuple[str, str]], log: Log
) -> bool:
    """Whether numbers that are no fractions are percents: none leaves 100, and the pictures are much larger."""
    if any(len(line.values) in (4, 5) and max(_corners(line)) > _PERCENTS for _, lines in labels for line in lines):
        return False
    if any(max(line.values) > _PERCENTS for _, lines in labels for line in lines):
        return False
    files = [file for path, lines in labels if lines and (file := _picture_of(path, source, listed)[1])]
    if not files or min(max(image_size(file)) for file in files[:_LOOKED_AT]) < _MUCH_LARGER * _PERCENTS:
        return False
    log.headline("no number is above 100, and the pictures are larger: percents where YOLO has fractions")
    return True


def _corners(line: _Line) -> tuple[float, float]:
    x, y, width, height = line.values[:4]
    return x + abs(width) / 2, y + abs(height) / 2


def _hundredth(line: _Line) -> _Line:
    confidence = line.values[4:] if len(line.values) == 5 else []
    values = line.values[:4] if confidence else line.values
    return _Line(line.number, line.label, [value / 100 for value in values] + confidence)


def _box(line: _Line, names: list[str], in_pixels: bool, name: str, where: str, log: Log) -> Box | None:
    if names and line.label >= len(names):
        raise Damaged(
            f"class number {line.label}, but there are names for {len(names)} classes (0 to {len(names) - 1})"
        )
    values = line.values
    if not in_pixels and max(values) > _PIXELS:
        raise Damaged(f"{max(values):g} is no fraction of the picture")
    edges = _edges(values, name, log)
    if edges[0] >= edges[2] or edges[1] >= edges[3]:
        log.remark("box without area left out", name)
        return None
    label = names[line.label] if names else f"class{line.label}"
    return Box(label, *edges, relative=not in_pixels, where=where)


def _edges(values: list[float], name: str, log: Log) -> Edges:
    if len(values) in (4, 5):  # the fifth is a detector's confidence
        if len(values) == 5:
            log.remark("confidence left out (is this a detector's output?)", name)
        x, y, width, height = values[0], values[1], abs(values[2]), abs(values[3])
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    if len(values) % 2:
        raise Damaged(f"{len(values)} numbers behind the class: neither a box (4) nor a polygon (6, 8, 10, ...)")
    log.remark("polygon became the box around it", name)
    return around_points(list(zip(values[::2], values[1::2], strict=True)))


def _picture_of(path: Path, source: Source, listed: dict[str, tuple[str, str]]) -> tuple[str, Path | None]:
    """The picture of a label file: by its folder with images/ in place of labels/, else by its name."""
    relative = source.relative(path)
    parts = relative.split("/")[:-1]
    at = max((index for index, part in enumerate(parts) if part.lower() == "labels"), default=None)
    folders = parts if at is None else [*parts[:at], "images", *parts[at + 1 :]]
    known = listed.get(path.stem, ("", ""))[0]
    ending = split_ending(known)[1] or ".jpg"
    wanted = "/".join([*folders, path.stem])
    file = source.find_picture([wanted, path.stem] if path.stem else [], path)
    return (source.relative(file) if file else wanted + ending), file


def _unlabelled(source: Source, seen: set[Path], log: Log) -> list[Picture]:
    """Pictures without a label file, where YOLO expects them: they show nothing."""
    pictures = []
    for file in source.pictures:
        if file not in seen and file.is_relative_to(source.root):
            folders = [part.lower() for part in folders_of(source.relative(file))]
            if "images" in folders or "obj_train_data" in folders:
                log.remark("picture without a label file, taken as without objects", source.relative(file))
                pictures.append(
                    Picture(source.relative(file), subset=subset_of(source.relative(file.parent)), beside=file)
                )
    return pictures


def place(picture: Picture) -> str:
    """Where the picture goes; darknet's flavour has the same folders, for it looks for labels/ too."""
    return f"images/{picture.subset or 'train'}"


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write labels/<image set>/*.txt and data.yaml, or obj.data, obj.names and lists for darknet."""
    classes = data.all_classes()
    ids = {name: index for index, name in enumerate(classes)}
    lists: dict[str, list[str]] = {"train": []}
    for picture in data.pictures:
        subset = picture.subset or "train"
        (folder / place(picture)).mkdir(parents=True, exist_ok=True)
        lines = [
            " ".join([str(ids[box.label]), *map(_fraction, _centre(box, picture))]) + "\n" for box in picture.boxes
        ]
        write_text(folder / "labels" / subset / f"{split_ending(picture.name)[0]}.txt", "".join(lines))
        lists.setdefault(subset, []).append(f"{place(picture)}/{picture.name}\n")
    if flavour == "darknet":
        write_text(folder / "obj.names", "".join(f"{name}\n" for name in classes))
        names = {"train": "train", "val": "valid", "test": "test"}
        for subset, lines in lists.items():
            write_text(folder / f"{names[subset]}.txt", "".join(lines))
        valid = next(names[subset] for subset in ("val", "test", "train") if subset in lists)
        data_file = (
            f"classes = {len(classes)}\ntrain = train.txt\nvalid = {valid}.txt\nnames = obj.names\nbackup = backup/\n"
        )
        write_text(folder / "obj.data", data_file)
    else:
        valid = next(subset for subset in ("val", "test", "train") if subset in lists)
        value: dict[str, object] = {"path": ".", "train": "images/train", "val": f"images/{valid}"}
        value |= {"test": "images/test"} if "test" in lists else {}
        value |= {"nc": len(classes), "names": dict(enumerate(classes))}
        write_text(folder / "data.yaml", yaml.safe_dump(value, sort_keys=False, allow_unicode=True))


def _centre(box: Box, picture: Picture) -> tuple[float, float, float, float]:
    width, height = (1, 1) if box.relative else picture.size or (1, 1)
    return (
        (box.left + box.right) / 2 / width, (box.top + box.bottom) / 2 / height,
        (box.right - box.left) / width, (box.bottom - box.top) / height,
    )  # fmt: skip


def _fraction(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".") or "0"
