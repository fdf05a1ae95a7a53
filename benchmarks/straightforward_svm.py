"""SVM training as the published code does it, with liblinear through scikit-learn: what ours is compared with.

Each class's positives and negatives are plain arrays of their own, and LinearSVC is called whenever the published code
does. `simulate` makes up embeddings like those of a network with random filters: 4096 non-negative floats that point in
similar directions, with a part that depends on the object and one on the picture.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastRCNN.svm.model import SvmModel
from fastRCNN.svm.train_svms import SvmTraining

Pictures = Sequence[NDArray[np.float32]]


class StraightforwardClass:
    """The positives and the negative cache of one class, each a plain array that grows by stacking."""

    def __init__(self, positives: NDArray[np.float32], scale: float, options: SvmTraining, tolerance: float) -> None:
        from sklearn.svm import LinearSVC

        self.positives, self.scale, self.options = positives, scale, options
        self.negatives = np.zeros((0, positives.shape[1]), np.float32)
        self.nr_added = 0
        weight = options.positive_weight
        self.svm = LinearSVC(
            C=options.C,
            class_weight=weight if isinstance(weight, str) else {1: weight, -1: 1},
            intercept_scaling=options.intercept_scaling,
            penalty="l2",
            loss=options.loss,
            dual=True,
            random_state=3,
            tol=tolerance,
            max_iter=1000 if tolerance >= 1e-4 else 10_000_000,
        )

    def add(self, rows: NDArray[np.float32], force: bool = False) -> tuple[NDArray[np.float64], float] | None:
        """Append negatives, and retrain when it is time: return the weights for unscaled embeddings, and the bias."""
        self.negatives = np.vstack((self.negatives, rows))
        self.nr_added += len(rows)
        if self.nr_added <= self.options.retrain_limit and not force:
            return None
        self.nr_added = 0
        examples = np.vstack((self.positives, self.negatives)) * self.scale
        labels = np.concatenate((np.ones(len(self.positives)), -np.ones(len(self.negatives))))
        self.svm.fit(examples, labels)
        hard = self.svm.decision_function(examples)[len(self.positives) :] >= self.options.evict_threshold
        if hard.any():
            self.negatives = self.negatives[hard]
        return self.svm.coef_[0] * self.scale, float(self.svm.intercept_[0])


def straightforward(
    features: Pictures,
    overlaps: Pictures,
    options: SvmTraining,
    *,
    compat: str = "corrected",
    tolerance: float = 1e-4,
) -> SvmModel:
    """Return the SVMs, trained as the published code does it."""
    nr_classes = overlaps[0].shape[1]
    norms = [np.linalg.norm(rows.astype(np.float64), axis=1) for rows in features]
    scale = options.target_norm / np.concatenate(norms).mean()
    positives: list[list[NDArray[np.float32]]] = [[] for _ in range(nr_classes)]
    for rows, overlap in zip(features, overlaps, strict=True):
        for j in range(1, nr_classes):
            chosen = (overlap.argmax(axis=1) == j) & (overlap[:, j] >= options.positive_overlap)
            positives[j].append(np.array(rows[chosen]))
    trainers = {
        j: StraightforwardClass(np.vstack(positives[j]), scale, options, tolerance) for j in range(1, nr_classes)
    }
    weights, biases = np.zeros((nr_classes, features[0].shape[1])), np.zeros(nr_classes)
    for _ in range(options.nr_epochs):
        for rows, overlap in zip(features, overlaps, strict=True):
            scores = rows @ (weights / (scale if compat == "tutorial" else 1)).T + biases
            for j, trainer in trainers.items():
                hard = (scores[:, j] > options.hard_threshold) & (overlap[:, j] < options.negative_overlap)
                if hard.any() and (trained := trainer.add(rows[hard])):
                    weights[j], biases[j] = trained
    for j, trainer in trainers.items():
        weights[j], biases[j] = trainer.add(np.zeros((0, weights.shape[1]), np.float32), force=True)  # type: ignore[misc]
    return SvmModel(weights, biases, scale)


def simulate(
    rng: np.random.Generator, pictures: int, rois: int, classes: int, features: int
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
    """Return embeddings (rois, features) and overlaps (rois, classes + 1) of each picture, both float32."""
    latent = 48
    objects = rng.normal(size=(classes + 1, latent))
    mixing = rng.normal(size=(latent, features)) * np.exp(-np.arange(latent) / 16)[:, None]
    common = np.abs(rng.normal(size=features)) * 2
    embeddings, overlaps = [], []
    for _ in range(pictures):
        overlap = np.zeros((rois, classes + 1), np.float32)
        near = rng.random(rois) < 0.3
        shown = rng.integers(1, classes + 1, rois)
        overlap[near, shown[near]] = rng.uniform(0.05, 1, near.sum())
        inside = overlap.max(axis=1, keepdims=True)
        code = inside * objects[shown] + (1 - inside) * rng.normal(size=(rois, latent)) + 0.3 * rng.normal(size=latent)
        code += 0.4 * rng.normal(size=(rois, latent))
        noise = 0.3 * rng.normal(size=(rois, features))
        embeddings.append(np.maximum(code @ mixing + common + noise, 0).astype(np.float32))
        overlaps.append(overlap)
    return embeddings, overlaps
