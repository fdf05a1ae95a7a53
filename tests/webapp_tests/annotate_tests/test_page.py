"""The page in headless Chromium, driven by real mouse, touch and key events."""

from helpers.annotations import boxes_path, labels_path, read_labels, write_annotation
from tests.webapp_tests.annotate_tests.paging import (
    DOWN,
    ENTER,
    ESCAPE,
    HEIGHT,
    RIGHT,
    WIDTH,
    boxes_of,
    draw_photo,
    grid,
    items,
    saved,
    shown,
)
from tests.webapp_tests.annotate_tests.running import running


def test_30_boxes_on_3_pictures_drawn_undone_resized_saved_and_reloaded(page, root, data) -> None:
    with running(root, "my") as program:
        page.open(program.address)
        for number in range(3):
            name = f"{number}.jpg"
            shown(page, name)
            for box in grid(10):
                page.draw(*box)
                page.key(ESCAPE)  # nothing selected: the next one is drawn, not moved
            assert items(page) == 10
            page.key("u", "u", "u")
            assert items(page) == 7
            page.key("r", "r", "r")
            assert items(page) == 10
            x1, y1, x2, y2 = grid(10)[9]
            page.tap(*page.place(x1 + 9, y1 + 9))
            page.drag(page.place(x2 + 1, y2 + 1), page.place(x2 + 11, y2 + 21))  # by the lower right handle
            page.key("n")
            page.wait(f"document.querySelector('#list li[data-id=\"{name}\"] .mark').className !== 'mark '")
        expected = [*grid(9), [x1, y1, x2 + 10, y2 + 20]]
        for number in range(3):
            assert boxes_of(data, f"{number}.jpg") == expected
        page.open(program.address + "#1.jpg")
        page.driver.refresh()
        page.wait("document.body.dataset.ready === 'true'")
        shown(page, "1.jpg")
        assert items(page) == 10
        assert "3 of 3 annotated" in page.text("#progress-text")


def test_move_resize_on_all_sides_nudge_delete_and_edges(page, root, data) -> None:
    with running(root, "my") as program:
        page.open(program.address)
        shown(page, "0.jpg")
        page.draw(100, 100, 199, 199)
        page.drag(page.place(150.5, 150.5), page.place(170.5, 140.5))  # inside: moves
        page.drag(page.place(120, 140), page.place(110, 140))  # left side, on the handle's height
        page.drag(page.place(160, 90), page.place(160, 95))  # upper side
        page.key(RIGHT, RIGHT, DOWN)
        page.key("s")
        saved(page)
        assert boxes_of(data, "0.jpg") == [[112, 96, 221, 190]]
        page.drag(page.place(160.5, 150.5), page.place(-500, 150.5))  # stops at the edge
        page.drag(page.place(110, 191), page.place(9000, 9000))  # beyond the lower right corner of the picture
        page.key("s")
        page.wait("document.getElementById('saved').textContent === 'Saved'")
        assert boxes_of(data, "0.jpg")[0][:2] == [0, 96]
        page.key(ESCAPE)
        page.draw(600, 470, 900, 900)  # cut to the picture
        page.key("s")
        saved(page)
        assert boxes_of(data, "0.jpg")[-1] == [600, 470, WIDTH - 1, HEIGHT - 1]
        page.key("d")
        assert items(page) == 1
        page.key(ESCAPE)
        page.tap(*page.place(630, 20))  # a click is no box
        assert items(page) == 1
        page.key("u")
        assert items(page) == 2


def test_zoomed_and_panned_the_pixels_are_still_the_originals(page, root, data) -> None:
    with running(root, "my") as program:
        page.open(program.address)
        shown(page, "0.jpg")
        before = page.get("Number(document.getElementById('canvas').dataset.view.split(' ')[0])")
        page.wheel(*page.place(320, 240), -1200)
        page.wait(f"Number(document.getElementById('canvas').dataset.view.split(' ')[0]) > {before} * 4")
        page.drag(page.place(320, 240), page.place(330, 250), button="right", buttons=2)
        page.drag(page.place(320, 240), page.place(331, 251), button="middle", buttons=4)
        assert items(page) == 0
        page.draw(300, 200, 340, 230)
        page.key("f", "n")
        page.wait("document.querySelector('#list .mark').className !== 'mark '")
        assert boxes_of(data, "0.jpg") == [[300, 200, 340, 230]]


