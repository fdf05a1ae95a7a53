"""Which files of a folder are pictures. Standard library only: run.py asks before anything is installed."""

import os
from pathlib import Path

from helpers.errors import raise_collected

EXTENSIONS = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff")
_LONGEST_NAME = 220  # bytes: file systems end at 255, and step 5 puts up to 30 around it


def find_images(folder: Path) -> list[Path]:
    """Return the pictures of `folder` sorted by name; any of `EXTENSIONS` in any case, hidden files left out.

    Raises `UserError` for two pictures with the same stem (they would share annotation and ROI files) and for names
    that the files of later steps cannot hold.
    """
    if not folder.is_dir():
        return []
    images = sorted(path for path in folder.iterdir() if is_picture_name(path.name))
    faults = [f"{printable(path)}: {fault}" for path in images if (fault := _name_fault(path))]
    seen: dict[str, Path] = {}
    for image in images:
        other = seen.setdefault(image.stem, image)
        if other is not image:
            both = f"both would use {printable(image.stem)}.bboxes.tsv"
            faults.append(f"{printable(image)}: same stem as {printable(other.name)}; {both}")
    raise_collected(faults, f"{len(faults)} picture name(s) cannot be used:", "Rename these pictures.")
    return images


def is_picture_name(name: str) -> bool:
    """Return whether a file of this name is taken for a picture."""
    return Path(name).suffix.lower() in EXTENSIONS and not name.startswith(".")


def printable(path: Path | str) -> str:
    r"""Return `path` as text that every terminal and file can take: bytes that are not UTF-8 become \x escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _name_fault(path: Path) -> str:
    if set(path.name) & set("\t\r\n"):
        return "a tab or line break in the name breaks CNTK's map file"
    try:
        length = len(path.name.encode())
        str(path).encode()
    except UnicodeEncodeError:
        return "the name is not UTF-8, so text files and JSON cannot hold it (from an old zip file?)"
    return f"the name is {length} bytes long, more than {_LONGEST_NAME}" if length > _LONGEST_NAME else ""
