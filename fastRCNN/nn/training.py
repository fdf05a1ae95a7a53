"""Training of the network as the classifier: softmax over the classes of every ROI, and its box if wanted.

The recipe is the tutorial's `init_train_fast_rcnn` (helpers_cntk.py of Azure/ObjectDetectionUsingCntk): a new linear
layer on the 4096 numbers of a ROI, cross entropy over all ROIs of a minibatch of pictures, CNTK's momentum SGD
(`fastRCNN.nn.learning_rate`), fc6 and fc7 trained with dropout, the convolutions frozen. What goes beyond it comes from
Girshick, Fast R-CNN (2015), and each is a parameter. The steps of an epoch:

1. Shuffle the pictures, decide which are mirrored, draw the ROIs that take part.
2. For each minibatch: sum the losses and gradients over its ROIs, block by block; then one step.
3. Check that all weights are finite, write the checkpoint and the log.

The same seed gives the same bytes on a CPU with the same number of threads, in one go or continued after a stop.
"""

import contextlib
import dataclasses
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastRCNN.boxes.box_regression import NEAR, BoxRegressor
from fastRCNN.boxes.ridge_choice import fit_boxes
from fastRCNN.engines.torch_device import exact_products
from fastRCNN.network.network import Network
from fastRCNN.nn.checkpoints import Checkpoint
from fastRCNN.nn.features import FrozenFeatures
from fastRCNN.nn.finite import kept_checkpoint, require_finite_weights
from fastRCNN.nn.learning_rate import UnitGainSgd, minibatch_momentum, rate_per_image
from fastRCNN.nn.losses import roi_losses
from fastRCNN.nn.memory import BLOCK, cache_limit, free_bytes, needed_bytes, require_memory
from fastRCNN.nn.network import TrainableNetwork
from fastRCNN.nn.processes import Processes
from fastRCNN.nn.sampling import TrainingPicture, draw_rois, flipped_targets, rois_to_fit, target_statistics
from fastRCNN.nn.start import fit_softmax
from fastRCNN.run_context import RunContext
from helpers.errors import UserError

log = logging.getLogger(__name__)

_SAMPLE = 1024  # ROIs that the scale of the head is measured on

_ADVICE = "A lower learning rate often helps: nn_rateFactor, cntk_lr_per_image, or nn_warmupEpochs"


