"""What the network is trained to make small: cross entropy of the classes and smooth L1 of the boxes, summed over ROIs.

Girshick, Fast R-CNN (2015), section 2.3. Letters in shapes: N ROIs, C classes with background first.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Losses:
    """Of N ROIs, each (N,): cross entropy, smooth L1 of the box (0 for background), and whether the class is wrong."""

    classes: torch.Tensor
    boxes: torch.Tensor
    wrong: torch.Tensor


def roi_losses(
    scores: torch.Tensor,
    offsets: torch.Tensor | None,
    labels: torch.Tensor,
    targets: torch.Tensor | None,
    *,
    sigma: float = 1.0,
) -> Losses:
    """Return the losses of each ROI.

    scores: (N, C) raw. offsets: (N, 4 * C), (N, 4) where they are the same for all classes, or None without box
    regression. labels: (N,) int64. targets: (N, 4), read where the label is not background; only the four offsets of
    that class take part. sigma: of `smooth_l1`.
    """
    classes = functional.cross_entropy(scores, labels, reduction="none")
    wrong = scores.detach().argmax(dim=1) != labels
    if offsets is None or targets is None:
        return Losses(classes, torch.zeros_like(classes), wrong)
    of_class = offsets.unflatten(1, (-1, 4))
    which = labels if of_class.shape[1] > 1 else torch.zeros_like(labels)
    difference = of_class[torch.arange(len(labels), device=labels.device), which] - targets
    return Losses(classes, smooth_l1(difference, sigma=sigma).sum(dim=1) * (labels > 0), wrong)


def smooth_l1(difference: torch.Tensor, *, sigma: float = 1.0) -> torch.Tensor:
    """Return 0.5 (sigma x)^2 where |x| < 1 / sigma^2, else |x| - 0.5 / sigma^2: robust against the few that fit badly.

    sigma: 1 for the boxes of ROIs (Fast R-CNN), 3 for those of anchors (Faster R-CNN).
    """
    size, turn = difference.abs(), 1 / sigma**2
    return torch.where(size < turn, 0.5 * (sigma * difference) ** 2, size - 0.5 * turn)
