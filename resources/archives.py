"""Unpack archives of data sets, tar or zip: nothing outside the folder, no links, and going on after a stop.

A member is written under a temporary name and renamed when it is whole; one that is there with its size is not written
again.
"""

import argparse
import hashlib
import shutil
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from helpers.errors import UserError
from resources.weight_import.download import Published, download

_BLOCK = 1 << 20
_SPARED = 100e6  # bytes of the disk that stay free


def archive_options(
    description: str | None, argv: Sequence[str] | None, *, kind: str, known: Sequence[str], words: str, root: Path
) -> argparse.Namespace:
    """Return the options of a script that installs a data set: names, source, root, keep, unchecked; checked.

    kind: what one of the `known` names is, "part" or "list". words: their help. root: the repository.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar=kind.upper(), help=words)
    parser.add_argument("--from", dest="source", type=Path, metavar="DIR", help="where downloaded archives lie")
    parser.add_argument("--root", type=Path, default=root, help="where the project lies (default: the repository)")
    parser.add_argument("--keep", action="store_true", help="keep the downloaded archives as well")
    parser.add_argument("--unchecked", action="store_true", help="take archives with another checksum, too")
    options = parser.parse_args(argv)
    if unknown := [name for name in options.names if name not in known]:
        raise UserError(f"{unknown[0]}: no such {kind}; there are: {', '.join(known)}", 2)
    if options.source and not options.source.is_dir():
        raise UserError(f"--from {options.source}: no such folder")
    return options


class Member(NamedTuple):
    """A file in an archive."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def fetch_archive(published: Published, folders: Sequence[Path], *, unchecked: bool = False) -> Path:
    """Return where `published` lies: in one of `folders`, else downloaded to the last of them; its checksum is right.

    unchecked: a file of that name with another checksum is taken as well.
    """
    path = next((folder / published.name for folder in folders if (folder / published.name).is_file()), None)
    if path is None:
        path = folders[-1] / published.name
        download(published, path)
        return path
    if not unchecked and (found := _digest(path, published.algorithm)) != published.digest:
        raise UserError(
            f"{path}: expected the {published.algorithm} {published.digest}, found {found}: damaged, not whole, or "
            "another file. Remove it, and it is downloaded; --unchecked takes it as it is"
        )
    return path


def unpack(archive: Path, folder: Path, *, below: str) -> tuple[int, int]:
    """Unpack the files below `below` (like "VOCdevkit/") into `folder`; return how many were written and were there.

    Raises `UserError` for an archive that cannot be read, that holds names leading elsewhere, links or devices below
    `below`, or nothing at all there; and before anything is written where the disk has no room.
    """
    written = there = 0
    try:
        with _members(archive, below) as members:
            left = [each for each in members if not _is_there(folder / each.name, each.size)]
            if not members:
                raise UserError(f"{archive}: holds nothing in {below}: not the archive that was published")
            folder.mkdir(parents=True, exist_ok=True)
            needed, free = sum(each.size for each in left), shutil.disk_usage(folder).free
            if needed > free - _SPARED:
                raise UserError(
                    f"{folder}: {len(left)} files need {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are free. Make room"
                )
            there = len(members) - len(left)
            for each in left:
                _write(each, folder / each.name)
                written += 1
                _show(archive.name, written, len(left))
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise UserError(f"{archive}: damaged, or no such archive ({error}). Get it again") from None
    return written, there


@contextmanager
def _members(archive: Path, below: str) -> Iterator[list[Member]]:
    """Give the files of an archive below `below`, with checked names."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as zipped:
            links = [each.filename for each in zipped.infolist() if (each.external_attr >> 28) == 0xA]
            _refuse(archive, below, links, "links")
            infos = [each for each in zipped.infolist() if not each.is_dir() and each.filename.startswith(below)]
            checked = [each for each in infos if _is_safe(each.filename)]
            _refuse(archive, "", [each.filename for each in infos if each not in checked], "names that lead elsewhere")
            yield [Member(each.filename, each.file_size, lambda each=each: zipped.open(each)) for each in checked]
        return
    with tarfile.open(archive) as tar:
        entries = [(each, _plain(each.name)) for each in tar]
        inside = [(each, name) for each, name in entries if name.startswith(below) and not each.isdir()]
        _refuse(archive, "", [name for each, name in inside if not each.isreg()], "links or devices")
        _refuse(archive, "", [name for _, name in inside if not _is_safe(name)], "names that lead elsewhere")
        yield [Member(name, each.size, lambda each=each: _content(tar, each)) for each, name in inside]


def _content(tar: tarfile.TarFile, each: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(each)
    if file is None:
        raise tarfile.TarError(f"{each.name} has no content")
    return file


def _plain(name: str) -> str:
    """Return a name without "./" before it, as some tar programs write."""
    return name.removeprefix("./")


def _is_safe(name: str) -> bool:
    """Return whether a name stays below the folder, on every system."""
    parts = PurePosixPath(name).parts
    return (
        bool(parts) and not name.startswith("/") and not {"..", ""} & set(parts) and not set(name) & set('\\:\0<>|"?*')
    )


def _refuse(archive: Path, below: str, names: Sequence[str], what: str) -> None:
    wrong = [name for name in names if name.startswith(below)]
    if wrong:
        raise UserError(
            f"{archive}: holds {what}, such as {wrong[0]!r}: not the archive that was published; not unpacked"
        )


def _is_there(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _write(member: Member, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with member.open() as source, part.open("wb") as target:
        shutil.copyfileobj(source, target, _BLOCK)  # a zip's checksum is compared at its end
    if part.stat().st_size != member.size:
        part.unlink()
        raise tarfile.TarError(f"{member.name} is not whole")
    part.replace(path)


def _show(name: str, done: int, total: int) -> None:
    if sys.stderr.isatty() and (done % 100 == 0 or done == total):
        print(f"\r{name}: {done} of {total} files ", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _digest(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
