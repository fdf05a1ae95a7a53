from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.artifacts import Artifacts
from helpers.errors import UserError
from tests.webapp_tests.annotate_tests.test_tracking import film
from webapp.annotate.assistance import Assistance, HelpSettings
from webapp.annotate.command import add_frames
from webapp.annotate.session import Session, Settings


@pytest.fixture
def help(tmp_path: Path) -> Assistance:
    """Every 8th of 25 frames of a film: a square that moves 4 pixels to the right with each frame."""
    video = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"MJPG"), 25, (400, 300))
    for frame in film(25, 4, 0)[0]:
        writer.write(frame)
    writer.release()
    artifacts = Artifacts(tmp_path, "my")
    artifacts.data.mkdir(parents=True)
    assistance = Assistance(Session(Settings(artifacts)), HelpSettings())
    add_frames(video, 8, artifacts, assistance)
    return assistance


def save(help: Assistance, name: str, boxes, labels) -> None:
    help.session.save(name, boxes, labels, help.picture(name)["version"])


def test_boxes_are_carried_into_the_next_frame(help) -> None:
    _, truth = film(25, 4, 0)
    first, second = "film_frame_000000.jpg", "film_frame_000008.jpg"
    assert help.picture(first)["follows"] == ""
    assert help.picture(second)["follows"] == ""  # nothing to carry yet
    save(help, first, [truth[0]], ["square"])
    assert help.picture(second)["follows"] == first
    carried = help.carry(second)
    assert carried["labels"] == ["square"]
    assert carried["lost"] == []
    assert np.abs(np.subtract(carried["boxes"][0], truth[8])).max() <= 3


def test_also_when_the_frame_before_was_sorted_elsewhere(help) -> None:
    save(help, "film_frame_000000.jpg", [[80, 90, 139, 149]], ["square"])
    help.session.move("film_frame_000000.jpg", "positive")
    assert help.picture("film_frame_000008.jpg")["follows"] == "positive/film_frame_000000.jpg"
    assert help.carry("film_frame_000008.jpg")["from"] == "positive/film_frame_000000.jpg"


def test_a_first_frame_has_nothing_to_follow(help) -> None:
    with pytest.raises(UserError, match="not a frame of a video, or the first one"):
        help.carry("film_frame_000000.jpg")


def test_tightening_moves_to_a_proposal(help) -> None:
    """Two pixels more on each side than the third proposal, which it overlaps by more than the others."""
    entry = help.session.catalogue.find("film_frame_000000.jpg")
    x1, y1, x2, y2 = help.proposals.of(entry.path, help.session.screen.picture)[2].tolist()
    box = help.tighten(entry.id, [max(x1 - 1, 0), max(y1 - 1, 0), min(x2 + 1, 399), min(y2 + 1, 299)])["box"]
    assert np.abs(np.subtract(box, [x1, y1, x2, y2])).max() <= 2
    assert help.tighten(entry.id, [0, 0, 3, 2])["box"] is None


def test_no_detector_no_suggestions(help) -> None:
    assert help.newest_detector() is None
    assert help.suggestions("film_frame_000000.jpg") == {"items": []}
    assert help.status()["suggestions"]["state"] == "off"
    with pytest.raises(UserError, match="at least 2 are needed"):
        help.train(with_shares=False)
