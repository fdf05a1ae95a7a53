"""A worker: a process that holds a detector and answers one picture after the other, on a GPU several at a time.

It is started by `webapp.serve.worker_process` and talks over its standard input and output (`webapp.serve.frames`).
The next picture is decoded while the network works on the one before. Pictures of strangers are decoded here and
nowhere else, so what a picture can end is a worker. It ends when its input ends; signals that a terminal or a service
manager sends to all processes of a group are left to the service, so that what was begun gets its answer.
"""

import json
import logging
import os
import queue
import signal
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fastRCNN.evaluation.detections import Detections
from helpers.errors import UserError
from webapp.problems import Problem
from webapp.serve.decoding import decode
from webapp.serve.formats import Answer, Wanted, chosen, formatted
from webapp.serve.frames import frame, read_frame
from webapp.serve.model import load_model
from webapp.serve.model_choice import ModelChoice
from webapp.serve.request_log import set_up_log
from webapp.serve.timed_detector import Course, TimedDetector

log = logging.getLogger("webapp.serve.worker")

_LONGEST_DRAWN = 2000  # pixels of the longest side of a picture with boxes drawn on it


@dataclass
class Task:
    """A request on its way through the worker; `image` is (H, W, 3) uint8 BGR."""

    header: dict[str, Any]
    image: NDArray[np.uint8] | None = None
    problem: Problem | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def alone(self) -> bool:
        """A worker died when it had this picture before: it must not end others."""
        return bool(self.header.get("alone"))


_END = Task({})  # nothing comes any more


