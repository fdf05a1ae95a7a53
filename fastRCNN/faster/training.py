"""Training of Faster R-CNN: the region proposal network and the detector, together or in stages.

The steps of an epoch:

1. Shuffle the pictures; change each at random, by the seed, the epoch and its number alone.
2. For each minibatch of pictures (of one, mostly; of so many in each of several processes, see
   `fastRCNN.nn.processes`): add up the four losses and their gradients, then one step.
3. Check that all weights are finite; measure on the pictures that were held out, if any; write the checkpoint.

The same seed gives the same bytes on a CPU with the same number of threads, in one go or continued after a stop.
"""

import contextlib
import dataclasses
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastRCNN.engines.torch_device import exact_products
from fastRCNN.faster.changes import changed
from fastRCNN.faster.network import FasterNetwork, layer_of
from fastRCNN.faster.optimisers import Optimiser, RunningMean
from fastRCNN.faster.phases import Phase, phases
from fastRCNN.faster.pictures import AnnotatedPicture, PaddedPicture, as_it_is
from fastRCNN.faster.rates import rate_factors
from fastRCNN.faster.recipe import FasterTraining
from fastRCNN.faster.state import state_of, take_over
from fastRCNN.faster.steps import LOSSES, PictureLosses, picture_losses, proposals_on
from fastRCNN.faster.summary import SUMS, means_of, sums_of
from fastRCNN.faster.validation import measure
from fastRCNN.network.layers import every_layer
from fastRCNN.network.network import Network
from fastRCNN.network.rpn_spec import RpnSpec
from fastRCNN.nn.checkpoints import Checkpoint
from fastRCNN.nn.finite import kept_checkpoint, require_finite_weights
from fastRCNN.nn.learning_rate import rate_per_image
from fastRCNN.nn.processes import Processes
from fastRCNN.run_context import RunContext
from helpers.annotations import write_rois
from helpers.errors import UserError
from helpers.in_order import in_order

log = logging.getLogger(__name__)

_ADVICE = "A lower learning rate often helps: faster_lr_per_image, or faster_warmupEpochs"


@dataclass(frozen=True)
class Step:
    """One minibatch that was learnt from: the means of its pictures, and the epoch (from 1)."""

    epoch: int
    stage: str
    losses: dict[str, float]
    recall: float
    rate: float
    last: bool  # of its epoch, whose checkpoint is written

    def __str__(self) -> str:
        losses = " ".join(f"{name} {value:.3f}" for name, value in self.losses.items())
        return f"epoch {self.epoch} ({self.stage}) {losses} recall {self.recall:.1%} rate {self.rate:g}"


