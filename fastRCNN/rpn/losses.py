"""What training of a region proposal network makes small: whether an anchor is an object, and how it should move.

Ren et al., Faster R-CNN (2015), section 3.1.2, as CNTK and py-faster-rcnn compute it: cross entropy of object against
background, the mean over the anchors of the batch; smooth L1 with sigma 3 of the offsets of objects, summed and divided
by the size of a full batch. Letters in shapes: K anchors.
"""

import torch
from torch.nn import functional

from fastRCNN.nn.losses import smooth_l1

SIGMA = 3.0
_SAYS_NOTHING = -1


def objectness_loss(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean cross entropy, a scalar, of `scores` (K, 2) background, object, for `labels` (K,) 1, 0 or -1.

    Anchors with -1 take no part; without any other the loss is 0 (and has a gradient, which is 0).
    """
    counted = (labels != _SAYS_NOTHING).sum().clamp(min=1)
    return functional.cross_entropy(scores, labels.long(), ignore_index=_SAYS_NOTHING, reduction="sum") / counted


def offset_loss(
    offsets: torch.Tensor, labels: torch.Tensor, targets: torch.Tensor, *, batch_size: int = 256, sigma: float = SIGMA
) -> torch.Tensor:
    """Return the smooth L1 loss, a scalar, of `offsets` (K, 4) for `targets` (K, 4) where `labels` (K,) are 1."""
    shown = labels == 1
    return smooth_l1(offsets[shown] - targets[shown], sigma=sigma).sum() / batch_size
