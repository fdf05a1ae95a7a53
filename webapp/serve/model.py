"""How the model is loaded and tried, and what is told of it. In workers only: this loads PyTorch."""

import hashlib
import json
from datetime import datetime, timezone
from typing import Any

import numpy as np
import torch

from fastRCNN.detector import Detector
from fastRCNN.reporting.charts import css_color
from helpers.errors import UserError
from webapp.serve.model_choice import ModelChoice
from webapp.serve.timed_detector import TimedDetector

_BATCH = 8  # pictures that a GPU takes at a time


def load_model(choice: ModelChoice) -> tuple[TimedDetector, dict[str, Any]]:
    """Return the detector, tried on a picture of noise, and what /model tells of it.

    The trial loads the compiled code as well, so that the first client does not wait for it. Raises `UserError` for
    files that are missing or do not fit, and for a detector that gives no finite scores.
    """
    detector = Detector.load(
        choice.artifacts.proc,
        classifier=choice.classifier,
        engine=choice.engine,
        device=choice.device,
        threads=choice.threads,
    )
    timed = TimedDetector(detector)
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    noise[60:180, 80:240] = (40, 90, 200)  # so that there is something to propose
    try:
        timed.detect_many([noise])
    except ValueError as fault:
        raise UserError(f"{choice.artifacts.proc}: the detector does not work: {fault}") from None
    return timed, describe(choice, detector)


def describe(choice: ModelChoice, detector: Detector) -> dict[str, Any]:
    """Return what a client may know of the model: no paths."""
    settings = detector.settings
    manifest = choice.artifacts.settings_file(choice.classifier)  # it names the digests of all parts
    trained = manifest.stat().st_mtime
    return {
        "dataset": choice.dataset,
        "classifier": choice.classifier,
        "classes": list(settings.classes[1:]),
        "colors": [css_color(number) for number in range(1, len(settings.classes))],
        "version": hashlib.sha256(manifest.read_bytes()).hexdigest()[:12],
        "trained": _time(trained),
        "engine": choice.engine,
        "batch": _BATCH if getattr(detector.engine, "device", torch.device("cpu")).type == "cuda" else 1,
        "rois_per_picture": detector.proposer.most if detector.proposer else settings.cntk_nrRois,
        "nms": settings.nmsThreshold,
        "threshold": choice.threshold,
        "measured": _measured(choice, trained),
    }


def _measured(choice: ModelChoice, trained: float) -> dict[str, Any] | None:
    """Return what step 5 measured of this model; None when it was not measured since it was trained."""
    file = choice.artifacts.results / f"evaluation_test_{choice.classifier}.json"
    try:
        measured = file.stat().st_mtime
        evaluation = json.loads(file.read_text(encoding="utf-8"))
        if measured < trained:
            return None
        return {"mAP_area": evaluation["mAP_area"], "mAP_11point": evaluation["mAP_11point"], "when": _time(measured)}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
