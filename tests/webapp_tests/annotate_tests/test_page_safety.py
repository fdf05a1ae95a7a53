"""Nothing gets lost, and nobody else gets in: the page in headless Chromium."""

import time

import pytest

from helpers.annotations import boxes_path, labels_path, write_annotation
from tests.webapp_tests.annotate_tests.paging import boxes_of, items, saved, shown
from tests.webapp_tests.annotate_tests.running import running


@pytest.mark.parametrize(("choice", "boxes"), [
    ("mine", [[300, 300, 400, 400]]), ("theirs", [[10, 10, 100, 100]]),
    ("both", [[300, 300, 400, 400], [10, 10, 100, 100]]),
])  # fmt: skip
def test_two_people_cannot_overwrite_each_other_unnoticed(page, root, data, choice, boxes) -> None:
    with running(root, "my") as program:
        page.open(program.address)
        shown(page, "0.jpg")
        page.draw(300, 300, 400, 400)
        _, picture = program.ask("picture", id="0.jpg")
        status, _ = program.ask(
            "save", id="0.jpg", version=picture["version"], boxes=[[10, 10, 100, 100]], labels=["cat"]
        )
        assert status == 200
        page.key("n")
        page.wait("document.getElementById('dialog').open")
        assert boxes_of(data, "0.jpg") == [[10, 10, 100, 100]]
        assert "somebody else" in page.text("#dialog-title")
        assert page.get("document.querySelectorAll('#dialog canvas').length") == 2
        page.click(f"#dialog-{choice}")
        shown(page, "1.jpg")
        assert boxes_of(data, "0.jpg") == boxes
        assert any("409" in line for line in page.complaints())  # the browser notes the answer


def test_two_tabs(page, root, data) -> None:
    with running(root, "my") as program:
        page.open(program.address)
        shown(page, "0.jpg")
        page.draw(300, 300, 400, 400)
        first = page.driver.current_window_handle
        page.driver.switch_to.new_window("tab")
        page.open(program.address + "#0.jpg")
        shown(page, "0.jpg")
        assert items(page) == 0  # what is not saved belongs to its tab
        page.draw(10, 10, 50, 50)
        page.key("s")
        saved(page)
        page.driver.close()
        page.driver.switch_to.window(first)
        page.key("s")
        page.wait("document.getElementById('dialog').open")
        page.click("#dialog-both")
        saved(page)
        assert boxes_of(data, "0.jpg") == [[300, 300, 400, 400], [10, 10, 50, 50]]
        assert any("409" in line for line in page.complaints())


def test_reloading_keeps_what_was_not_saved(page, root, data) -> None:
    with running(root, "my") as program:
        page.open(program.address)
        shown(page, "0.jpg")
        page.draw(300, 300, 400, 400)
        page.driver.refresh()
        page.wait("document.body.dataset.ready === 'true'")
        shown(page, "0.jpg")
        assert items(page) == 1
        assert "not saved yet" in page.text("#banner")
        assert not boxes_path(data / "0.jpg").exists()
        page.key("n")
        shown(page, "1.jpg")
        assert boxes_of(data, "0.jpg") == [[300, 300, 400, 400]]


def test_kill_9_while_saving_loses_nothing(page, root, data) -> None:
    write_annotation(data / "0.jpg", [[1, 1, 9, 9]], ["cat"])
    with running(root, "my") as program:
        page.open(program.address + "#0.jpg")
        shown(page, "0.jpg")
        page.draw(300, 300, 400, 400)
        page.key("s")
        time.sleep(0.004)
        program.kill()
        page.wait("document.getElementById('saved').className !== ''")
        assert boxes_of(data, "0.jpg") in ([[1, 1, 9, 9]], [[1, 1, 9, 9], [300, 300, 400, 400]])
        assert items(page) == 2
        page.draw(10, 300, 100, 400)
        page.key("s")
        page.wait("document.getElementById('saved').className === 'failed'")
        assert "does not answer" in page.text("#banner")
        assert items(page) == 3
        page.complaints()
    with running(root, "my") as program:  # carries on what was begun
        _, picture = program.ask("picture", id="0.jpg")
        assert picture["fault"] == ""
        assert picture["boxes"] in ([[1, 1, 9, 9]], [[1, 1, 9, 9], [300, 300, 400, 400]])


def test_somebody_without_the_key_sees_nothing(page, root) -> None:
    with running(root, "my") as program:
        base = program.address.rsplit("/", 2)[0]
        for address in (base, f"{base}/", f"{base}/guessed/"):
            page.driver.get(address)
            assert "needs the key that the terminal shows" in page.get("document.body.textContent")
            assert "my" not in page.driver.title
        assert all("403" in line for line in page.complaints())


def test_a_picture_without_objects_is_said_and_can_be_taken_back(page, root, data) -> None:
    with running(root, "my") as program:
        page.open(program.address)
        shown(page, "0.jpg")
        page.key("n")
        shown(page, "1.jpg")
        page.wait(
            "document.getElementById('banner').textContent.includes('0.jpg was saved as a picture without objects')"
        )
        assert boxes_path(data / "0.jpg").read_bytes() == labels_path(data / "0.jpg").read_bytes() == b""
        page.click("#banner button")
        page.wait("document.getElementById('banner').textContent.includes('0.jpg is not annotated again')")
        assert not boxes_path(data / "0.jpg").exists()
        assert "0 of 3 annotated" in page.text("#progress-text")
