"""Pictures are looked at once, and remembered while they stay as they are."""

import os
import shutil

import numpy as np
import pytest

from fastRCNN.datasets import picture_check
from fastRCNN.datasets.picture_check import PictureCheck
from helpers.errors import UserError
from helpers.file_facts import FileFacts
from helpers.images import write_image

LONG_AGO = (1_500_000_000, 1_500_000_000)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A whole and a damaged picture, both old; `folder.decoded` lists what was decoded."""
    path = tmp_path / "data"
    write_image(path / "a.png", np.zeros((20, 30, 3), np.uint8))
    (path / "b.png").write_bytes((path / "a.png").read_bytes()[:-20])
    for each in path.iterdir():
        os.utime(each, LONG_AGO)
    decoded, inspect = [], picture_check.inspect_picture
    monkeypatch.setattr(picture_check, "inspect_picture", lambda path: (decoded.append(path.name), inspect(path))[1])
    monkeypatch.setattr("helpers.file_facts._SETTLED", -1)  # the change time of these files is now
    return path, decoded


@pytest.mark.parametrize("jobs", [1, 3])
def test_each_picture_is_decoded_once(folder, tmp_path, jobs):
    path, decoded = folder
    store = tmp_path / "facts.json"
    for _ in range(2):
        facts = FileFacts(store, tmp_path)
        check = PictureCheck(facts, whole=True, jobs=jobs)
        check.look_at([path / "a.png", path / "b.png"])
        found = check.inspect(path / "a.png")
        assert (found.width, found.height, found.notes, found.turned) == (30, 20, (), False)
        with pytest.raises(UserError, match=r"b\.png: the PNG picture is cut off"):
            check.inspect(path / "b.png")
        facts.save()
    assert sorted(decoded) == ["a.png", "b.png"]
    write_image(path / "b.png", np.zeros((5, 6, 3), np.uint8))
    assert PictureCheck(FileFacts(store, tmp_path), whole=True).inspect(path / "b.png").width == 6


def test_a_copied_data_set_names_its_own_files(folder, tmp_path):
    path, decoded = folder
    facts = FileFacts(tmp_path / "facts.json", tmp_path)
    PictureCheck(facts, whole=True).look_at([path / "b.png"])
    other = tmp_path / "elsewhere"
    shutil.copytree(path, other)
    known = facts.recall(path / "b.png", "picture", lambda path: {})
    facts = FileFacts()
    facts.recall(other / "b.png", "picture", lambda path: known)
    with pytest.raises(UserError) as error:
        PictureCheck(facts, whole=True).inspect(other / "b.png")
    assert str(error.value).startswith(f"{other / 'b.png'}: ")
    assert decoded == ["b.png"]


def test_without_whole_the_header_is_enough(folder):
    path, decoded = folder
    check = PictureCheck()
    check.look_at([path / "a.png"])
    assert (check.inspect(path / "a.png").width, check.inspect(path / "a.png").height) == (30, 20)
    assert decoded == []


@pytest.mark.parametrize("whole", [False, True])
def test_the_size_is_that_of_the_header_and_remembered(folder, tmp_path, whole, monkeypatch):
    """Of a picture that is damaged behind it as well: whether that matters, others decide."""
    path, _ = folder
    read, size = [], picture_check.image_size
    monkeypatch.setattr(picture_check, "image_size", lambda path: (read.append(path.name), size(path))[1])
    for _ in range(2):
        facts = FileFacts(tmp_path / "facts.json", tmp_path)
        check = PictureCheck(facts, whole=whole)
        assert [check.size(path / name) for name in ("a.png", "b.png")] == [(30, 20), (30, 20)]
        facts.save()
    assert read == (["b.png"] if whole else ["a.png", "b.png"])
