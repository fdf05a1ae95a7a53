"""Training, suggestions, tightening and videos on the page, in headless Chromium, with the real steps behind."""

from pathlib import Path

import cv2
import numpy as np

from helpers.annotations import boxes_path, labels_path, read_boxes, read_labels
from helpers.images import write_image
from tests.conftest import Runner, draw_tiny_picture
from tests.webapp_tests.annotate_tests.paging import shown
from tests.webapp_tests.annotate_tests.running import running
from tests.webapp_tests.annotate_tests.test_tracking import film


def test_train_now_then_accept_suggestions(page, tiny_root: Path, slim_weights: Path) -> None:
    data = tiny_root / "data" / "tiny"
    for seed in (11, 12, 13):
        write_image(data / f"new_{seed}.png", draw_tiny_picture(seed)[0])
    settings = [part for name, value in Runner.settings.items() for part in ("--set", f"{name}={value}")]
    options = ["--jobs", "1", "--set", f"cntk_model={slim_weights}", *settings]
    with running(tiny_root, "tiny", *options) as program:
        page.open(program.address)
        shown(page, "new_11.png")
        page.click("#train")
        page.wait("document.getElementById('train-now')")
        page.click("#train-now")
        page.wait("document.getElementById('train-stop')")
        page.wait("document.querySelector('#training .chart')", 120)
        assert "One training so far: mAP" in page.text("#training")
        assert not (tiny_root / "proc" / "tiny" / "rois").exists()  # the data set's own files are left alone
        page.click("#dialog-ok")
        page.wait("document.getElementById('order-field').hidden === false")
        uncertain = "[...document.querySelectorAll('#list small')].filter(e => e.textContent.includes('uncertain'))"
        page.wait(f"{uncertain}.length === 3", 60)
        first = page.get("document.querySelector('#list li').dataset.id")
        values = [
            int(line.split("uncertain ")[1].split()[0])
            for line in page.text("#list").splitlines()
            if "uncertain" in line
        ]
        assert values == sorted(values, reverse=True)
        name = next(
            f"new_{seed}.png" for seed in (11, 12, 13) if program.ask("suggestions", id=f"new_{seed}.png")[1]["items"]
        )
        items = program.ask("suggestions", id=name)[1]["items"]
        page.click(f"#list li[data-id='{name}']")
        page.wait("!document.getElementById('accept').disabled")
        page.tap(*page.place((items[0]["left"] + items[0]["right"]) / 2, (items[0]["top"] + items[0]["bottom"]) / 2))
        page.key("d")  # not this one
        if len(items) > 1:
            page.key("a", "s")
            page.wait("document.getElementById('saved').textContent === 'Saved'")
            assert len(read_boxes(boxes_path(data / name))) == len(items) - 1
            assert set(read_labels(labels_path(data / name))) <= {"disc", "square"}
            page.key("u")
        assert page.get("document.querySelectorAll('#boxes li[data-index]').length") == 0
        assert first in {f"new_{seed}.png" for seed in (11, 12, 13)}
        assert not page.complaints()


def test_boxes_follow_a_video_and_are_tightened(page, tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "film.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 25, (400, 300))
    frames, truth = film(17, 4, 1)
    for frame in frames:
        writer.write(frame)
    writer.release()
    with running(tmp_path, "my", "--video", str(tmp_path / "film.avi"), "--every", "8") as program:
        page.open(program.address)
        shown(page, "film_frame_000000.jpg")
        page.draw(*truth[0])
        page.write("#new-class", "square")
        page.key("\ue007")
        page.wait("document.querySelector('#boxes .grow').textContent === 'square'")
        page.key("n")
        shown(page, "film_frame_000008.jpg")
        page.wait("document.getElementById('banner').textContent.includes('1 box followed from the frame before')")
        page.key("n")
        shown(page, "film_frame_000016.jpg")
        page.wait("document.querySelectorAll('#boxes li[data-index]').length === 1")
        page.key("s")
        page.wait("document.getElementById('saved').textContent === 'Saved'")
        data = tmp_path / "data" / "my"
        for number in (0, 8, 16):
            [box] = read_boxes(boxes_path(data / f"film_frame_{number:06d}.jpg")).tolist()
            assert np.abs(np.subtract(box, truth[number])).max() <= 4
        assert read_labels(labels_path(data / "film_frame_000016.jpg")) == ["square"]
        page.click("#boxes li[data-index='0']")
        page.key("t")  # moves to a proposal, or says that there is none
        page.wait("document.getElementById('saved').textContent === 'Not saved yet' || "
                  "document.getElementById('banner').textContent.includes('No proposal')", 60)  # fmt: skip
        assert not page.complaints()
