"""Which files are pictures, and names that cannot be used."""

import os
import sys

import pytest

from helpers.errors import UserError
from helpers.image_files import find_images, is_picture_name, printable


def test_every_extension_in_any_case_sorted_by_name(tmp_path):
    for name in ("b.JPG", "a.jpeg", "c.png", "d.txt", "e.BmP", "f.webp", "g.tif", "h.TIFF", "i.jfif", "j.gif", "k"):
        (tmp_path / name).touch()
    found = ["a.jpeg", "b.JPG", "c.png", "e.BmP", "f.webp", "g.tif", "h.TIFF", "i.jfif"]
    assert [path.name for path in find_images(tmp_path)] == found
    assert find_images(tmp_path / "nowhere") == []


def test_what_a_mac_leaves_beside_pictures_is_none():
    assert is_picture_name("0.jpg")
    assert not is_picture_name("._0.jpg")
    assert not is_picture_name(".hidden.png")


def test_twins_are_refused_all_of_them_together(tmp_path):
    for name in ("a.jpg", "a.png", "a.webp", "b.jpg"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"2 picture name\(s\)") as error:
        find_images(tmp_path)
    assert "a.png: same stem as a.jpg; both would use a.bboxes.tsv" in str(error.value)
    assert "a.webp: same stem as a.jpg" in str(error.value)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
@pytest.mark.parametrize("character", "\t\r\n")
def test_a_tab_or_line_break_is_refused(tmp_path, character):
    (tmp_path / f"a{character}b.jpg").touch()
    with pytest.raises(UserError, match="tab or line break"):
        find_images(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps names that are not UTF-8")
def test_a_name_that_is_not_utf_8_is_refused_in_text_that_can_be_printed(tmp_path):
    (tmp_path / os.fsdecode(b"gr\xfcn.jpg")).touch()
    with pytest.raises(UserError, match="not UTF-8") as error:
        find_images(tmp_path)
    assert r"gr\xfcn.jpg" in str(error.value).encode().decode()
    assert printable(os.fsdecode(b"gr\xfcn")) == r"gr\xfcn"


def test_a_name_too_long_for_the_last_step_is_refused_in_the_first(tmp_path):
    (tmp_path / "short.jpg").touch()
    (tmp_path / f"{'x' * 216}.jpg").touch()
    assert len(find_images(tmp_path)) == 2
    (tmp_path / f"{'ü' * 109}.jpg").touch()  # 222 bytes
    with pytest.raises(UserError, match="222 bytes long"):
        find_images(tmp_path)