@dataclass(frozen=True)
class NnTraining:
    """How to train, under the names of PARAMETERS.py; the defaults are the tutorial's training."""

    cntk_max_epochs: int = 18
    cntk_mb_size: int = 5
    cntk_l2_reg_weight: float = 0.0005
    cntk_lr_per_image: tuple[float, ...] = (0.01,) * 10 + (0.001,) * 5 + (0.0001,)
    cntk_momentum_time_constant: float = 10.0
    cntk_nrRois: int = 2000
    nn_trainConvFrom: int = 0
    nn_flip: bool = False
    nn_roisPerImage: int = 0
    nn_foregroundFraction: float = 0.25
    nn_backgroundOverlap: float = 0.0
    nn_bboxRegression: bool = False
    nn_bboxWeight: float = 1.0
    nn_warmupEpochs: float = 0.0
    nn_headNorm: float = 0.0
    nn_fitScoreFirst: bool = False
    nn_fittedRois: int = 16000
    nn_fittedL2: float = 1e-6
    nn_fittedRidge: float = 0.0
    nn_rateFactor: float = 1.0
    nn_dropout: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "cntk_lr_per_image", tuple(self.cntk_lr_per_image))
        for name in ("cntk_max_epochs", "cntk_mb_size", "cntk_nrRois"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected 1 or more, got {getattr(self, name)}")
        if not 0 <= self.nn_dropout < 1:
            raise ValueError(f"nn_dropout: expected 0 or more and less than 1, got {self.nn_dropout}")
        if not self.cntk_lr_per_image:
            raise ValueError("cntk_lr_per_image: expected at least one learning rate")

    @classmethod
    def choose(cls, parameters: Mapping[str, Any]) -> "NnTraining":
        """Return the training in `parameters` (by name); with compat "tutorial" the tutorial's, whatever nn_* say."""
        names = {field.name for field in dataclasses.fields(cls)} & parameters.keys()
        if parameters.get("compat") == "tutorial":
            names = {name for name in names if not name.startswith("nn_")}
        return cls(**{name: parameters[name] for name in names})

    @property
    def needs_roidb(self) -> bool:
        """Whether more must be known of the ROIs than their classes."""
        return self.nn_bboxRegression or self.nn_backgroundOverlap > 0 or self.nn_fitScoreFirst

    @property
    def rois_per_image(self) -> int:
        """ROIs of a picture that take part in an epoch; the learning rate per image is divided by it."""
        return self.nn_roisPerImage or self.cntk_nrRois


@dataclass(frozen=True)
class Step:
    """One minibatch that was learnt from: means over its ROIs, and the epoch (from 1)."""

    epoch: int
    loss: float
    error: float
    box_loss: float
    rate: float
    last: bool  # of its epoch, whose checkpoint is written

    def __str__(self) -> str:
        boxes = f" boxes {self.box_loss:.3f}" if self.box_loss else ""
        return f"epoch {self.epoch} loss {self.loss:.3f}{boxes} error {self.error:.1%} rate {self.rate:g}"


class NnTrainer:
    """Trains a network on pictures: `prepare()`, then `run()`, both iterators for a progress bar, then `result()`."""

    def __init__(
        self,
        network: Network,
        pictures: Sequence[TrainingPicture],
        classes: tuple[str, ...],
        parameters: NnTraining,
        *,
        context: RunContext = RunContext(),  # noqa: B008 - frozen
        checkpoint: Path | None = None,
        fingerprint: str = "",
    ) -> None:
        """`checkpoint`: a file to continue from, where it fits `fingerprint`, and to write after each epoch."""
        rois = sum(len(picture.rois) for picture in pictures)
        if rois == 0:
            raise UserError("There is no ROI to train on. Run 1_computeRois.py and 2_cntkGenerateInputs.py again")
        p = self.parameters = parameters
        self.pictures, self.seed, self.processes = list(pictures), context.seed, context.processes or Processes()
        self.checkpoint, self.fingerprint = checkpoint, fingerprint
        self.net = TrainableNetwork(
            network, classes, train_conv_from=p.nn_trainConvFrom, with_boxes=p.nn_bboxRegression,
            dropout=p.nn_dropout, context=context,
        )  # fmt: skip
        limit, of_gpu = self._check_memory(context.pad_size)
        folder = checkpoint.parent if checkpoint else None
        self.features = FrozenFeatures(
            self.net,
            self.pictures,
            pad_size=context.pad_size,
            flips=p.nn_flip,
            memory_limit=limit if context.memory_limit is None else context.memory_limit,
            device_limit=of_gpu,
            folder=folder,
        )
        self.optimiser = UnitGainSgd(self.net.parameters.values(), l2_weight=p.cntk_l2_reg_weight)
        self.history: list[dict[str, Any]] = []
        self.box_mean, self.box_deviation = target_statistics(self.pictures, flips=p.nn_flip)
        self._restore()

    @property
    def nr_steps(self) -> int:
        """How many minibatches `run` still learns from."""
        per_epoch = -(-len(self.pictures) // (self.parameters.cntk_mb_size * self.processes.count))
        return per_epoch * (self.parameters.cntk_max_epochs - len(self.history))

    def prepare(self) -> Iterator[tuple[int, bool]]:
        """Compute what the frozen layers give for each picture; yields once for each of `features.keys`."""
        if self.nr_steps:
            yield from self.features.fill()
        if self.parameters.nn_headNorm and not self.history:
            self.net.scale_head(self._sample(), norm=self.parameters.nn_headNorm)
        if self.parameters.nn_fitScoreFirst and not self.history:
            self._fit_new_layers()
        self.processes.start_alike(self.net.parameters.values())

    def run(self) -> Iterator[Step]:
        """Train all epochs that are left; yields after each minibatch. `UserError` where the loss is not finite."""
        for epoch in range(len(self.history), self.parameters.cntk_max_epochs):
            start = time.perf_counter()
            totals = np.zeros(4)  # loss, wrong, box loss, ROIs
            for step, sums in self._epoch(epoch):
                totals += sums
                if not step.last:
                    yield step
            require_finite_weights(self.net.parameters, epoch + 1, self._kept() + _ADVICE)
            loss, error, box_loss = totals[:3] / max(totals[3], 1)
            self.history.append(
                {"epoch": epoch + 1, "loss": loss, "error": error, "box_loss": box_loss, "rate": step.rate,
                 "pictures": len(self.pictures), "rois": int(totals[3]), "seconds": time.perf_counter() - start}
            )  # fmt: skip
            self._save()
            yield dataclasses.replace(step, loss=loss, error=error, box_loss=box_loss)  # the means of the epoch
        self.features.close()

    def result(self) -> tuple[Network, BoxRegressor | None]:
        """Return the trained network, which gives raw scores, and the box regression if it was learnt."""
        source = self.net.source.spec.source
        notes = {"training": dataclasses.asdict(self.parameters), "seed": self.seed, "started_from": source}
        return self.net.result(notes=notes, box_mean=self.box_mean, box_deviation=self.box_deviation)

    def _epoch(self, epoch: int) -> Iterator[tuple[Step, NDArray[np.float64]]]:
        p = self.parameters
        rng = np.random.default_rng([self.seed, epoch])
        self.net.generator.manual_seed(int(rng.integers(2**62)))
        order = rng.permutation(len(self.pictures))
        flips = rng.random(len(order)) < 0.5 if p.nn_flip else np.zeros(len(order), bool)
        drawn = [self._draw(number, rng) for number in order]
        size = p.cntk_mb_size * self.processes.count
        for first in range(0, len(order), size):
            places = range(first, min(first + size, len(order)))
            batch = [(int(order[place]), bool(flips[place]), drawn[place]) for place in places]
            mine = self._blocks(self.processes.mine(batch))
            sums = self.processes.added_up(sum((self._learn(block, epoch) for block in mine), np.zeros(4)))
            self.processes.add_gradients(self.net.parameters.values())
            rate = p.nn_rateFactor * rate_per_image(
                p.cntk_lr_per_image, epoch, progress=(first + len(batch)) / len(order), warmup_epochs=p.nn_warmupEpochs
            )
            momentum = minibatch_momentum(p.cntk_momentum_time_constant, len(batch))
            self.optimiser.step(rate=rate / p.rois_per_image, momentum=momentum, pictures=len(batch))
            loss, error, box_loss = sums[:3] / max(sums[3], 1)
            yield Step(epoch + 1, loss, error, box_loss, rate, first + len(batch) == len(order)), sums

    def _fit_new_layers(self) -> None:
        """Start the new layers where they fit the embeddings of `rois_to_fit`."""
        p, net = self.parameters, self.net
        rng = np.random.default_rng([self.seed, len(self.pictures), 1])
        rows, kept = [], []
        for number, drawn in enumerate(rois_to_fit(self.pictures, rng, p.nn_fittedRois)):
            kept.append((number, False, drawn))
            for block in np.array_split(drawn, -(-len(drawn) // BLOCK)) if len(drawn) else ():
                rows.append(net.embedding(self._pooled(number, False, block)))
        embeddings = torch.cat(rows)
        rows.clear()
        log.info("Fitting the new layers to %d ROIs.", len(embeddings))
        labels = torch.from_numpy(np.concatenate([self.pictures[n].labels[rois] for n, _, rois in kept])).to(net.device)
        net.set_layer("score", *fit_softmax(embeddings, labels, len(net.classes), l2_weight=p.nn_fittedL2))
        if net.bbox is not None:
            near = np.concatenate([self._near_objects(n)[rois] for n, _, rois in kept])
            of_near = embeddings[torch.from_numpy(near).to(net.device)].cpu().numpy()
            rois, targets = (
                np.concatenate([np.asarray(getattr(self.pictures[n], name))[rois] for n, _, rois in kept])[near]
                for name in ("rois", "targets")
            )
            numbers = np.repeat([n for n, _, _ in kept], [len(rois) for _, _, rois in kept])[near]
            fitted = fit_boxes(of_near, rois, targets, numbers, ridge=p.nn_fittedRidge or None, rng=rng)
            weight, bias = fitted or (np.zeros((4, of_near.shape[1])), np.zeros(4))  # these move nothing
            normalised = (weight / self.box_deviation[:, None], (bias - self.box_mean) / self.box_deviation)
            weights, biases = (torch.from_numpy(part.astype(np.float32)).to(net.device) for part in normalised)
            net.set_layer("bbox", weights.repeat(len(net.classes), 1), biases.repeat(len(net.classes)))

    def _near_objects(self, number: int) -> NDArray[np.bool_]:
        """Return which ROIs (R,) of a picture lie so close to their object that moving them there can be learnt."""
        picture = self.pictures[number]
        return picture.labels > 0 if picture.overlaps is None else (picture.labels > 0) | (picture.overlaps >= NEAR)

    def _sample(self) -> torch.Tensor:
        """Return the pooled numbers of some ROIs of every picture, evenly spread."""
        each = max(1, _SAMPLE // len(self.pictures))
        parts = []
        for number, picture in enumerate(self.pictures):
            spread = np.linspace(0, len(picture.rois) - 1, min(each, len(picture.rois))).astype(np.int64)
            parts.append(self._pooled(number, False, spread).detach())
        return torch.cat(parts)

    def _pooled(self, number: int, flip: bool, rois: NDArray[np.int64]) -> torch.Tensor:
        if self.net.trains_trunk:
            return self.net.pooled(self.features.map(number, flip), self.features.rois(number, flip)[rois])
        return self.features.rows(number, flip, rois)

    def _draw(self, number: int, rng: np.random.Generator) -> NDArray[np.int64]:
        p = self.parameters
        return draw_rois(
            self.pictures[number], rng, rois_per_image=p.nn_roisPerImage,
            foreground_fraction=p.nn_foregroundFraction, background_overlap=p.nn_backgroundOverlap,
        )  # fmt: skip

    def _blocks(self, batch: Sequence[tuple[int, bool, NDArray]]) -> Iterator[list[tuple[int, bool, NDArray]]]:
        """Cut a minibatch into pieces for one pass: single pictures where the trunk learns, else up to BLOCK ROIs."""
        block: list[tuple[int, bool, NDArray]] = []
        room = BLOCK
        for number, flip, rois in batch:
            if self.net.trains_trunk:
                if len(rois):
                    yield [(number, flip, rois)]
                continue
            while len(rois):
                block.append((number, flip, rois[:room]))
                rois, room = rois[room:], room - len(rois[:room])
                if room == 0:
                    yield block
                    block, room = [], BLOCK
        if block:
            yield block

    def _learn(self, block: list[tuple[int, bool, NDArray]], epoch: int) -> NDArray[np.float64]:
        """Add the gradients of a block of ROIs; return its summed loss, wrong classes, box loss, and number of ROIs."""
        with exact_products(self.net.device, self.net.precision):
            return self._learn_exactly(block, epoch)

    def _learn_exactly(self, block: list[tuple[int, bool, NDArray]], epoch: int) -> NDArray[np.float64]:
        device = self.net.device
        labels = torch.from_numpy(np.concatenate([self.pictures[n].labels[rois] for n, _, rois in block])).to(device)
        targets = self._targets(block)
        with self._mixed_precision():
            pooled = torch.cat([self._pooled(*part) for part in block])
            scores, offsets = self.net.outputs(pooled)
        losses = roi_losses(scores, offsets, labels, targets)
        total = losses.classes + self.parameters.nn_bboxWeight * losses.boxes
        if not bool(torch.isfinite(total).all()):
            self._stop_not_finite(block, total.detach().cpu().numpy(), epoch)
        total.sum().backward()
        sums = torch.stack([losses.classes.sum(), losses.wrong.sum(), losses.boxes.sum()]).detach().cpu().double()
        return np.append(sums.numpy(), len(labels))

    def _targets(self, block: list[tuple[int, bool, NDArray]]) -> torch.Tensor | None:
        """Return the normalised box targets (N, 4) of a block."""
        if self.net.bbox is None:
            return None
        parts = []
        for number, flip, rois in block:
            targets = self.pictures[number].targets
            if targets is None:
                raise ValueError("box regression needs pictures with targets: training_pictures(records, roidb)")
            parts.append(flipped_targets(targets[rois]) if flip else targets[rois])
        normalised = (np.concatenate(parts) - self.box_mean) / self.box_deviation
        return torch.from_numpy(normalised.astype(np.float32)).to(self.net.device)

    def _mixed_precision(self) -> contextlib.AbstractContextManager[Any]:
        """Convolutions and linear layers in bfloat16 where that is asked for; weights and updates stay float32."""
        if self.net.precision == "bfloat16":
            return torch.autocast(self.net.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def _stop_not_finite(self, block: list[tuple[int, bool, NDArray]], losses: NDArray, epoch: int) -> None:
        place = int(np.flatnonzero(~np.isfinite(losses))[0])
        value = losses[place]
        for number, _, rois in block:
            if place < len(rois):
                picture, roi = self.pictures[number], int(rois[place])
                box = " ".join(f"{value:g}" for value in picture.rois[roi])
                raise UserError(
                    f"{picture.path}: the loss of ROI {roi + 1} ({box} in the padded square) is {value} in epoch "
                    f"{epoch + 1}: training stopped. {self._kept()}{_ADVICE}"
                )
            place -= len(rois)

    def _kept(self) -> str:
        return kept_checkpoint(self.checkpoint, len(self.history))

    def _check_memory(self, pad_size: int) -> tuple[float, float]:
        """Raise `UserError` when memory is short; return how many bytes the features may take, and of them on a GPU."""
        p, net = self.parameters, self.net
        most = max(len(picture.rois) for picture in self.pictures)
        of_picture = min(p.nn_roisPerImage or most, most)
        fitted = min(p.nn_fittedRois, sum(len(picture.rois) for picture in self.pictures)) * p.nn_fitScoreFirst
        needed, without_fit = (
            needed_bytes(
                net.spec, nr_classes=len(net.classes), pad_size=pad_size, train_conv_from=p.nn_trainConvFrom,
                rois_per_block=of_picture if net.trains_trunk else min(BLOCK, of_picture * p.cntk_mb_size),
                with_boxes=p.nn_bboxRegression, fitted_rois=count,
            )
            for count in (fitted, 0)
        )  # fmt: skip
        rois = "nn_roisPerImage" if p.nn_roisPerImage else "cntk_nrRois"
        lower = (rois, "cntk_padWidth (with cntk_padHeight)") if net.trains_trunk else (rois, "cntk_mb_size")
        if needed > without_fit:
            lower = ("nn_fittedRois", rois)
        free = free_bytes(net.device)
        require_memory(needed, free, device=net.device, lower=lower)
        if net.device.type == "cpu":
            return cache_limit(needed), 0.0
        return cache_limit(0), ((free or 0) - needed) / 2

    def _restore(self) -> None:
        found = Checkpoint.load(self.checkpoint, self.fingerprint) if self.checkpoint else None
        if found is None:
            return
        self.net.load_parameters(found.weights)
        with torch.no_grad():
            for name, velocity in zip(self.net.parameters, self.optimiser.velocities, strict=True):
                velocity.copy_(torch.from_numpy(found.velocities[name]))
        self.history = found.history
        log.info("Continuing after epoch %d of %d.", found.epochs_done, self.parameters.cntk_max_epochs)

    def _save(self) -> None:
        if self.checkpoint is None or self.processes.rank:
            return
        velocities = {
            name: velocity.cpu().numpy()
            for name, velocity in zip(self.net.parameters, self.optimiser.velocities, strict=True)
        }
        weights = self.net.parameter_arrays()
        Checkpoint(self.fingerprint, len(self.history), weights, velocities, self.history).save(self.checkpoint)
