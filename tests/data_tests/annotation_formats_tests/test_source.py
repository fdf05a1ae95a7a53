"""From a name in an annotation to a picture: by path, name and stem, without guessing between different pictures."""

from pathlib import Path

import pytest

from data.annotation_formats.log import Log
from data.annotation_formats.source import Source, base_name, read_text, split_ending, subset_of
from helpers.errors import UserError
from tests.data_tests.annotation_formats_tests.conftest import Folder


def find(folder: Folder, name: str, beside: str = "") -> str:
    source = Source(folder.root, Log())
    found = source.find_picture([name], folder.root / beside if beside else None)
    return found.relative_to(folder.root).as_posix() if found else ""


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("train/1.jpg", "train/1.jpg"),
        ("D:\\x\\valid\\1.jpg", "valid/1.jpg"),
        ("/home/x/data/valid/images/2.JPG", "other/2.jpg"),
        ("other/2", "other/2.jpg"),
        ("a%20b.png", "a b.png"),
        ("A B.PNG", "a b.png"),
        ("a b.jpg", "a b.png"),
        ("https://x.org/y/a%20b.png?size=1", "a b.png"),
        ("1.jpg", ""),  # two different pictures
        ("3.jpg", "train/3.jpg"),  # two copies of one picture
        ("test/1.jpg", ""),  # no picture of the test set
        ("missing.jpg", ""),
    ],
)
def test_names_lead_to_pictures(folder: Folder, name: str, found: str) -> None:
    folder.picture("train/1.jpg", seed=1).picture("valid/1.jpg", seed=2).picture("other/2.jpg").picture("a b.png")
    folder.picture("train/3.jpg", seed=3).picture("valid/3.jpg", seed=3)
    assert find(folder, name) == found


def test_the_folder_of_the_annotation_counts(folder: Folder) -> None:
    folder.picture("x/1.jpg", seed=1).picture("y/1.jpg", seed=2).add("y/1.json", "{}").add("x/1.json", "{}")
    assert find(folder, "1.jpg", "y/1.json") == "y/1.jpg"
    assert find(folder, "1", "x/1.json") == "x/1.jpg"


def test_links_that_lead_out_are_not_listed(folder: Folder, tmp_path: Path) -> None:
    outside = Folder(tmp_path / "outside").picture("1.jpg").root
    (folder.root / "1.jpg").symlink_to(outside / "1.jpg")
    (folder.root / "folder").symlink_to(outside)
    assert find(folder, "1.jpg") == find(folder, "folder/1.jpg") == find(folder, "../outside/1.jpg") == ""


def test_parts_of_names() -> None:
    assert base_name("C:\\a\\b c.jpg") == base_name("gs://a/b c.jpg?x=/d.jpg") == "b c.jpg"
    assert split_ending("a.rf.0f3.JPEG") == ("a.rf.0f3", ".JPEG") and split_ending("v1.5") == ("v1.5", "")
    names = ("train2017/x", "instances_val.json", "testImages", "contest/latest", "valid")
    assert [subset_of(name) for name in names] == ["train", "val", "test", "", "val"]


@pytest.mark.parametrize("data", [b"a\r\r\nb\r\n", b"\xef\xbb\xbfa\nb\n", "a\rb\n".encode("utf-16")])
def test_line_ends_and_marks(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    assert read_text(tmp_path / "a.txt") == "a\nb\n"


def test_other_encodings_name_the_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a\nstra\xdfe\n")
    with pytest.raises(UserError, match=r"a\.txt:2: not a UTF-8 text"):
        read_text(tmp_path / "a.txt")
