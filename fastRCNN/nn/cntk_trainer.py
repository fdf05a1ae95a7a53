"""nn training by CNTK's own learner, with the interface of `fastRCNN.nn.training.NnTrainer`.

The same seed draws the same first layer, the same order of pictures, the same ROIs and mirror images as there; only
dropout's random numbers, and who does the arithmetic, differ. What the tutorial's training never had, convolutions that
learn and box regression, stays PyTorch's. No checkpoints: a stopped training starts again.

Distributed training is CNTK's own, by mpiexec: resources/README-CNTK.md.
"""

import dataclasses
import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastRCNN.engines.cntk_engine import CntkEngine, CntkRecipe, CntkTraining
from fastRCNN.network.layers import Linear, Relu
from fastRCNN.network.network import Network
from fastRCNN.nn.sampling import TrainingPicture, draw_rois, flipped_rois
from fastRCNN.run_context import RunContext
from helpers.errors import UserError

if TYPE_CHECKING:  # nn.training needs PyTorch, this does not
    from fastRCNN.nn.training import NnTraining, Step

log = logging.getLogger(__name__)

_SAMPLE = 1024  # ROIs of all pictures together that the head's scale is measured on


class CntkNnTrainer:
    """Trains a network on pictures: `prepare()`, then `run()`, both iterators for a progress bar, then `result()`."""

    def __init__(
        self,
        network: Network | Path,
        pictures: Sequence[TrainingPicture],
        classes: Sequence[str],
        parameters: "NnTraining",
        *,
        context: RunContext = RunContext(),  # noqa: B008 - frozen
        scratch: Path | None = None,
    ) -> None:
        p = self.parameters = recipe_for_cntk(parameters)
        if not sum(len(picture.rois) for picture in pictures):
            raise UserError("There is no ROI to train on. Run 1_computeRois.py and 2_cntkGenerateInputs.py again")
        self.pictures, self.classes = list(pictures), tuple(classes)
        self.pad_size, self.seed = context.pad_size, context.seed
        self.scratch = scratch
        sides = (False, True) if p.nn_flip else (False,)
        self.keys = [(number, flip) for number in range(len(pictures)) for flip in sides]
        self._place = {key: place for place, key in enumerate(self.keys)}
        self.engine = CntkEngine(network, threads=context.threads)
        self.history: list[dict[str, Any]] = []
        self._running = ExitStack()

    @property
    def features(self) -> "CntkNnTrainer":
        """What has `keys`, as `NnTrainer.features`."""
        return self

    @property
    def nr_steps(self) -> int:
        """How many minibatches `run` learns from."""
        return -(-len(self.pictures) // self.parameters.cntk_mb_size) * self.parameters.cntk_max_epochs

    def prepare(self) -> Iterator[tuple[int, bool]]:
        """Let CNTK compute what the frozen layers give for each picture; yields once for each of `keys`."""
        p = self.parameters
        scale, first = self._scaled_head() if p.nn_headNorm else (1.0, {})
        recipe = CntkRecipe(p.cntk_momentum_time_constant, p.cntk_l2_reg_weight, scale, p.nn_dropout)
        training = self.engine.training(self.classes, recipe, seed=self.seed, first_arrays=first, scratch=self.scratch)
        self._training: CntkTraining = self._running.enter_context(training)
        for number, flip in self.keys:
            self._training.add(self._padded(number, flip))
            yield number, flip

    def run(self) -> Iterator["Step"]:
        """Train all epochs; yields after each minibatch. `UserError` where the loss is not finite."""
        from fastRCNN.nn.training import Step

        p = self.parameters
        for epoch in range(p.cntk_max_epochs):
            start, totals = time.perf_counter(), np.zeros(3)
            rng = np.random.default_rng([self.seed, epoch])
            rng.integers(2**62)  # the seed of PyTorch's dropout: what follows is drawn as there
            order = rng.permutation(len(self.pictures))
            flips = rng.random(len(order)) < 0.5 if p.nn_flip else np.zeros(len(order), bool)
            drawn = [self._draw(number, rng) for number in order]
            for first in range(0, len(order), p.cntk_mb_size):
                places = range(first, min(first + p.cntk_mb_size, len(order)))
                rate = self._rate(epoch, (first + len(places)) / len(order))
                batch = [(int(order[place]), bool(flips[place]), drawn[place]) for place in places]
                sums = self._learn(batch, rate, epoch)
                totals += sums
                if places.stop < len(order):
                    yield Step(epoch + 1, sums[0] / max(sums[2], 1), sums[1] / max(sums[2], 1), 0.0, rate, False)
            loss, wrong = totals[:2] / max(totals[2], 1)
            self.history.append(
                {"epoch": epoch + 1, "loss": loss, "error": wrong, "box_loss": 0.0, "rate": rate,
                 "pictures": len(order), "rois": int(totals[2]), "seconds": time.perf_counter() - start}
            )  # fmt: skip
            yield Step(epoch + 1, loss, wrong, 0.0, rate, True)  # the means of the epoch
        self._running.close()

    def result(self) -> tuple[Network, None]:
        """Return the trained network, which gives raw scores, and no box regression. `save` writes it as CNTK does."""
        network = self.engine.network()
        notes = {
            "training": dataclasses.asdict(self.parameters), "seed": self.seed,
            "started_from": network.spec.source, "trained_by": "CNTK 2.7",
        }  # fmt: skip
        return dataclasses.replace(network, spec=dataclasses.replace(network.spec, notes=notes)), None

    def save(self, path: Path) -> None:
        """Write the trained network to `path` as a CNTK `.model`."""
        self.engine.save(path)

    def close(self) -> None:
        """End the worker."""
        self.engine.close()

    def _learn(
        self, batch: list[tuple[int, bool, NDArray[np.int64]]], rate: float, epoch: int
    ) -> tuple[float, float, int]:
        """Learn from a minibatch of (picture, mirrored, ROIs); return its loss, wrong ROIs and ROIs."""
        rois = [self._rois(number, flip)[chosen] for number, flip, chosen in batch]
        labels = [self.pictures[number].labels[chosen] for number, _, chosen in batch]
        maps = [self._place[number, flip] for number, flip, _ in batch]
        if not sum(len(each) for each in labels):
            return 0.0, 0.0, 0
        loss, wrong = self._training.learn(maps, rois, labels, rate=rate / self.parameters.rois_per_image)
        if not math.isfinite(loss):
            names = ", ".join(str(self.pictures[number].path) for number, _, _ in batch)
            raise UserError(
                f"the loss is {loss} in epoch {epoch + 1}: training stopped. Pictures of this minibatch: {names}. A "
                "lower learning rate often helps: --set cntk_lr_per_image=[...], or nn_warmupEpochs"
            )
        return loss, wrong, sum(len(each) for each in labels)

    def _rate(self, epoch: int, progress: float) -> float:
        """The learning rate per picture; the last one goes on, and it rises from 0 during the warm-up."""
        rates, warmup = self.parameters.cntk_lr_per_image, self.parameters.nn_warmupEpochs
        rate = rates[min(epoch, len(rates) - 1)] * self.parameters.nn_rateFactor
        return rate * (epoch + progress) / warmup if epoch + progress < warmup else rate

    def _draw(self, number: int, rng: np.random.Generator) -> NDArray[np.int64]:
        p = self.parameters
        return draw_rois(
            self.pictures[number], rng, rois_per_image=p.nn_roisPerImage,
            foreground_fraction=p.nn_foregroundFraction, background_overlap=p.nn_backgroundOverlap,
        )  # fmt: skip

    def _rois(self, number: int, flip: bool) -> NDArray[np.float32]:
        rois = self.pictures[number].rois
        return flipped_rois(rois, self.pad_size) if flip else rois

    def _padded(self, number: int, flip: bool) -> NDArray[np.uint8]:
        picture = self.pictures[number].pixels(self.pad_size)
        return np.ascontiguousarray(picture[:, ::-1]) if flip else picture

    def _scaled_head(self) -> tuple[float, dict[str, NDArray[np.float32]]]:
        """Return a factor for the head's input and its arrays, so that all they give has the length nn_headNorm."""
        each = max(1, _SAMPLE // len(self.pictures))
        network, parts = self.engine.network(), []
        for number, picture in enumerate(self.pictures):
            spread = np.linspace(0, len(picture.rois) - 1, min(each, len(picture.rois))).astype(np.int64)
            if len(spread):
                feature_map = self.engine.feature_map([self._padded(number, False)])[0]
                pooled = self.engine.pool(
                    feature_map, picture.rois[spread],
                    size=network.spec.pooling_size, spatial_scale=network.spec.spatial_scale,
                )  # fmt: skip
                parts.append(pooled.reshape(len(spread), -1))
        return scaled_head(network, np.concatenate(parts), self.parameters.nn_headNorm)


def recipe_for_cntk(parameters: "NnTraining") -> "NnTraining":
    """Return `parameters` without what only PyTorch's training knows; the log says what was left out.

    A score layer that starts where it fits (nn_fitScoreFirst) comes with small steps and no dropout; without it, the
    tutorial's steps and dropout are right.
    """
    if parameters.nn_trainConvFrom:
        raise UserError(
            f"nn_trainConvFrom = {parameters.nn_trainConvFrom}: CNTK trains the fully connected layers only, as the "
            "tutorial does. Set it to 0, or use --engine torch"
        )
    left_out = [name for name in ("nn_bboxRegression", "nn_fitScoreFirst") if getattr(parameters, name)]
    if not left_out:
        return parameters
    log.warning("CNTK trains as the tutorial did: without %s (--engine torch knows them).", " and ".join(left_out))
    changes: dict[str, Any] = dict.fromkeys(left_out, False)
    if parameters.nn_fitScoreFirst:
        changes.update(nn_rateFactor=1.0, nn_dropout=0.5)
    return dataclasses.replace(parameters, **changes)


def scaled_head(
    network: Network, pooled: NDArray[np.float32], norm: float
) -> tuple[float, dict[str, NDArray[np.float32]]]:
    """Return a factor for what goes into the head, and the arrays of its hidden layers, for outputs of length `norm`.

    `pooled` (N, C * 36) are examples of what goes in. A layer's weight and bias are multiplied alike, and its bias
    follows the scale of what comes in, so the network computes the same but for one factor.
    """
    arrays: dict[str, NDArray[np.float32]] = {}
    length = float(np.linalg.norm(pooled, axis=1).mean())
    scale = float(np.float32(norm / length)) if length > 0 else 1.0
    rows, before = pooled * np.float32(scale), 1 / scale
    for layer in network.spec.head:
        if isinstance(layer, Linear) and layer.name != "score":
            weight, bias = network.weight(layer.name), network.bias(layer.name)
            shifted = np.zeros(layer.out, np.float32) if bias is None else bias / np.float32(before)
            outputs = rows @ weight.T + shifted
            length = float(np.linalg.norm(outputs, axis=1).mean())
            factor = np.float32(norm / length if length > 0 else 1.0)
            arrays[f"{layer.name}.weight"] = (weight * factor).astype(np.float32)
            if bias is not None:
                arrays[f"{layer.name}.bias"] = (shifted * factor).astype(np.float32)
            rows, before = outputs * factor, before / float(factor)
        elif isinstance(layer, Relu):
            rows = np.maximum(rows, 0)
    return scale, arrays
