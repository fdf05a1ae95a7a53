"""Make the screenshots of docs/TUTORIAL.md, Part 3: a session in headless Chromium by real mouse and key events.

    .venv/bin/python docs/screenshots.py

Needs Chromium and its driver (Debian: apt install chromium chromium-driver). The bundled pictures, without their
annotations, become a data set in a temporary folder; the boxes that are drawn are the bundled ones. Screenshots go to
docs/pictures/.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from docs.chromium import Page, chromium, missing
from helpers.annotations import read_boxes, read_labels, write_annotation
from helpers.console import run_script
from helpers.errors import UserError
from helpers.images import find_images, resize_to_max_dim, write_image

REPOSITORY = Path(__file__).resolve().parents[1]
PICTURES = REPOSITORY / "docs" / "pictures"
BUNDLED = REPOSITORY / "data" / "grocery"
ENTER, ESCAPE = "\ue007", "\ue00c"
ANNOTATED = 12  # training pictures; the others wait for suggestions
CLASSES = ("orange", "eggBox", "joghurt", "ketchup", "squash", "mushroom", "water", "mustard")


def main() -> None:
    """Make all screenshots."""
    if missing():
        raise UserError(missing())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        names = make_data_set(root)
        with annotating(root, "A1_annotateImages.py") as address, chromium(1280, 800) as page:
            draw(page, address, names)
        with annotating(root, "A2_annotateBboxLabels.py") as address, chromium(1280, 800) as page:
            choose_classes(page, address, names[0])
        annotate_the_rest(root)
        with annotating(root, "A1_annotateImages.py") as address, chromium(1280, 800) as page:
            train_and_accept(page, address)
        with annotating(root, "A1_annotateImages.py") as address, chromium(390, 760, touch=True, scale=2) as page:
            page.open(address)
            ready(page)
            save(page, "annotate_phone.jpg", 700)


def make_data_set(root: Path) -> list[str]:
    """Copy bundled training pictures into data/myOwnImages, without annotations; return their names."""
    data = root / "data" / "myOwnImages"
    data.mkdir(parents=True)
    names = []
    for path in find_images(BUNDLED / "positive")[: ANNOTATED + 4]:
        (data / path.name).write_bytes(path.read_bytes())
        names.append(path.name)
    return names


@contextmanager
def annotating(root: Path, script: str) -> Iterator[str]:
    """Run an annotation script; give its address."""
    command = [sys.executable, str(REPOSITORY / script), "--root", str(root), "--dataset", "myOwnImages"]
    command += ["--no-browser", "--set", "cntk_nrRois=200"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            for line in process.stdout or ():
                if found := re.search(r"http://\S+", line):
                    yield found[0]
                    break
        finally:
            process.terminate()


def ready(page: Page) -> None:
    """Wait until the picture is there."""
    page.wait("document.getElementById('canvas').dataset.shown")


def bundled_boxes(name: str) -> tuple[list[list[int]], list[str]]:
    """Return the bundled boxes and labels of a picture."""
    stem = BUNDLED / "positive" / Path(name).stem
    return read_boxes(Path(f"{stem}.bboxes.tsv")).tolist(), read_labels(Path(f"{stem}.bboxes.labels.tsv"))


def draw(page: Page, address: str, names: list[str]) -> None:
    """Draw the boxes of the first picture, the last one still growing."""
    page.open(address)
    ready(page)
    for name in CLASSES:
        page.write("#new-class", name)
        page.key(ENTER)
        page.wait(f"document.querySelector('#classes [data-label={name}]')")
    boxes, labels = bundled_boxes(names[0])
    for box, label in zip(boxes, labels, strict=True):
        page.key(ESCAPE)
        page.draw(*box)
        page.key(str(1 + CLASSES.index(label)))
    page.key(ESCAPE)
    page.tap(*page.place((boxes[1][0] + boxes[1][2]) / 2, (boxes[1][1] + boxes[1][3]) / 2))
    x2, y2 = page.place(boxes[1][2] + 1, boxes[1][3] + 1)
    page.mouse("Moved", x2 + 0.5, y2 + 0.5, button="none", buttons=0)
    save(page, "annotate_draw.jpg")
    page.key("s")
    page.wait("document.getElementById('saved').textContent === 'Saved'")


def choose_classes(page: Page, address: str, name: str) -> None:
    """The page that goes from box to box."""
    page.open(f"{address}#{name}")
    ready(page)
    page.wait("document.querySelectorAll('#boxes li[data-index]').length")
    page.click("#boxes li[data-index='0']")
    page.mouse("Moved", 900, 500, button="none", buttons=0)
    save(page, "annotate_label.jpg")


def annotate_the_rest(root: Path) -> None:
    """What was drawn before the next screenshots: the other pictures, but for the last ones."""
    for path in find_images(root / "data" / "myOwnImages")[:ANNOTATED]:
        write_annotation(path, *bundled_boxes(path.name))


def train_and_accept(page: Page, address: str) -> None:
    """Sort the new pictures, train, and look at the suggestions."""
    page.open(address)
    ready(page)
    page.click("#sort")
    page.wait("document.getElementById('split-plan')?.textContent.includes('testImages')")
    page.click("#dialog-ok")
    page.wait("document.getElementById('banner').textContent.includes('moved')")
    page.click("#train")
    page.wait("document.getElementById('train-now')")
    page.click("#train-shares")
    page.click("#train-now")
    page.wait("document.querySelector('#training .chart')", 600)
    save(page, "annotate_train.jpg")
    page.click("#dialog-ok")
    page.wait("!document.getElementById('accept').disabled", 120)
    uncertain = "[...document.querySelectorAll('#list small')].filter(e => e.textContent.includes('uncertain'))"
    page.wait(f"{uncertain}.length === 4", 120)
    page.click("#list li")
    page.wait("!document.getElementById('accept').disabled", 120)
    save(page, "annotate_suggest.jpg")


def save(page: Page, name: str, longest: int = 1280) -> None:
    """Write a screenshot as JPEG."""
    page.wait("document.getElementById('banner').hidden || true")
    data = np.frombuffer(page.driver.get_screenshot_as_png(), np.uint8)
    write_image(PICTURES / name, resize_to_max_dim(cv2.imdecode(data, cv2.IMREAD_COLOR), longest)[0], jpeg_quality=80)


if __name__ == "__main__":
    run_script(main)