def test_large_pictures_come_shrunk_and_lying_ones_upright(page, root, data) -> None:
    """A 5000 x 3000 picture with EXIF orientation 6: shown as 3000 x 5000; boxes in these pixels."""
    draw_photo(data / "0.jpg", 0, 5000, 3000)
    stored = (data / "0.jpg").read_bytes()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    (data / "0.jpg").write_bytes(stored[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + stored[2:])
    with running(root, "my") as program:
        page.open(program.address)
        shown(page, "0.jpg")
        assert "3000 × 5000" in page.text("#status-name")
        page.wheel(*page.place(2995, 4995), -1500)
        page.wait("Number(document.getElementById('canvas').dataset.view.split(' ')[0]) > 2")
        page.draw(2950, 4960, 2999, 4999)
        page.key("s")
        saved(page)
        assert boxes_of(data, "0.jpg") == [[2950, 4960, 2999, 4999]]


def test_classes_by_key_click_and_form_and_copying(page, root, data) -> None:
    write_annotation(data / "0.jpg", [[10, 10, 100, 100], [200, 200, 300, 300]], ["cat", "dog"])
    with running(root, "my") as program:
        page.open(program.address + "#1.jpg")
        shown(page, "1.jpg")
        page.draw(100, 100, 200, 200)
        page.key("2")
        page.key(ESCAPE, "1")  # nothing selected: the class of what is drawn next
        page.draw(300, 100, 400, 200)
        page.write("#new-class", "<img src=x onerror=alert(1)>")
        page.key(ENTER)
        page.wait("document.querySelectorAll('#classes li').length === 5")
        page.key("c")
        page.wait("document.querySelectorAll('#boxes li[data-index]').length === 4")
        page.click("#boxes li[data-index='3']")
        page.click("#classes button[data-label='EXCLUDE']")
        page.key("n")
        shown(page, "2.jpg")
        assert read_labels(labels_path(data / "1.jpg")) == ["dog", "<img src=x onerror=alert(1)>", "cat", "EXCLUDE"]
        assert boxes_of(data, "1.jpg")[2:] == [[10, 10, 100, 100], [200, 200, 300, 300]]
        assert not page.get("document.querySelector('#panel img')")
        page.key("p")
        shown(page, "1.jpg")
        assert items(page) == 4


def test_label_mode_goes_from_box_to_box(page, root, data) -> None:
    boxes_path(data / "1.jpg").write_text("10\t10\t90\t90\n200\t10\t290\t90\n10\t200\t90\t290\n")
    write_annotation(data / "0.jpg", [[1, 1, 9, 9]], ["cat"])
    with running(root, "my", script="A2_annotateBboxLabels.py") as program:
        page.open(program.address + "#1.jpg")
        shown(page, "1.jpg")
        assert page.get("document.querySelector('#boxes [aria-current=true]').dataset.index") == "0"
        page.key("1")
        page.click("#classes button[data-label='UNDECIDED']")
        page.write("#new-class", "dog")
        page.key(ENTER)
        page.wait("document.querySelectorAll('#boxes .grow')[2].textContent === 'dog'")
        page.key("n")
        shown(page, "2.jpg")
        assert read_labels(labels_path(data / "1.jpg")) == ["cat", "UNDECIDED", "dog"]
        assert boxes_of(data, "1.jpg") == [[10, 10, 90, 90], [200, 10, 290, 90], [10, 200, 90, 290]]
        page.driver.find_element("css selector", "#filter").send_keys("boxes without a class")
        page.wait("document.querySelectorAll('#list li[data-id]').length === 2")  # 1.jpg, and the one that is open


def test_fingers_draw_pan_and_zoom(browser, root, data) -> None:
    from docs.chromium import chromium

    with running(root, "my") as program, chromium(390, 844, touch=True) as page:
        page.open(program.address)
        shown(page, "0.jpg")
        start, end = page.place(100, 100), page.place(400, 300)
        page.fingers("Start", start)
        page.fingers("Move", ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
        page.fingers("Move", end)
        page.fingers("End")
        page.wait("document.querySelectorAll('#boxes li[data-index]').length === 1")
        scale = page.get("Number(document.getElementById('canvas').dataset.view.split(' ')[0])")
        x, y = page.place(320, 240)
        page.fingers("Start", (x - 20, y), (x + 20, y))
        page.fingers("Move", (x - 40, y), (x + 40, y))
        page.fingers("Move", (x - 60, y), (x + 60, y))
        page.fingers("End")
        page.wait(f"Number(document.getElementById('canvas').dataset.view.split(' ')[0]) > {scale} * 2")
        assert items(page) == 1
        page.click("#next")
        shown(page, "1.jpg")
        [[x1, y1, x2, y2]] = boxes_of(data, "0.jpg")
        assert max(abs(x1 - 100), abs(y1 - 100), abs(x2 - 400), abs(y2 - 300)) <= 3
        page.click("#toggle-list")
        page.wait("document.getElementById('side').getBoundingClientRect().x === 0")  # the list slides in
        page.click("#list li[data-id='2.jpg']")
        shown(page, "2.jpg")
        assert not page.complaints()


def test_faults_negative_pictures_and_sorting(page, root, data) -> None:
    for folder in ("positive", "negative", "testImages"):
        (data / folder).mkdir()
    (data / "2.jpg").rename(data / "negative" / "2.jpg")
    boxes_path(data / "1.jpg").write_text("10\t10\t9999\t90\n")
    (data / "damaged.jpg").write_bytes((data / "0.jpg").read_bytes()[:3000])
    with running(root, "my") as program:
        page.open(program.address + "#1.jpg")
        shown(page, "1.jpg")
        assert "reaches beyond the picture of 640x480" in page.text("#banner")
        page.click("#banner button")  # cuts the box
        page.key("s")
        saved(page)
        assert boxes_of(data, "1.jpg") == [[10, 10, 639, 90]]
        page.click("#list li[data-id='damaged.jpg']")
        page.wait("!document.getElementById('empty').hidden")
        assert "cannot be read" in page.text("#empty")
        page.click("#list li[data-id='negative/2.jpg']")
        shown(page, "negative/2.jpg")
        page.draw(100, 100, 200, 200)
        page.key("s")
        page.wait("document.getElementById('dialog').open")
        page.click("#dialog-positive")
        saved(page)
        assert boxes_of(data, "positive/2.jpg") == [[100, 100, 200, 200]]
        page.click("#sort")
        page.wait("document.getElementById('split-plan')?.textContent.includes('1 to positive')")
        page.click("#dialog-ok")
        page.wait("document.getElementById('banner').textContent.includes('1 picture moved')")
        assert (data / "positive" / "1.jpg").exists()
        assert (data / "damaged.jpg").exists()
        page.driver.get("about:blank")
        assert all("422" in line for line in page.complaints())  # the damaged picture, the boxes in negative/


def test_help_and_quit(page, root) -> None:
    with running(root, "my") as program:
        page.open(program.address)
        shown(page, "0.jpg")
        page.key("?")
        page.wait("document.getElementById('dialog').open")
        page.key("n")  # keys do not reach through the window
        page.click("#dialog-ok")
        page.wait("!document.getElementById('dialog').open")
        shown(page, "0.jpg")
        page.key("q")
        page.wait("document.getElementById('dialog').open")
        page.key(ENTER)
        page.wait("document.getElementById('ended')")
        assert program.process.wait(20) == 0