class Worker:
    """Answers what comes in on one stream on another, up to `batch` pictures at a time."""

    def __init__(self, detector: TimedDetector, choice: ModelChoice, *, max_pixels: int, batch: int = 1) -> None:
        self.detector, self.choice, self.max_pixels, self.batch = detector, choice, max_pixels, batch

    def run(self, source: BinaryIO, target: BinaryIO) -> None:
        """Answer all messages of `source` on `target` until it ends."""
        decoded: queue.Queue[Task] = queue.Queue(maxsize=self.batch)
        threading.Thread(target=self._decode_all, args=(source, decoded), daemon=True).start()
        pending: deque[Task] = deque()
        while True:
            if not pending:
                pending.append(decoded.get())
            while len(pending) < self.batch and not decoded.empty():
                pending.append(decoded.get())
            if pending[0] is _END:
                return
            tasks = [pending.popleft()]
            while pending and pending[0] is not _END and not (tasks[0].alone or pending[0].alone):
                tasks.append(pending.popleft())
            for answer in self.answers(tasks):
                target.write(answer)
            target.flush()

    def _decode_all(self, source: BinaryIO, decoded: "queue.Queue[Task]") -> None:
        try:
            while (message := read_frame(source)) is not None:
                decoded.put(self.decoded(*message))
        finally:
            decoded.put(_END)

    def decoded(self, header: dict[str, Any], body: bytes) -> Task:
        """Return the task of a message, its picture decoded, or with the problem that there is."""
        task, start = Task(header), time.perf_counter()
        try:
            task.image = decode(body, max_pixels=self.max_pixels)
        except Problem as problem:
            task.problem = problem
        except (MemoryError, Exception) as fault:  # a decoder that fails in its own way: the picture is at fault
            task.problem = Problem("not-a-picture", f"The picture cannot be decoded ({type(fault).__name__}).")
        task.seconds["decoding"] = time.perf_counter() - start
        return task

    def answers(self, tasks: Sequence[Task]) -> list[bytes]:
        """Return the messages that answer `tasks`."""
        whole = [(id(task), task.image) for task in tasks if task.image is not None]
        try:
            answers = self.detector.detect_many([image for _, image in whole])
            found = {key: answer for (key, _), answer in zip(whole, answers, strict=True)}
        except (MemoryError, Exception) as fault:
            if len(tasks) > 1:  # one of them is at fault
                return [answer for task in tasks for answer in self.answers([task])]
            tasks[0].problem = _problem_of(fault)
            found = {}
        return [self._answer(task, found.get(id(task))) for task in tasks]

    def _answer(self, task: Task, found: tuple[Detections, Course] | None) -> bytes:
        header: dict[str, Any] = {"id": task.header["id"], "seconds": task.seconds}
        try:
            if task.problem or found is None or task.image is None:
                raise task.problem or Problem("not-a-picture", "There is no picture.")
            media, body, more = self._written(task, task.image, *found)
            return frame({**header, "media": media, **more}, body)
        except (MemoryError, Exception) as fault:
            problem = fault if isinstance(fault, Problem) else _problem_of(fault)
            return frame({**header, "problem": problem.kind, "detail": problem.detail})

    def _written(
        self, task: Task, image: NDArray[np.uint8], everything: Detections, course: Course
    ) -> tuple[str, bytes, dict[str, Any]]:
        """Return content type and bytes of the answer, and what the log and the metrics tell of it."""
        given = task.header["wanted"]
        classes = tuple(given["classes"]) if given.get("classes") is not None else None
        wanted = Wanted(**{**given, "classes": classes})
        task.seconds |= course.seconds
        course.seconds = dict(task.seconds)
        start = time.perf_counter()
        height, width = image.shape[:2]
        drawn = task.header.get("draw")
        if drawn:
            return drawn, self._drawing(image, everything, wanted, drawn), {}
        found = chosen(everything, wanted)
        answer = Answer(found, course, width, height, wanted.name, self.choice.classifier)
        body = json.dumps(formatted(answer, wanted.format), ensure_ascii=False).encode()
        task.seconds["writing"] = time.perf_counter() - start
        return "application/json", body, {"found": len(found)}

    def _drawing(self, image: NDArray[np.uint8], everything: Detections, wanted: Wanted, media: str) -> bytes:
        import cv2  # only where a picture is asked for

        from fastRCNN.reporting.visualization import draw_detections

        threshold = self.choice.threshold if wanted.threshold is None else wanted.threshold
        found = chosen(everything, Wanted("v2", threshold, wanted.nms, wanted.max, wanted.classes))
        picture = draw_detections(image, found, max_dim=min(max(image.shape[:2]), _LONGEST_DRAWN))
        good, data = cv2.imencode(".png" if media == "image/png" else ".jpg", picture)
        if not good:
            raise ValueError("the drawn picture cannot be encoded")
        return data.tobytes()


def _problem_of(fault: BaseException) -> Problem:
    """Return what the client is told of a fault that is not its own, and leave a line for the log."""
    if isinstance(fault, MemoryError):
        return Problem("too-large", "There is too little memory for this picture.")
    log.error("the detector failed: %s: %s", type(fault).__name__, fault)
    return Problem("internal", "The detector failed on this picture; the log says how.")


def main() -> None:
    """Run a worker: the first message says which model, the first answer what it is or why it cannot be loaded."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # sizes are checked by `decode`
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not come between the messages
    first = read_frame(source)
    if first is None:
        return
    start = time.perf_counter()
    try:
        choice = ModelChoice.of_message(first[0]["model"])
        set_up_log(choice.json_log)
        detector, about = load_model(choice)
    except UserError as fault:
        target.write(frame({"failed": str(fault)}))
        target.flush()
        return
    except Exception as fault:
        log.exception("the model cannot be loaded")
        target.write(frame({"failed": f"{type(fault).__name__}: {fault}"}))
        target.flush()
        return
    about["seconds_to_load"] = round(time.perf_counter() - start, 3)
    target.write(frame({"ready": about}))
    target.flush()
    Worker(detector, choice, max_pixels=first[0]["max_pixels"], batch=about["batch"]).run(source, target)
    target.close()


if __name__ == "__main__":
    main()
