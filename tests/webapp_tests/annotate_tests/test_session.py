from pathlib import Path

import numpy as np
import pytest

from helpers.annotations import boxes_path, read_annotation
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from helpers.images import write_image
from tests.conftest import draw_tiny_picture
from webapp.annotate.session import Session, Settings
from webapp.annotate.storage import Conflict


@pytest.fixture
def session(tiny_root: Path) -> Session:
    return Session(Settings(Artifacts(tiny_root, "tiny"), classes=("square",)))


def save(session: Session, picture_id: str, boxes, labels):
    return session.save(picture_id, boxes, labels, session.picture(picture_id)["version"])


def test_a_folder_of_photos_becomes_a_data_set(tmp_path: Path) -> None:
    write_image(tmp_path / "data" / "my" / "a.png", draw_tiny_picture(0)[0])
    session = Session(Settings(Artifacts(tmp_path, "my")))
    assert sorted(p.name for p in (tmp_path / "data" / "my").iterdir()) == [
        "a.png",
        "negative",
        "positive",
        "testImages",
    ]
    assert [picture["id"] for picture in session.state()["pictures"]] == ["a.png"]
    with pytest.raises(UserError, match="no such folder"):
        Session(Settings(Artifacts(tmp_path, "other")))


def test_a_picture_is_described_and_saved(session) -> None:
    picture = session.picture("positive/0.png")
    assert (picture["width"], picture["height"], picture["labels"]) == (120, 90, ["disc", "square"])
    saved = save(session, "positive/0.png", [[1, 2, 30, 40]], ["disc"])
    assert saved["boxes"] == [(1, 2, 30, 40)]
    path = session.settings.artifacts.data / "positive" / "0.png"
    assert read_annotation(path, 120, 90).labels == ("disc",)
    with pytest.raises(Conflict):
        session.save("positive/0.png", [], [], picture["version"])


def test_negative_pictures_take_no_boxes(session) -> None:
    with pytest.raises(UserError, match="Move it to positive/"):
        save(session, "negative/4.png", [[1, 2, 30, 40]], ["disc"])
    save(session, "negative/4.png", [], [])
    assert not list((session.settings.artifacts.data / "negative").glob("*.tsv"))


def test_moving_between_folders(session) -> None:
    with pytest.raises(UserError, match=r"negative/ is for pictures without"):
        session.move("positive/0.png", "negative")
    with pytest.raises(UserError, match="expected one of"):
        session.move("positive/0.png", "../other")
    with pytest.raises(Conflict):
        session.move("positive/0.png", "testImages", version="old")
    moved = session.move("positive/0.png", "testImages", session.picture("positive/0.png")["version"])
    assert (moved["id"], moved["folder"], moved["labels"]) == ("testImages/0.png", "testImages", ["disc", "square"])
    with pytest.raises(UserError, match="no such picture"):
        session.picture("positive/0.png")


def test_sorting_moves_what_is_annotated(tmp_path: Path) -> None:
    data = tmp_path / "data" / "my"
    for number in range(12):
        image = np.random.default_rng(number).integers(0, 256, (90, 120, 3), dtype=np.uint8)
        write_image(data / f"{number:02}.png", image)
    session = Session(Settings(Artifacts(tmp_path, "my")))
    for number in range(10):
        save(session, f"{number:02}.png", [[1, 2, 30, 40]], ["cat"])
    save(session, "10.png", [], [])
    planned = session.split(0.2, 0, carry_out=False)
    assert planned["waiting"] == 1
    assert len(session.state()["pictures"]) == 12
    assert all(not picture["folder"] for picture in session.state()["pictures"])
    assert session.split(0.2, 0, carry_out=True) == planned
    counts = {folder: len(list((data / folder).glob("*.png"))) for folder in ("", "positive", "negative", "testImages")}
    assert counts == {"": 1, "positive": 8, "negative": 1, "testImages": 2}
    assert all(boxes_path(path).exists() for path in (data / "testImages").glob("*.png"))
    with pytest.raises(UserError, match="share"):
        session.split(1.0, 0, carry_out=False)


def test_classes_keep_their_order_and_are_remembered(session) -> None:
    assert session.classes() == ["square", "disc"]  # PARAMETERS.py first
    assert session.add_class(" apple ") == ["square", "disc", "apple"]
    assert session.add_class("EXCLUDE") == session.add_class("disc") == ["square", "disc", "apple"]
    save(session, "positive/0.png", [[1, 2, 30, 40]], ["aardvark"])
    assert session.classes() == ["square", "disc", "apple", "aardvark"]
    assert Session(session.settings).classes() == ["square", "aardvark", "disc", "apple"]
    for name in ("", "  ", "a\tb", "__background__"):
        with pytest.raises(UserError):
            session.add_class(name)
