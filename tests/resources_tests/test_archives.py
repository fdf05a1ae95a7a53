"""Unpacking archives: what is written, what is refused, and going on after a stop."""

import hashlib
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from helpers.errors import UserError
from resources import archives
from resources.archives import fetch_archive, unpack
from resources.weight_import.download import Published


def tar(path: Path, files: dict[str, bytes], odd: tarfile.TarInfo | None = None) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        if odd:
            archive.addfile(odd)
    return path


def zipped(path: Path, files: dict[str, bytes], link: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        if link:
            entry = zipfile.ZipInfo(link)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, "/etc")
    return path


@pytest.mark.parametrize("make", [lambda p, f: tar(p / "a.tar", f), lambda p, f: tar(p / "a.tgz", f),
                                  lambda p, f: zipped(p / "a.zip", f)])  # fmt: skip
def test_files_below_a_folder(tmp_path: Path, make) -> None:
    archive = make(tmp_path, {"in/a.txt": b"a", "in/b/c.txt": b"cc", "README": b"r"})
    assert unpack(archive, tmp_path / "out", below="in/") == (2, 0)
    assert (tmp_path / "out" / "in" / "b" / "c.txt").read_bytes() == b"cc"
    assert not (tmp_path / "out" / "README").exists()


def test_it_goes_on_after_a_stop(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a.tar", {"./in/a.txt": b"a", "./in/b.txt": b"bb", "./in/c.txt": b"ccc"})
    folder = tmp_path / "out" / "in"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"A")  # whole: left alone
    (folder / "b.txt").write_bytes(b"b")  # not whole
    (folder / ".c.txt.part").write_bytes(b"c")
    assert unpack(archive, tmp_path / "out", below="in/") == (2, 1)
    assert [(folder / name).read_bytes() for name in ("a.txt", "b.txt", "c.txt")] == [b"A", b"bb", b"ccc"]
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "b.txt", "c.txt"]
    assert unpack(archive, tmp_path / "out", below="in/") == (0, 3)


@pytest.mark.parametrize("name", ["in/../../x", "in/a\\..\\..\\x", "in/C:x", "in/a/../../../x"])
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    for archive in (tar(tmp_path / "a.tar", {"in/good": b"", name: b"x"}), zipped(tmp_path / "a.zip", {name: b"x"})):
        with pytest.raises(UserError, match="holds names that lead elsewhere, such as"):
            unpack(archive, tmp_path / "out", below="in/")
    assert not (tmp_path / "out").exists() and not (tmp_path / "x").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices(tmp_path: Path, kind: bytes) -> None:
    odd = tarfile.TarInfo("in/link")
    odd.type, odd.linkname = kind, "/etc"
    with pytest.raises(UserError, match="holds links or devices, such as 'in/link'"):
        unpack(tar(tmp_path / "a.tar", {"in/good": b""}, odd), tmp_path / "out", below="in/")
    with pytest.raises(UserError, match="holds links, such as 'in/link'"):
        unpack(zipped(tmp_path / "a.zip", {"in/good": b""}, "in/link"), tmp_path / "out", below="in/")
    assert not (tmp_path / "out").exists()


def test_absolute_names_are_not_below(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds nothing in in/"):
        unpack(tar(tmp_path / "a.tar", {"/in/a": b"x"}), tmp_path / "out", below="in/")


def test_damaged_archives(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", {"in/a": b"x" * 2000})
    path.write_bytes(path.read_bytes()[:1200])
    with pytest.raises(UserError, match=r"a\.tar: damaged"):
        unpack(path, tmp_path / "out", below="in/")
    path = zipped(tmp_path / "a.zip", {"in/a": b"xyz" * 100})
    path.write_bytes(path.read_bytes().replace(b"xyzxyz", b"xyzxyy", 1))
    with pytest.raises(UserError, match=r"a\.zip: damaged"):
        unpack(path, tmp_path / "out", below="in/")
    path.write_bytes(b"no archive")
    with pytest.raises(UserError, match="damaged"):
        unpack(path, tmp_path / "out", below="in/")
    assert not (tmp_path / "out" / "in" / "a").exists()


def test_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_SPARED", 1e18)
    with pytest.raises(UserError, match=r"1 files need 0\.00 GB"):
        unpack(tar(tmp_path / "a.tar", {"in/a": b"x"}), tmp_path / "out", below="in/")


def test_where_an_archive_is_taken_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"archive"
    published = Published("a.tar", ("http://x/a.tar",), "md5", hashlib.md5(content).hexdigest())
    asked = []
    monkeypatch.setattr(archives, "download", lambda *given: asked.append(given))
    assert fetch_archive(published, [tmp_path / "none", tmp_path]) == tmp_path / "a.tar"
    assert asked == [(published, tmp_path / "a.tar")]
    (tmp_path / "a.tar").write_bytes(content)
    assert fetch_archive(published, [tmp_path, tmp_path / "none"]) == tmp_path / "a.tar" and len(asked) == 1
    (tmp_path / "a.tar").write_bytes(content[1:])
    with pytest.raises(UserError, match=r"expected the md5 .* --unchecked takes it as it is"):
        fetch_archive(published, [tmp_path])
    assert fetch_archive(published, [tmp_path], unchecked=True) == tmp_path / "a.tar"
