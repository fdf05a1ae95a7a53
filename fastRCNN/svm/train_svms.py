"""R-CNN's training of one linear SVM per class on embeddings, with hard negative mining.

Girshick et al., "Rich feature hierarchies for accurate object detection and semantic segmentation", CVPR 2014, as
`tools/train_svms.py` of py-faster-rcnn and `fastRCNN/train_svms.py` of the published tutorial run it:

1. Positives of a class: every ROI that overlaps an annotated object of this class most, by `positive_overlap` or more.
   The annotated boxes are among the ROIs. They stay in memory.
2. The feature scale brings the mean norm of the embeddings to `target_norm`, so that one C fits any network.
3. Pictures pass in order, `nr_epochs` times. Hard negatives of a class are ROIs that score above `hard_threshold` and
   overlap each object of the class by less than `negative_overlap`; they join the cache of the class.
4. When more than `retrain_limit` negatives joined since the last time, and more than the part `retrain_growth` of those
   in the cache, the class is trained on its positives and its cache; then negatives that score below `evict_threshold`
   leave the cache (if that does not empty it).
5. After the last picture every class is trained once more.

The published code retrains at every `retrain_limit` negatives, so its work grows with the square of the pictures where
most negatives stay in the cache; `retrain_growth` changes nothing until a cache holds 4000 of them. Where the examples
in play do not fit into `max_bytes`, a random part stands for all, with the weight of all: from the classes with most
examples as many leave as must.

A negative that is still in the cache when it is found again (in the second pass) joins again, as in the published
code, and counts twice. Here it is held once, with a count; the weights are the same.
Letters in shapes: n_i ROIs of picture i, C classes (0 is the background), D features.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from fastRCNN.svm.checkpoint import SvmCheckpoint
from fastRCNN.svm.examples import Examples, make_fit
from fastRCNN.svm.feature_pool import FeaturePool, key_of, lots
from fastRCNN.svm.linear_svm import solve
from fastRCNN.svm.model import SvmModel
from fastRCNN.svm.positives import names_of, positives_of, trainable_classes
from fastRCNN.svm.reading import dimension_of, in_order
from fastRCNN.svm.scoring import score_rois
from helpers.console import progress
from helpers.errors import UserError

_log = logging.getLogger(__name__)
_PICTURES_FOR_SCALE = 100
_NEVER = -1000.0  # bias of a class that is skipped: far below the background's score, which is 0


@dataclass(frozen=True)
class SvmTraining:
    """The parameters of step 4, with the published values.

    C, intercept_scaling, positive_weight: svm_C, svm_B and svm_posWeight. "balanced" gives positives and negatives
        the same total weight; a number is the weight of a positive relative to a negative.
    loss: svm_loss, "hinge" or "squared_hinge".
    nr_epochs, retrain_limit, retrain_growth, evict_threshold, target_norm: svm_nrEpochs, svm_retrainLimit,
        svm_retrainGrowth, svm_evictThreshold, svm_targetNorm.
    max_bytes: svm_maxMemory, of embeddings held at once.
    seed: svm_rngSeed; it chooses the pictures for the feature scale when there are more than 100, and the examples that
        stand for all when they do not fit into memory.
    hard_threshold, negative_overlap: a hard negative scores above the one and overlaps less than the other.
    positive_overlap: train_posOverlapThres.
    skip_classes_without_positives: give such a class weights 0 and a bias of -1000, so that it is never detected,
        instead of stopping.
    """

    C: float = 0.001
    intercept_scaling: float = 10.0
    nr_epochs: int = 2
    retrain_limit: int = 2000
    retrain_growth: float = 0.5
    evict_threshold: float = -1.1
    positive_weight: float | str = "balanced"
    loss: str = "hinge"
    target_norm: float = 20.0
    hard_threshold: float = -1.0001
    negative_overlap: float = 0.3
    positive_overlap: float = 0.5
    seed: int = 3
    max_bytes: float = 2e9
    skip_classes_without_positives: bool = False

    @classmethod
    def choose(cls, parameters: Mapping[str, Any]) -> "SvmTraining":
        """Return those of `parameters` (by the tutorial's names) that concern the training."""
        p = parameters
        return cls(
            C=p["svm_C"], intercept_scaling=p["svm_B"], nr_epochs=p["svm_nrEpochs"],
            retrain_limit=p["svm_retrainLimit"], retrain_growth=p["svm_retrainGrowth"],
            max_bytes=p["svm_maxMemory"] * 1e9, evict_threshold=p["svm_evictThreshold"],
            positive_weight=p["svm_posWeight"], loss=p["svm_loss"], target_norm=p["svm_targetNorm"],
            hard_threshold=p["svm_hardNegativeScore"], negative_overlap=p["svm_hardNegativeOverlap"],
            positive_overlap=p["train_posOverlapThres"], seed=p["svm_rngSeed"],
            skip_classes_without_positives=p["svm_skipClassesWithoutPositives"],
        )  # fmt: skip

    def __post_init__(self) -> None:
        for name in ("C", "intercept_scaling", "target_norm", "positive_overlap", "negative_overlap", "max_bytes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: expected a number above 0, got {getattr(self, name)}")
        for name in ("nr_epochs", "retrain_limit"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if self.loss not in ("hinge", "squared_hinge"):
            raise ValueError(f"loss: expected 'hinge' or 'squared_hinge', got {self.loss!r}")
        weight = self.positive_weight
        if weight != "balanced" and not (isinstance(weight, int | float) and weight > 0):
            raise ValueError(f"positive_weight: expected 'balanced' or a number above 0, got {weight!r}")


@dataclass(frozen=True)
class ClassReport:
    """What one training of one class came to.

    nr_negatives counts cached negatives, repeated ones included, before easy ones leave; `kept` is what stays. Where a
    part stands for all, the numbers are those of all.
    accuracy is the mean of the two shares that score on the right side of 0. loss is the SVM's objective.
    """

    class_index: int
    nr_positives: int
    nr_negatives: int
    kept: int
    positives_wrong: int
    negatives_wrong: int
    accuracy: float
    loss: float
    seconds: float


def train_svms(
    features: Sequence[NDArray[np.float32]],
    overlaps: Sequence[NDArray[np.float32]],
    *,
    parameters: SvmTraining | None = None,
    compat: str = "corrected",
    class_names: Sequence[str] | None = None,
    jobs: int = 1,
    on_epoch: Callable[[int, SvmModel], None] | None = None,
    on_trained: Callable[[ClassReport], None] | None = None,
    on_features: Callable[[int, NDArray[np.float32]], None] | None = None,
    checkpoint: SvmCheckpoint | None = None,
) -> SvmModel:
    """Return the SVMs of all classes.

    features: per picture the embeddings of its real ROIs, (n_i, D) float32; read again in each pass
        (`fastRCNN.svm.reading`).
    overlaps: per picture (n_i, C) float32, the best IoU of each ROI with an annotated object of each class.
    compat: "tutorial" mines with the published, mis-scaled score (`fastRCNN.svm.scoring`).
    jobs: classes trained at the same time; it does not change the result.
    on_epoch: called after each pass with its number and the SVMs so far.
    on_trained: called after each training of a class.
    on_features: called in the first pass with the number and the embeddings of each picture that it reads, those with
        positives at least; not where a checkpoint is behind it.
    checkpoint: written after the positives and after each pass; where there is one, the training goes on from it.

    Raises `UserError` that names all classes without positives before any embedding is read.
    """
    parameters = parameters or SvmTraining()
    if len(features) != len(overlaps):
        raise ValueError(f"expected overlaps for each picture, got {len(features)} features, {len(overlaps)} overlaps")
    if len(features) == 0:
        raise UserError("No pictures to train SVMs on. Put annotated pictures into positive/ and run steps 1 to 3.")
    classes = trainable_classes(
        overlaps, parameters.positive_overlap, class_names, skip=parameters.skip_classes_without_positives
    )
    training = _Training(features, overlaps, parameters, compat, classes, jobs, on_trained)
    passes = checkpoint.restore(training) if checkpoint else None
    if passes is None:
        passes = []
        training.collect_positives(on_features)
        if checkpoint:
            checkpoint.save(training, passes)
    for epoch in range(parameters.nr_epochs):
        if epoch == len(passes):
            training.mine(epoch)
            passes.append(training.model())
            if checkpoint:
                checkpoint.save(training, passes)
        if on_epoch is not None:
            on_epoch(epoch, passes[epoch])
    without = [j for j, examples in training.classes.items() if not examples.counts.any()]
    if without:
        names = ", ".join(names_of(without, class_names))
        raise UserError(
            f"No negative example was found for: {names}. Every ROI overlaps such an object by "
            f"{parameters.negative_overlap} or more. Raise cntk_nrRois, the number of ROIs of a picture (its annotated "
            "objects are the first of them), and run steps 2 and 3 again, or add pictures to negative/"
        )
    training.retrain(classes)
    return training.model()


class _Training:
    def __init__(
        self,
        features: Sequence[NDArray[np.float32]],
        overlaps: Sequence[NDArray[np.float32]],
        parameters: SvmTraining,
        compat: str,
        classes: list[int],
        jobs: int,
        on_trained: Callable[[ClassReport], None] | None,
    ) -> None:
        self.features, self.overlaps, self.parameters, self.compat = features, overlaps, parameters, compat
        self.jobs, self.on_trained = max(1, jobs), on_trained
        dimension, nr_classes = dimension_of(features), overlaps[0].shape[1]
        self.pool = FeaturePool(dimension)
        self.limit = max(int(parameters.max_bytes) // (4 * dimension), 2 * nr_classes)  # rows
        self.classes = {j: Examples(self.pool) for j in classes}
        self.nr_added = dict.fromkeys(classes, 0)  # negatives, since the class was trained
        self.nr_trained = dict.fromkeys(classes, 0)  # negatives in its cache then
        self.scale = 1.0
        self.weights = np.zeros((nr_classes, dimension))
        self.biases = np.zeros(nr_classes)
        self.biases[[j for j in range(1, nr_classes) if j not in self.classes]] = _NEVER
        self._model: SvmModel | None = None

    def model(self) -> SvmModel:
        if self._model is None:
            self._model = SvmModel(self.weights, self.biases, self.scale)
        return self._model

    def collect_positives(self, on_features: Callable[[int, NDArray[np.float32]], None] | None) -> None:
        """Steps 1 and 2, in one pass over the pictures."""
        nr_pictures = len(self.features)
        rng = np.random.default_rng(self.parameters.seed)
        measured = (
            set(range(nr_pictures))
            if nr_pictures <= _PICTURES_FOR_SCALE
            else set(rng.choice(nr_pictures, _PICTURES_FOR_SCALE, replace=False).tolist())
        )
        total, count = 0.0, 0
        shows = [positives_of(overlap, self.parameters.positive_overlap)[1].any() for overlap in self.overlaps]
        wanted = [i for i in range(nr_pictures) if i in measured or shows[i]]
        for i, features in zip(wanted, progress(self._read(wanted), "positives", len(wanted)), strict=True):
            best, positive = positives_of(self.overlaps[i], self.parameters.positive_overlap)
            rows = np.flatnonzero(positive)
            if i in measured:
                total += np.sqrt(np.einsum("nd,nd->n", features, features)).sum(dtype=np.float64)
                count += len(features)
            drawn = lots(key_of(i, rows), self.parameters.seed)
            chosen = {
                j: rows[(best[rows] == j) & (drawn < examples.positive_share)] for j, examples in self.classes.items()
            }
            self._add(i, features, chosen, Examples.add_positives)
            if on_features is not None:
                on_features(i, features)
        if not (np.isfinite(total) and total > 0):
            raise UserError(
                "The embeddings of the training ROIs are all zero, or not finite: the network does not fit the "
                "pictures. Run 3_runCntk.py again, with another weight file."
            )
        self.scale = self.parameters.target_norm / (total / count)

    def mine(self, epoch: int) -> None:
        """Steps 3 and 4: one pass over the pictures."""
        title = f"mining, pass {epoch + 1} of {self.parameters.nr_epochs}"
        everything = range(len(self.features))
        for i, features in enumerate(progress(self._read(everything), title, len(everything))):
            overlap = self.overlaps[i]
            scores = score_rois(features, self.model(), compat=self.compat)
            hard = (scores > self.parameters.hard_threshold) & (overlap < self.parameters.negative_overlap)
            drawn = lots(key_of(i, np.arange(len(features))), self.parameters.seed)
            chosen = {
                j: np.flatnonzero(hard[:, j] & (drawn < examples.negative_share))
                for j, examples in self.classes.items()
            }
            self._add(i, features, chosen, Examples.add_negatives)
            for j, rows in chosen.items():
                self.nr_added[j] += len(rows)
            self.retrain([j for j in self.classes if self.nr_added[j] > self._enough(j)])

    def _add(
        self,
        picture: int,
        features: NDArray[np.float32],
        chosen: Mapping[int, NDArray[np.int64]],
        add: Callable[[Examples, NDArray[np.int64]], None],
    ) -> None:
        """Give each class its `chosen` rows of a picture; where they do not fit, some examples have to leave."""
        rows = np.unique(np.concatenate(list(chosen.values())))
        slots = self.pool.put(features, rows, picture)
        for j, of_class in chosen.items():
            if len(of_class):
                add(self.classes[j], slots[np.searchsorted(rows, of_class)])
        if self.pool.nr_used > self.limit:
            if all(examples.positive_share == examples.negative_share == 1 for examples in self.classes.values()):
                _log.info("The SVMs' examples need more than svm_maxMemory: a random part stands for all.")
            drawn = lots(self.pool.keys, self.parameters.seed)
            make_fit(list(self.classes.values()), self.pool, self.limit, drawn)

    def _enough(self, j: int) -> float:
        """Return how many negatives may join a class before it is trained again."""
        growth = self.parameters.retrain_growth if self.compat != "tutorial" else 0
        return max(self.parameters.retrain_limit, growth * self.nr_trained[j])

    def retrain(self, classes: list[int]) -> None:
        """Step 4 for these classes, which do not depend on each other."""
        if not classes:
            return
        with threadpool_limits(limits=1), ThreadPoolExecutor(self.jobs) as executor:
            for j, result in zip(classes, executor.map(self._train_class, classes), strict=True):
                self.weights[j], self.biases[j], easy, report = result
                examples = self.classes[j]
                examples.drop_negatives(easy)
                self.nr_added[j], self.nr_trained[j] = 0, int(examples.counts.sum())
                if self.on_trained is not None:
                    self.on_trained(report)
        self._model = None

    def _train_class(self, j: int) -> tuple[NDArray[np.float64], float, NDArray[np.int64], ClassReport]:
        """Return weights, bias, the slots of the negatives that have become easy, and a report."""
        started = time.perf_counter()
        examples, options = self.classes[j], self.parameters
        positives, negatives = np.flatnonzero(examples.positive), np.flatnonzero(examples.counts)
        counts = examples.counts[negatives] / examples.negative_share  # of all that they stand for
        signs = np.concatenate([np.ones(len(positives)), -np.ones(len(negatives))])
        nr_positives, nr_negatives = len(positives) / examples.positive_share, float(counts.sum())
        positive_weight, negative_weight = self._class_weights(nr_positives, nr_negatives)
        costs = options.C * np.concatenate(
            [np.full(len(positives), positive_weight / examples.positive_share), negative_weight * counts]
        )
        solution = solve(
            self.pool.rows, np.concatenate([positives, negatives]), signs, costs, scale=self.scale,
            intercept_scaling=options.intercept_scaling, loss=options.loss,
            start=(self.weights[j], self.biases[j]) if self.weights[j].any() else None,
        )  # fmt: skip
        weights, bias = solution.weights, solution.bias
        of_positives, of_negatives = np.split(solution.margins, [len(positives)])
        stays = of_negatives >= options.evict_threshold
        if not stays.any():
            stays[:] = True
        regular = 0.5 * float(weights @ weights) / self.scale**2 + 0.5 * (bias / options.intercept_scaling) ** 2
        hinge = np.maximum(0, 1 - signs * solution.margins)
        positives_wrong = float((of_positives < 0).sum() / examples.positive_share)
        negatives_wrong = float(counts[of_negatives > 0].sum())
        report = ClassReport(
            class_index=j,
            nr_positives=round(nr_positives),
            nr_negatives=round(nr_negatives),
            kept=round(counts[stays].sum()),
            positives_wrong=round(positives_wrong),
            negatives_wrong=round(negatives_wrong),
            accuracy=1 - 0.5 * positives_wrong / nr_positives - 0.5 * negatives_wrong / nr_negatives,
            loss=float(regular) + float(costs @ hinge ** (2 if options.loss == "squared_hinge" else 1)),
            seconds=time.perf_counter() - started,
        )
        return weights, bias, negatives[~stays], report

    def _class_weights(self, nr_positives: float, nr_negatives: float) -> tuple[float, float]:
        if isinstance(self.parameters.positive_weight, str):
            half = (nr_positives + nr_negatives) / 2
            return half / nr_positives, half / nr_negatives
        return float(self.parameters.positive_weight), 1.0

    def _read(self, pictures: Sequence[int]) -> Iterator[NDArray[np.float32]]:
        """Yield the embeddings of each of `pictures`."""
        for i, features in zip(pictures, in_order(self.features, pictures), strict=True):
            expected = len(self.overlaps[i]), self.weights.shape[1]
            if features.shape != expected:
                raise ValueError(f"picture {i}: expected embeddings of shape {expected}, got {features.shape}")
            yield features
