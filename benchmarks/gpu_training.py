"""benchmarks/gpu.py: training of classifier nn and of Faster R-CNN, pictures from disk and from memory.

The labels of ROIs are drawn at random, so there is nothing to learn, and rates are so small that nothing diverges.
"""

import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from unittest import mock

import numpy as np
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu_setting import CLASSES, REPOSITORY, Setting, wait
from fastRCNN.faster import pictures as faster_pictures
from fastRCNN.faster.pictures import AnnotatedPicture
from fastRCNN.faster.recipe import FasterTraining
from fastRCNN.faster.start import prepared
from fastRCNN.faster.training import FasterTrainer
from fastRCNN.nn import sampling
from fastRCNN.nn.sampling import TrainingPicture
from fastRCNN.nn.training import NnTrainer, NnTraining
from fastRCNN.run_context import RunContext
from helpers.annotations import boxes_path, read_boxes
from helpers.image_files import find_images
from helpers.images import read_part

HEADERS = ["what", "precision", "pictures a second", "ROIs a second", "TFLOP/s", "of the limit"]
_NAMES = tuple(f"class{number}" for number in range(CLASSES))
_PICTURES = 40


def nn(setting: Setting) -> Iterator[list[Any]]:
    """The frozen layers of all pictures, then the head's epochs."""
    pictures = [
        TrainingPicture(record.image_path, record.absolute_rois(setting.side), record.labels)
        for record in (setting.records[place] for place in range(min(_PICTURES, len(setting.records))))
    ]
    yield HEADERS
    for precision in ("float32", "bfloat16"):
        for what, opened in _ways(precision):
            with mock.patch.object(sampling, "read_part", opened):
                for picture in pictures:
                    opened(picture.path, picture.part)
                context = _context(setting, precision)
                recipe = NnTraining(cntk_max_epochs=1000, cntk_nrRois=setting.rois, nn_rateFactor=1e-6)
                trainer = NnTrainer(setting.network, pictures, _NAMES, recipe, context=context)
                start = time.perf_counter()
                for _ in trainer.prepare():
                    pass
                wait(setting.device)
                rate = len(pictures) / (time.perf_counter() - start)
                yield [f"frozen layers, {what}", precision, f"{rate:.1f}", "-", "-", "-"]
        size = trainer.parameters.cntk_mb_size
        yield _learning(setting, "head's epochs", precision, trainer.run(), size, size * setting.rois)
        trainer.features.close()


def faster(setting: Setting) -> Iterator[list[Any]]:
    """The default recipe on the bundled pictures with their own annotations."""
    annotated = []
    for path in find_images(REPOSITORY / "data" / "grocery" / "positive"):
        boxes = np.asarray(read_boxes(boxes_path(path)), np.float64)
        annotated.append(AnnotatedPicture(path, boxes, 1 + np.arange(len(boxes)) % (CLASSES - 1)))
    recipe = FasterTraining(faster_max_epochs=1000)
    network, rpn = prepared(setting.network, annotated, recipe, setting.side)
    yield HEADERS
    for precision in ("float32", "bfloat16"):
        for what, opened in _ways(precision):
            with mock.patch.object(faster_pictures, "read_part", opened):
                for picture in annotated:
                    opened(picture.path, picture.part)
                context = _context(setting, precision)
                trainer = FasterTrainer(network, annotated, _NAMES, recipe, rpn, context=context)
                yield _learning(setting, what, precision, trainer.run(), 1, recipe.faster_roisPerImage)


def _ways(precision: str) -> list[tuple[str, Callable[..., Any]]]:
    """Return how pictures are opened; from disk once, since that has nothing to do with the precision."""
    from_memory = ("from memory", cache(read_part))
    return [("from disk", read_part), from_memory] if precision == "float32" else [from_memory]


def _context(setting: Setting, precision: str) -> RunContext:
    return RunContext(
        device=setting.device.type, threads=setting.jobs, pad_size=setting.side, training_precision=precision,
        memory_limit=16e9,
    )  # fmt: skip


def _learning(setting: Setting, what: str, precision: str, steps: Iterator[Any], pictures: int, rois: int) -> list[Any]:
    """Learn for `setting.seconds` behind the first steps; pictures, rois: of one step."""
    for _ in range(4):  # what is compiled and what the libraries prepare
        next(steps)
    flop = _flop_of(lambda: next(steps))
    wait(setting.device)
    start, count = time.perf_counter(), 0
    while count < 2 or time.perf_counter() - start < setting.seconds:
        next(steps)
        count += 1
    wait(setting.device)
    rate = count / (time.perf_counter() - start)
    return [what, precision, f"{rate * pictures:.1f}", f"{rate * rois:.0f}", f"{rate * flop / 1e12:.2f}",
            setting.of_limit(rate * flop, precision)]  # fmt: skip


def _flop_of(call: Callable[[], object]) -> float:
    """Return the operations of a step, forward and backward, counted from the shapes of all products."""
    counter = FlopCounterMode(display=False)
    with counter:
        call()
    return float(counter.get_total_flops())
