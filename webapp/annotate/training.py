"""Training in the background: the numbered scripts, one after the other, on a snapshot of what is annotated so far."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.artifacts import Artifacts, atomic_write
from helpers.errors import UserError
from webapp.annotate.catalogue import Entry
from webapp.annotate.snapshot import Plan, plan_training, write_snapshot

REPOSITORY = Path(__file__).resolve().parents[2]
STEPS = (
    ("1_computeRois.py", "regions"),
    ("2_cntkGenerateInputs.py", "inputs"),
    ("3_runCntk.py", "network"),
    ("4_trainSvm.py", "classifier"),
    ("5_evaluateResults.py", "measure"),
)
SHARES = (0.25, 0.5)  # of the training pictures, for a curve at once
FEWEST_FOR_SHARES = 8
_LOG_LINES = 200


@dataclass
class Trainer:
    """Trains on demand and remembers what each training reached.

    `options` are those that every script gets (--set, --classifier, --jobs, ...); `finished` is called with the
    folder proc/<dataset> of the trained detector.
    """

    artifacts: Artifacts
    options: Sequence[str]
    classifier: str
    seed: int
    finished: Callable[[Path], None]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _process: subprocess.Popen | None = None
    _stopping: bool = False
    _state: dict[str, Any] = field(default_factory=lambda: {"state": "idle", "step": 0, "round": "", "error": ""})
    _log: deque[str] = field(default_factory=lambda: deque(maxlen=_LOG_LINES))

    @property
    def folder(self) -> Path:
        """Where snapshots are trained, and the curve is kept."""
        return self.artifacts.proc / "annotate"

    @property
    def trained(self) -> Artifacts:
        """The data set that is the snapshot of everything."""
        return Artifacts(self.folder / "training", self.artifacts.dataset)

    def start(self, entries: Sequence[Entry], *, with_shares: bool) -> None:
        """Begin to train on what is annotated in `entries`; `UserError` when one is running or there is too little.

        `with_shares`: first on a quarter and on half of the training pictures, for the curve.
        """
        plan = plan_training(entries, self.seed)
        with self._lock:
            if self._state["state"] == "running":
                raise UserError("a training is running already; wait for it, or stop it")
            self._stopping = False
            self._log.clear()
            self._state = {"state": "running", "step": 0, "round": "", "error": "", "heldOut": plan.held_out}
        shares = SHARES if with_shares and len(plan.train) >= FEWEST_FOR_SHARES else ()
        threading.Thread(target=self._run, args=(plan, shares), daemon=True).start()

    def stop(self) -> None:
        """End a training that runs."""
        with self._lock:
            self._stopping = True
            if self._process:
                self._process.terminate()

    def status(self) -> dict[str, Any]:
        """Return state ("idle", "running", "done", "failed", "stopped"), step, the last lines, and the curve."""
        with self._lock:
            steps = [purpose for _, purpose in STEPS]
            return {**self._state, "steps": steps, "log": "\n".join(list(self._log)[-40:]), "curve": self.curve()}

    def curve(self) -> list[dict[str, Any]]:
        """Return what the trainings reached: training pictures, boxes, mAP, test pictures, when."""
        try:
            points = json.loads((self.folder / "curve.json").read_text(encoding="utf-8"))
            return points if isinstance(points, list) and all("pictures" in point for point in points) else []
        except (OSError, ValueError):
            return []

    def _run(self, plan: Plan, shares: Sequence[float]) -> None:
        try:
            points = []
            for share in shares:
                reduced = plan.reduced(share, self.seed)
                points.append(
                    self._train(reduced, Artifacts(self.folder / "share", self.artifacts.dataset), plan.classes)
                )
            points.append(self._train(plan, self.trained, plan.classes))
            with self._lock:
                self._keep(points)
            self.finished(self.trained.proc)
            with self._lock:
                self._state = {**self._state, "state": "done", "step": len(STEPS), "round": ""}
        except (UserError, OSError) as error:
            with self._lock:
                state = "stopped" if self._stopping else "failed"
                self._state = {**self._state, "state": state, "error": "" if self._stopping else str(error)}

    def _train(self, plan: Plan, place: Artifacts, classes: list[str]) -> dict[str, Any]:
        """Run all steps on `plan`; return the point of the curve."""
        begin = time.monotonic()
        count = sum(len(entry.stored.boxes) for entry in plan.train)
        with self._lock:
            self._state = {**self._state, "step": 0, "round": f"{len(plan.train)} pictures, {count} boxes"}
        write_snapshot(plan, place)
        for index, (script, _) in enumerate(STEPS):
            with self._lock:
                self._state = {**self._state, "step": index}
            self._call(script, place, classes)
        measured = place.results / f"evaluation_test_{self.classifier}.json"
        try:
            evaluation = json.loads(measured.read_text(encoding="utf-8"))
            mean = evaluation["mAP_area"]
        except (OSError, ValueError, KeyError):
            raise UserError(f"{measured}: cannot be read") from None
        return {
            "pictures": len(plan.train), "boxes": count, "mAP": mean, "testPictures": len(plan.test),
            "heldOut": plan.held_out, "seconds": round(time.monotonic() - begin, 1),
            "when": time.strftime("%Y-%m-%d %H:%M"),
        }  # fmt: skip

    def _call(self, script: str, place: Artifacts, classes: list[str]) -> None:
        own = ["--root", str(place.root), "--dataset", place.dataset, "--set", f"classes={classes!r}"]
        own += ["--set", "svm_skipClassesWithoutPositives=True"]
        command = [sys.executable, str(REPOSITORY / script), *self.options, *own]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8:replace"}
        with self._lock:
            if self._stopping:
                raise UserError("stopped")
            self._log.append(f"$ {script}")
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=REPOSITORY,
                encoding="utf-8", errors="replace",
            )  # fmt: skip
        process = self._process
        assert process.stdout
        with process.stdout as lines:
            for line in lines:
                with self._lock:
                    self._log.append(line.rstrip())
        status = process.wait()
        with self._lock:
            self._process = None
            said = "\n".join(self._log)
        if status != 0:
            at = said.rfind("error: ")
            raise UserError(said[at:] if at >= 0 else f"{script} ended with exit status {status}")

    def _keep(self, points: Sequence[dict[str, Any]]) -> None:
        """Add points to the curve; a later one for as many pictures replaces the earlier."""
        known: dict[int, dict[str, Any]] = {point["pictures"]: point for point in [*self.curve(), *points]}
        with atomic_write(self.folder / "curve.json") as temporary:
            text = json.dumps([known[pictures] for pictures in sorted(known)], indent=1)
            temporary.write_text(text + "\n", encoding="utf-8")
