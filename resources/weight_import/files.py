"""The file that is imported: its checksum, and what it is when it is not what it should be."""

import hashlib
from pathlib import Path

from helpers.errors import UserError


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def check_downloaded(path: Path) -> None:
    """Refuse what often lies on the disk in place of a weight file, and say what it is."""
    if not path.is_file():
        raise UserError(f"{path}: expected a weight file, found {'a folder' if path.is_dir() else 'no such file'}.")
    with path.open("rb") as file:
        start = file.read(512).lstrip().lower()
    again = "Download the file itself (resources/install_network.py does)."
    if not start:
        raise UserError(f"{path}: the file is empty. {again}")
    if start.startswith(b"version https://git-lfs"):
        raise UserError(f"{path}: this is a pointer of Git LFS, a text of a few lines in place of the file. {again}")
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise UserError(f"{path}: this is a web page, not a weight file. {again}")
