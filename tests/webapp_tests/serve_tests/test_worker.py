"""A worker in this process: order, batches, faults; its detector is a dummy."""

import io
import json
import threading

import numpy as np
import pytest

from fastRCNN.evaluation.detections import Detections
from webapp.serve.frames import frame, read_frame
from webapp.serve.model_choice import ModelChoice
from webapp.serve.timed_detector import Course
from webapp.serve.worker import Worker


class Dummy:
    """Finds one object as wide as the picture; fails where a picture is black."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.go = threading.Event()

    def detect_many(self, images):
        self.go.wait(10)
        self.batches.append(len(images))
        if any(not image.any() for image in images):
            raise ValueError("black")
        if any(image.shape[1] == 13 for image in images):
            raise MemoryError
        boxes = [np.array([[0, 0, image.shape[1] - 1, 1]]) for image in images]
        return [(Detections(box, [1], [0.5], [True], ("background", "it")), Course({"network": 0.1})) for box in boxes]


def bmp(width: int, value: int = 200) -> bytes:
    import cv2

    return cv2.imencode(".bmp", np.full((9, width, 3), value, np.uint8))[1].tobytes()


def answers(bodies: list[bytes], batch: int, **header) -> tuple[list[dict], list[int]]:
    """Return the answers by id, and how many pictures were computed at a time."""
    dummy, target = Dummy(), io.BytesIO()
    source = io.BytesIO(b"".join(frame({"id": n, "wanted": {}, **header}, body) for n, body in enumerate(bodies)))
    worker = Worker(dummy, ModelChoice(None, "d"), max_pixels=1000, batch=batch)  # type: ignore[arg-type]
    threading.Timer(0.3, dummy.go.set).start()  # until then as many are decoded as may wait
    worker.run(source, target)
    target.seek(0)
    made = [read_frame(target) for _ in bodies]
    assert [header["id"] for header, _ in made] == list(range(len(bodies)))
    return [{**header, "content": json.loads(body) if body else None} for header, body in made], dummy.batches


@pytest.mark.parametrize("batch", [1, 3])
def test_every_picture_gets_its_own_answer(batch):
    made, batches = answers([bmp(width) for width in range(4, 11)], batch)
    assert [each["content"][0]["right"] for each in made] == list(range(3, 10))
    assert all(each["seconds"]["network"] == 0.1 and each["seconds"]["decoding"] >= 0 for each in made)
    assert sum(batches) == 7
    assert max(batches) == batch


def test_who_saw_a_worker_die_is_computed_alone():
    _, batches = answers([bmp(width) for width in range(4, 9)], 3, alone=True)
    assert batches == [1] * 5


def test_a_fault_is_the_fault_of_one(caplog):
    made, _ = answers([bmp(5), b"no picture", bmp(6, 0), bmp(13), bmp(2000), bmp(7)], 6)
    assert [each.get("problem") for each in made] == [None, "not-a-picture", "internal", "too-large", "too-large", None]
    assert "black" not in made[2]["detail"]
    assert "ValueError: black" in caplog.text
