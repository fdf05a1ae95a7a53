"""THE scoring function: how an embedding becomes one score per class, in mining, evaluation and single images alike.

Letters in shapes: N ROIs, C classes (0 is the background), D features.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastRCNN.svm.model import SvmModel


def score_rois(features: ArrayLike, model: SvmModel, *, compat: str = "corrected") -> NDArray[np.float32]:
    """Return the SVM scores, (N, C) float32, of the embeddings `features`, (N, D); above 0 means "is this class".

    Column 0, the background, is 0 for every ROI. One matrix product scores all classes.

    compat="corrected" gives the margin `f . W + b`, with W the stored weights (they contain the feature scale s), the
    function that training optimised. compat="tutorial" reproduces the published code, which divides by s what is
    already free of it: `(f / s) . W + b`, so that feature and bias have other proportions than in training.
    """
    features = np.asarray(features, dtype=np.float32)
    if features.ndim != 2 or features.shape[1] != model.feature_dimension:
        raise ValueError(f"features: expected shape (N, {model.feature_dimension}), got {features.shape}")
    weights = effective_weights(model, compat=compat)
    return features @ weights.T + model.biases.astype(np.float32)


def effective_weights(model: SvmModel, *, compat: str = "corrected") -> NDArray[np.float32]:
    """Return the (C, D) float32 weights that `score_rois` multiplies unscaled embeddings with."""
    if compat == "corrected":
        return model.weights.astype(np.float32)
    if compat == "tutorial":
        return (model.weights / model.feature_scale).astype(np.float32)
    raise ValueError(f"compat: expected 'corrected' or 'tutorial', got {compat!r}")


def softmax(scores: ArrayLike) -> NDArray[np.float32]:
    """Return the class probabilities, (N, C) float32, of the raw scores (N, C) of a network's last layer.

    The largest score of each ROI is subtracted first, so that no score overflows. (The published code has a branch for
    overflow that divides infinities; see DIFFERENCES.md.)
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] == 0:
        raise ValueError(f"scores: expected shape (N, C) with at least one class, got {scores.shape}")
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
