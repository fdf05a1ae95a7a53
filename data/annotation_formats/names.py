"""Names for pictures in the folder that is written: flat, unique without their ending, and fit for every system."""

import re
from collections.abc import Sequence
from urllib.parse import unquote

from data.annotation_formats.log import Log
from data.annotation_formats.record import Picture
from data.annotation_formats.source import base_name, folders_of, split_ending

_UNFIT = re.compile(r'[\x00-\x1f\x7f\ud800-\udfff<>:"|?*/\\]')
_LONGEST = 180  # bytes; file systems end at 255, and annotations put their endings behind
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")  # Windows keeps these for devices


def target_names(pictures: Sequence[Picture], log: Log) -> list[str]:
    """A file name for each picture: its own, with folders in front where two would share `<stem>.bboxes.tsv`."""
    plain = [_plain_name(picture, log) for picture in pictures]
    count: dict[str, int] = {}
    for name in plain:
        stem = split_ending(name)[0].casefold()
        count[stem] = count.get(stem, 0) + 1
    taken = {stem for stem, times in count.items() if times == 1}
    last: dict[str, int] = {}
    names = []
    for picture, name in zip(pictures, plain, strict=True):
        stem, ending = split_ending(name)
        if count[stem.casefold()] > 1:
            full = picture.file.as_posix() if picture.file else picture.name
            folders = [_fit(part) for part in folders_of(full) if ":" not in part]
            wanted = [stem, *("_".join([*folders[-depth:], stem]) for depth in range(1, min(len(folders), 3) + 1))]
            wanted = wanted[1:] or wanted
            stem = next((each for each in wanted if each.casefold() not in taken), "")
            while not stem or stem.casefold() in taken:
                last[wanted[-1]] = last.get(wanted[-1], 1) + 1
                stem = f"{wanted[-1]}_{last[wanted[-1]]}"
        taken.add(stem.casefold())
        names.append(stem + ending)
        if names[-1] != name:
            log.remark(f"picture renamed, two of one name (such as {name} to {names[-1]})", picture.name)
    return names


def _plain_name(picture: Picture, log: Log) -> str:
    name = picture.file.name if picture.file else base_name(picture.name) or "picture"
    if not split_ending(name)[1]:
        known = next(
            (split_ending(base_name(other))[1] for other in picture.names if split_ending(base_name(other))[1]), ""
        )
        log.remark(
            "picture without ending in its name, taken as .jpg" if not known else "ending added to a name", picture.name
        )
        name += known or ".jpg"
    fit = _fit(unquote(name) if _UNFIT.search(name) else name)
    if fit != name:
        log.remark("picture renamed, a character in its name is no use in file names", picture.name)
    return fit


def _fit(name: str) -> str:
    fit = _UNFIT.sub("_", name).strip(" ")
    if len(fit.encode()) > _LONGEST:
        stem, ending = split_ending(fit)
        fit = stem.encode()[: _LONGEST - len(ending)].decode("utf-8", "ignore").strip(" ") + ending
    return f"_{fit}" if _RESERVED.match(fit) or fit in (".", "..") or fit.startswith(".") else fit or "picture"
