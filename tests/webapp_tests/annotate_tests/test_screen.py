from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.errors import UserError
from helpers.images import write_image
from webapp.annotate.screen import Screen


def decoded(data: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def test_large_pictures_shrink_and_small_ones_stay(tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    write_image(path, np.zeros((500, 2000, 3), np.uint8))
    screen = Screen()
    assert decoded(screen.jpeg(path, 96)).shape == (24, 96, 3)
    assert decoded(screen.jpeg(path, 1000)).shape == (400, 1600, 3)
    assert decoded(screen.jpeg(path, 1601)).shape == (500, 2000, 3)
    assert decoded(screen.jpeg(path, 999999)).shape == (500, 2000, 3)


def test_pictures_are_upright(tmp_path: Path) -> None:
    """Orientation 6: stored lying, to be shown turned by 90 degrees clockwise."""
    lying = np.zeros((20, 40, 3), np.uint8)
    lying[:, :20] = 255  # left half white: upper half when upright
    data = cv2.imencode(".jpg", lying)[1].tobytes()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    path = tmp_path / "lying.jpg"
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    shown = decoded(Screen().jpeg(path, 96))
    assert shown.shape == (40, 20, 3)
    assert shown[:15].min() > 200
    assert shown[25:].max() < 60


def test_a_picture_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    screen = Screen()
    write_image(path, np.zeros((10, 10, 3), np.uint8))
    assert decoded(screen.jpeg(path, 96)).mean() < 5
    write_image(path, np.full((30, 10, 3), 255, np.uint8))
    assert decoded(screen.jpeg(path, 96)).shape == (30, 10, 3)


def test_damaged_pictures_are_named(tmp_path: Path) -> None:
    path = tmp_path / "text.jpg"
    path.write_text("no picture")
    with pytest.raises(UserError, match=r"text\.jpg"):
        Screen().jpeg(path, 96)
