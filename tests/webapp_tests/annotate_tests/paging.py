"""What the tests of the page in the browser share: keys, photos, and looks at the page."""

from pathlib import Path

import cv2
import numpy as np

from helpers.annotations import boxes_path, read_boxes
from helpers.images import write_image

ENTER, ESCAPE, RIGHT, DOWN = "\ue007", "\ue00c", "\ue014", "\ue015"
WIDTH, HEIGHT = 640, 480


def draw_photo(path: Path, seed: int, width: int = WIDTH, height: int = HEIGHT) -> None:
    noise = np.random.default_rng(seed).integers(40, 220, (9, 12, 3), dtype=np.uint8)
    write_image(path, cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))


def shown(page, name: str) -> None:
    page.wait(f"document.getElementById('canvas').dataset.shown === '{name}'")


def saved(page) -> None:
    page.wait("document.getElementById('saved').textContent === 'Saved'")


def items(page) -> int:
    return page.get("document.querySelectorAll('#boxes li[data-index]').length")


def boxes_of(data: Path, name: str) -> list[list[int]]:
    return read_boxes(boxes_path(data / name)).tolist()


def grid(count: int) -> list[list[int]]:
    return [
        [20 + 110 * (k % 5), 30 + 200 * (k // 5), 20 + 110 * (k % 5) + 60 + k, 30 + 200 * (k // 5) + 90 + k]
        for k in range(count)
    ]