class FasterTrainer:
    """Trains a network on pictures: `run()` is an iterator for a progress bar, then `result()`."""

    def __init__(
        self,
        network: Network,
        pictures: Sequence[AnnotatedPicture],
        classes: tuple[str, ...],
        recipe: FasterTraining,
        rpn: RpnSpec,
        *,
        held: Sequence[AnnotatedPicture] = (),
        context: RunContext = RunContext(),  # noqa: B008 - frozen
        checkpoint: Path | None = None,
        fingerprint: str = "",
    ) -> None:
        """held: pictures that are only measured on. checkpoint: a file to continue from, where it fits `fingerprint`,
        and to write after each epoch."""
        self.pictures, self.held, self.recipe, self.context = list(pictures), list(held), recipe, context
        self.checkpoint, self.fingerprint = checkpoint, fingerprint
        self.processes = context.processes or Processes()
        self.net = FasterNetwork(
            network, classes, rpn, train_conv_from=recipe.faster_trainConvFrom,
            bbox_per_class=recipe.faster_bboxPerClass, dropout=recipe.faster_dropout, context=context,
        )  # fmt: skip
        self.processes.start_alike(self.net.parameters.values())
        self.trunk = frozenset(
            name for layer in every_layer(network.spec.trunk) if (name := getattr(layer, "name", None))
        )
        self.start = {name: array.copy() for name, array in self.net.parameter_arrays().items()}
        self.phases = phases(recipe)
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, NDArray[np.float32]] = {}
        self._begin(self.phases[0])
        self._restore()

    @property
    def nr_epochs(self) -> int:
        """How many epochs there are in all."""
        return sum(phase.epochs for phase in self.phases)

    @property
    def nr_steps(self) -> int:
        """How many minibatches `run` still learns from, at most."""
        per_epoch = -(-len(self.pictures) // (self.recipe.faster_mb_size * self.processes.count))
        return per_epoch * (self.nr_epochs - len(self.history))

    def run(self) -> Iterator[Step]:
        """Train all epochs that are left; yields after each minibatch. `UserError` where a loss is not finite."""
        first = 0
        if self._has_enough():
            return
        for number, phase in enumerate(self.phases):
            for epoch in range(max(len(self.history) - first, 0), phase.epochs):
                if epoch == 0 and number:
                    self._begin(phase)
                yield from self._epoch_with_record(phase, first + epoch, epoch)
                if self._has_enough():
                    log.info(
                        "No better on the held-out pictures for %d epoch(s): ends here.", self.recipe.faster_patience
                    )
                    return
            first += phase.epochs

    def result(self) -> Network:
        """Return the trained network: its last layer gives C raw scores, then 4 C offsets."""
        notes = {
            "training": dataclasses.asdict(self.recipe), "seed": self.context.seed,
            "started_from": self.net.source.spec.source,
        }  # fmt: skip
        return self.net.result(self.best or self._whole_mean(), notes=notes)

    def _begin(self, phase: Phase) -> None:
        """Start a phase: the optimiser and the running mean anew, which go on from the means of the phase before."""
        if self.history:
            self.net.load_parameters(self._whole_mean())
        if phase.anew:
            of_trunk = {name: array for name, array in self.start.items() if layer_of(name) in self.trunk}
            self.net.load_parameters({**self.net.parameter_arrays(), **of_trunk})
        p = self.recipe
        learning = {
            name: parameter for name, parameter in self.net.parameters.items()
            if phase.learns(layer_of(name), trunk=self.trunk)
        }  # fmt: skip
        rates = rate_factors(learning, self.net.spec, p)
        for name, parameter in self.net.parameters.items():
            parameter.requires_grad_(name in learning)
        self.optimiser = Optimiser(
            learning, rates, kind=p.faster_optimiser, momentum=p.faster_momentum, l2_weight=p.faster_l2_reg_weight,
            clip_norm=p.faster_clipNorm,
        )  # fmt: skip
        self.mean = RunningMean(learning, p.faster_ema)

    def _whole_mean(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights that count: the running means of what learns, the others as they are."""
        return {**self.net.parameter_arrays(), **self.mean.arrays()}

    def _epoch_with_record(self, phase: Phase, epoch: int, of_phase: int) -> Iterator[Step]:
        """Learn from all pictures once, and write down how it went. epoch: from 0; of_phase: in this phase."""
        begin = time.perf_counter()
        sums = np.zeros(len(SUMS))
        for step, of_step in self._epoch(phase, epoch, of_phase):
            sums += of_step
            if not step.last:
                yield step
        require_finite_weights(self.net.parameters, epoch + 1, self._kept() + _ADVICE)
        total, of_all = means_of(sums), dict(zip(SUMS, sums, strict=True))
        row = {
            "epoch": epoch + 1, "stage": phase.name, **total, "rate": step.rate, "pictures": int(of_all["pictures"]),
            "rois": int(of_all["rois"]),
        }  # fmt: skip
        if self.held:
            row |= self._measured(phase)
        self.history.append({**row, "seconds": time.perf_counter() - begin})
        if phase.proposes and of_phase + 1 == phase.epochs:
            self._propose(phase)
        self._save()
        yield dataclasses.replace(step, losses={name: total[name] for name in LOSSES}, recall=total["recall"])

    def _epoch(self, phase: Phase, epoch: int, of_phase: int) -> Iterator[tuple[Step, NDArray[np.float64]]]:
        p = self.recipe
        rng = np.random.default_rng([self.context.seed, epoch])
        self.net.generator.manual_seed(int(rng.integers(2**62)))
        order = rng.permutation(len(self.pictures))
        size = p.faster_mb_size * self.processes.count
        batches = [order[first : first + size].tolist() for first in range(0, len(order), size)]
        mine = [self.processes.mine(batch) for batch in batches]
        views = in_order(partial(self._view, epoch), chain.from_iterable(mine), threads=self.net.engine.readers)
        for first, batch, numbers in zip(range(0, len(order), size), batches, mine, strict=True):
            losses_of = [self._learn(number, *next(views), phase, epoch, len(batch)) for number in numbers]
            sums = self.processes.added_up(sums_of(losses_of))
            self.processes.add_gradients(self.optimiser.parameters.values())
            rate = self._rate(phase, of_phase, (first + len(batch)) / len(order))
            self.optimiser.step(rate)
            self.mean.step()
            total = means_of(sums)
            losses = {name: total[name] for name in LOSSES}
            yield Step(epoch + 1, phase.name, losses, total["recall"], rate, first + len(batch) == len(order)), sums

    def _rate(self, phase: Phase, epoch: int, progress: float) -> float:
        """The learning rate: by epoch, rising during the warm-up, and falling to 0 along a cosine where wanted."""
        p = self.recipe
        rate = rate_per_image(phase.rates, epoch, progress=progress, warmup_epochs=p.faster_warmupEpochs)
        done = (epoch + progress) / phase.epochs
        return rate * float(1 + np.cos(np.pi * done)) / 2 if p.faster_cosine else rate

    def _view(self, epoch: int, number: int) -> tuple[PaddedPicture, np.random.Generator]:
        """Return a picture as it is learnt from in an epoch, and what decides all else that is random about it."""
        picture, p = self.pictures[number], self.recipe
        rng = np.random.default_rng([self.context.seed, epoch, number])
        if p.compat == "tutorial":  # whole epochs are mirrored, in turn
            view = as_it_is(picture, self.context.pad_size, flip=p.faster_flip and epoch % 2 == 1)
            view = dataclasses.replace(view, objects=np.rint(view.objects))
        else:
            view = changed(picture, self.context.pad_size, rng, p.jitter, others=self.pictures)
        return view, rng

    def _learn(
        self, number: int, view: PaddedPicture, rng: np.random.Generator, phase: Phase, epoch: int, batch: int
    ) -> PictureLosses:
        """Add the gradients of a picture, of a minibatch of `batch`; return its losses."""
        picture, p = self.pictures[number], self.recipe
        with exact_products(self.net.device, self.net.precision):
            with self._mixed_precision():
                found = picture_losses(self.net, view, rng, p, rpn=phase.rpn, detector=phase.detector)
            if not found.losses:  # neither an object nor background is left for the part that learns
                return found
            total = torch.stack(list(found.losses.values())).sum()
            if not bool(torch.isfinite(total)):
                self._stop_not_finite(picture, found, epoch)
            (total / batch).backward()
        return dataclasses.replace(found, losses={name: loss.detach() for name, loss in found.losses.items()})

    def _mixed_precision(self) -> contextlib.AbstractContextManager[Any]:
        """Convolutions and linear layers in bfloat16 where that is asked for; weights and updates stay float32."""
        if self.net.precision == "bfloat16":
            return torch.autocast(self.net.device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def with_means(self) -> Iterator[None]:
        """The network has its running means while this is open."""
        own = {name: array.copy() for name, array in self.net.parameter_arrays().items()}
        self.net.load_parameters(self._whole_mean())
        self.net.head.eval()
        try:
            yield
        finally:
            self.net.load_parameters(own)
            self.net.head.train()

    def _measured(self, phase: Phase) -> dict[str, float]:
        """Return what the held-out pictures say; keep the weights that are the best so far, of the last phase."""
        with self.with_means():
            found = measure(self.net, self.held, self.recipe, self.context.pad_size)
            before = [row["validation_mAP"] for row in self.history if row["stage"] == phase.name]
            if phase is self.phases[-1] and found["validation_mAP"] > max(before, default=-1.0):
                self.best = {name: array.copy() for name, array in self.net.parameter_arrays().items()}
        return found

    def _has_enough(self) -> bool:
        """Whether the held-out pictures have got no better for so many epochs."""
        patience, values = self.recipe.faster_patience, [row.get("validation_mAP", 0.0) for row in self.history]
        if not values or not self.held or not patience or self.recipe.faster_training != "e2e":
            return False
        return self.processes.agree(len(values) - 1 - int(np.argmax(values)) >= patience)

    def _propose(self, phase: Phase) -> None:
        """Keep what the RPN proposes for every training picture, not mirrored, in whole pixels of the original.

        Also to look at: proposals_faster/<stage>/<folder>/<picture>.roi.txt beside the checkpoint.
        """
        with self.with_means():
            for number, picture in enumerate(self.pictures):
                view = as_it_is(picture, self.context.pad_size)
                rules = self.recipe.proposal_rules(view.scale)
                found = proposals_on(self.net, view, self.recipe, rules=rules).boxes
                boxes = np.rint(view.in_original(found)) + 0.0  # no -0
                self.pictures[number] = dataclasses.replace(picture, proposals=boxes)
                if self.checkpoint is not None and picture.part is None and self.context.writes:
                    folder = self.checkpoint.parent / "proposals_faster" / phase.name.replace(" ", "_")
                    write_rois(folder / picture.path.parent.name / f"{picture.path.stem}.roi.txt", boxes)

    def _stop_not_finite(self, picture: AnnotatedPicture, found: PictureLosses, epoch: int) -> None:
        losses = ", ".join(f"{name} {float(loss.detach()):g}" for name, loss in found.losses.items())
        boxes = "; ".join(" ".join(f"{value:g}" for value in box) for box in picture.objects) or "none"
        raise UserError(
            f"{picture.path}: the losses are {losses} in epoch {epoch + 1}: training stopped. Its annotated boxes: "
            f"{boxes}. {self._kept()}{_ADVICE}"
        )

    def _kept(self) -> str:
        return kept_checkpoint(self.checkpoint, len(self.history))

    def _restore(self) -> None:
        found = Checkpoint.load(self.checkpoint, self.fingerprint) if self.checkpoint else None
        if found is None:
            return
        first = 0
        for phase in self.phases:  # the one whose last epoch was done
            if found.epochs_done <= first + phase.epochs:
                break
            first += phase.epochs
        self._begin(phase)
        self.best, kept = take_over(found, self.net, self.optimiser, self.mean)
        for number, boxes in kept.items():
            self.pictures[number] = dataclasses.replace(self.pictures[number], proposals=boxes)
        self.history = found.history
        log.info("Continuing after epoch %d of %d.", found.epochs_done, self.nr_epochs)

    def _save(self) -> None:
        if self.checkpoint is not None and self.context.writes:
            state = state_of(
                self.net, self.optimiser, self.mean, best=self.best, history=self.history,
                proposals=[picture.proposals for picture in self.pictures], fingerprint=self.fingerprint,
            )  # fmt: skip
            state.save(self.checkpoint)
