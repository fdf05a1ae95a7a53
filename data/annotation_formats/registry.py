"""The table of formats: a new one is a module with `TITLE`, `TRAITS`, `recognise`, `read`, `write`, `place`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from data.annotation_formats import (
    cntk,
    coco,
    createml,
    csv,
    customvision,
    cvat,
    datumaro,
    labelme,
    labelstudio,
    supervisely,
    tutorial,
    via,
    voc,
    vott,
    yolo,
)  # fmt: skip
from data.annotation_formats.json_files import read_json
from data.annotation_formats.log import Log
from data.annotation_formats.record import DataSet, Picture
from data.annotation_formats.sniff import Sniffed
from data.annotation_formats.source import Source
from data.annotation_formats.traits import Traits
from helpers.errors import UserError
from helpers.xml_files import read_xml


@dataclass(frozen=True)
class Format:
    """One format: how it is told, read and written."""

    name: str
    title: str
    flavours: tuple[str, ...]
    recognise: Callable[[Sniffed], str]
    read: Callable[[Source, Log, str], DataSet]
    module: ModuleType

    def traits(self, flavour: str) -> Traits:
        """What it can hold in a flavour."""
        by_flavour = getattr(self.module, "traits", None)
        traits: Traits = by_flavour(flavour) if by_flavour else self.module.TRAITS
        return traits

    def place(self, picture: Picture, flavour: str) -> str:
        """The folder of a picture, from the top of what is written."""
        of_cntk = flavour.startswith("cntk") and hasattr(self.module, "cntk_place")
        folder: str = (self.module.cntk_place if of_cntk else self.module.place)(picture)
        return folder


# In this order they are asked whether a file is theirs: those that ask for more come first.
_MODULES = {
    "tutorial": tutorial, "cntk": cntk, "vott": vott, "voc": voc, "cvat": cvat, "coco": coco, "datumaro": datumaro,
    "labelme": labelme, "supervisely": supervisely, "via": via, "labelstudio": labelstudio, "createml": createml,
    "customvision": customvision, "yolo": yolo, "csv": csv,
}  # fmt: skip


def formats() -> dict[str, Format]:
    """All formats by name, in the order in which they are asked."""
    return {
        name: Format(name, module.TITLE, getattr(module, "FLAVOURS", ("",)), module.recognise, module.read, module)
        for name, module in _MODULES.items()
    }


def parse_name(text: str) -> tuple[Format, str]:
    """`name` or `name:flavour` as (format, flavour). Raises `UserError` that lists what there is."""
    name, _, flavour = text.partition(":")
    known = formats()
    if name not in known:
        raise UserError(f"{text}: no such format. There are {', '.join(known)}")
    named = [each for each in known[name].flavours if each]
    if flavour and flavour not in named:
        raise UserError(f"{text}: {name} has " + (f"the flavours {', '.join(named)}" if named else "no flavours"))
    return known[name], flavour


def recognise(source: Source) -> tuple[Format, str]:
    """The one format of what lies in the source, and why. Raises `UserError` where there is none, or several."""
    claims: dict[str, list[tuple[str, str]]] = {}
    for path in _sample(source):
        file = Sniffed(path)
        for name, each in formats().items():
            if reason := each.recognise(file):
                claims.setdefault(name, []).append((source.relative(path), reason))
                break
    if not claims:
        _raise_damage(source)
        endings = sorted({path.suffix.lower() for path in source.files if path.suffix}) or ["no text file"]
        raise UserError(
            f"{source.only or source.root}: no annotations of a known format ({', '.join(endings[:10])}; "
            f"{len(source.pictures)} picture(s)). Unpack archives first. Formats: {', '.join(formats())}."
            + source.links_note()
        )
    if len(claims) > 1:
        found = [f"  {name}: {reasons[0][0]} ({reasons[0][1]})" for name, reasons in claims.items()]
        raise UserError(
            f"{source.root}: annotations of {len(claims)} formats:\n"
            + "\n".join(found)
            + "\nSay which with --from FORMAT, "
            "or give the file or folder of one of them"
        )
    name, reasons = next(iter(claims.items()))
    others = " and others" if len(reasons) > 1 else ""
    return formats()[name], f"{reasons[0][1]} in {reasons[0][0]}{others}"


def _raise_damage(source: Source) -> None:
    """Say what is wrong with files that cannot be read at all, before it is said that nothing was found."""
    for path in _sample(source):
        if path.suffix.lower() in (".json", ".vott"):
            read_json(path)
        elif path.suffix.lower() == ".xml":
            read_xml(path)


def _sample(source: Source, most: int = 40) -> list[Path]:
    """Files to look into: of each ending up to `most`, spread over all."""
    by_ending: dict[str, list[Path]] = {}
    for path in source.files:
        by_ending.setdefault(path.suffix.lower(), []).append(path)
    return [path for paths in by_ending.values() for path in paths[:: max(1, len(paths) // most)]]
