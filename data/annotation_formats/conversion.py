"""The conversion as a whole: read, find the pictures, fit, write to a temporary folder, give it its name."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from data.annotation_formats import registry
from data.annotation_formats.fitting import Choices, check_sizes, fit, split
from data.annotation_formats.locating import locate
from data.annotation_formats.log import Log
from data.annotation_formats.names import target_names
from data.annotation_formats.output import write_text
from data.annotation_formats.record import DataSet
from data.annotation_formats.registry import Format
from data.annotation_formats.source import REPORT_NAME, Source
from helpers.console import progress
from helpers.errors import UserError


@dataclass(frozen=True)
class Request:
    """What to convert and how."""

    source: Path
    target: Path
    source_format: str = "auto"
    target_format: str = "tutorial"
    with_pictures: bool = True
    pictures: Path | None = None
    split: float | None = None
    seed: int = 0
    choices: Choices = field(default_factory=Choices)
    skip_faulty: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.split is not None and not 0 < self.split < 1:
            raise UserError(f"--split {self.split:g}: expected a share between 0 and 1, such as 0.2")


@dataclass(frozen=True)
class Result:
    """What was done: the data as written, formats and the reason for the source's, and everything to tell."""

    data: DataSet
    source_format: Format
    reason: str
    target_format: Format
    log: Log


def read(request: Request, log: Log) -> tuple[DataSet, Source, Format, str]:
    """The data set of a request as its files have it, where it came from, its format and why that was taken."""
    path = request.source
    if not path.exists():
        raise UserError(f"{path}: no such file or folder")
    if request.pictures and not request.pictures.is_dir():
        raise UserError(f"{request.pictures}: no such folder (--pictures)")
    only = path if path.is_file() else None
    source = Source(path.parent if only else path, log, only=only, pictures=request.pictures, skip=request.target)
    if request.source_format == "auto":
        source_format, reason = registry.recognise(source)
        flavour = ""
    else:
        source_format, flavour = registry.parse_name(request.source_format)
        reason = "as asked"
    data = source_format.read(source, log, flavour)
    return data, source, source_format, reason


def convert(request: Request) -> Result:
    """Convert; raises `UserError` and leaves nothing behind when something is wrong."""
    target_format, flavour = registry.parse_name(request.target_format)
    _check_target(request)
    log = Log()
    data, source, source_format, reason = read(request, log)
    data = locate(data, source, log, required=request.with_pictures)
    data = _without_faulty(data, log, request.skip_faulty)
    traits = target_format.traits(flavour)
    check_sizes(data, traits, target_format.name)
    if request.split is not None:
        data = split(data, request.split, request.seed)
    if not request.with_pictures:
        data.pictures = [replace(picture, file=None) for picture in data.pictures]
    data = fit(data, traits, target_format.name, log, request.choices)
    if not data.pictures:
        raise UserError("\n  ".join([f"{request.source}: nothing to write, no picture is left", *log.summary()]))
    files = {index: picture.file for index, picture in enumerate(data.pictures)}
    names = target_names(data.pictures, log)
    data.pictures = [replace(picture, name=name) for picture, name in zip(data.pictures, names, strict=True)]
    with _new_folder(request.target, request.overwrite) as folder:
        for index, picture in enumerate(progress(data.pictures, "copying pictures")):
            if file := files[index]:
                place = folder / target_format.place(picture, flavour) / picture.name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, place)
        target_format.module.write(folder, data, flavour)
        rows = "".join("\t".join(map(str, row)).replace("\n", " ") + "\n" for row in log.rows())
        write_text(folder / REPORT_NAME, "picture\twhat\tcount\n" + rows)
    return Result(data, source_format, reason, target_format, log)


def _without_faulty(data: DataSet, log: Log, skip: bool) -> DataSet:
    """`data` without the pictures that have faults, if those may be skipped."""
    if log.faults and not skip:
        log.raise_faults()
    return DataSet([picture for picture in data.pictures if picture.name not in log.faults], data.classes)


def _check_target(request: Request) -> None:
    target = request.target
    if target.suffix.lower() in (".json", ".xml", ".csv", ".yaml", ".txt", ".tsv", ".vott"):
        raise UserError(f"{target}: DST is a folder, in which the files of the format get their names")
    if target.is_file():
        raise UserError(f"{target}: a file of this name is there; DST is a folder")
    if target.resolve() == request.source.resolve():
        raise UserError(f"{target}: DST is SRC; write somewhere else")
    if request.source.resolve().is_relative_to(target.resolve()):
        raise UserError(f"{target}: SRC lies in DST; write somewhere else")
    if target.is_dir() and any(target.iterdir()) and not request.overwrite:
        raise UserError(f"{target}: is there and not empty. Nothing was written. Give another name, or --overwrite")


@contextmanager
def _new_folder(target: Path, overwrite: bool) -> Iterator[Path]:
    """A temporary folder beside `target` that gets its name at the end; what was there is kept under another name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.tmp-", dir=target.parent))
    try:
        folder.chmod(0o755)
        yield folder
        if target.is_dir() and any(target.iterdir()) and overwrite:
            number = 1
            while (kept := target.with_name(f"{target.name}.before-{number}")).exists():
                number += 1
            target.rename(kept)
        elif target.is_dir():
            target.rmdir()
        folder.rename(target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
