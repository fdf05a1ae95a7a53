"""What a wrong answer costs: as in `resources/train_alexnet`, with families, and with things that have no design.

Letters: R ROIs, D designs, F families.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from resources.train_residual.network import OVERLAP_BINS

WEIGHTS = {"class": 1.0, "identity": 0.5, "family": 0.5, "overlap": 0.5, "fit": 1.0, "offsets": 0.5}


@dataclass(frozen=True)
class Truth:
    """Targets of R ROIs as tensors, see `resources/train_alexnet/targets.py`; `label` and `families`: `designs.py`."""

    label: Tensor
    share: Tensor
    fit: Tensor
    offsets: Tensor
    weight: Tensor
    families: Tensor
    """(D + F,): the family of each label."""


def losses(said: dict[str, Tensor], truth: Truth) -> dict[str, Tensor]:
    """Return the six losses (scalars) of what `Heads` said; means over ROIs of weight 1, or over those that fit.

    "class": which design and how well the box fits, at once; a thing without a design may be any, but not background.
    "identity" and "family": which of them, of boxes that fit.
    """
    designs = said["identity"].shape[1]
    weight, fits = truth.weight, truth.share * truth.weight
    total = weight.sum().clamp(min=1)
    label = truth.label.clamp(min=0)
    known = (label < designs) & (truth.label >= 0)
    design = torch.where(known, label, 0)
    logarithms = functional.log_softmax(said["design"], 1)
    own = torch.where(known, logarithms.gather(1, design[:, None] + 1)[:, 0], logarithms[:, 1:].logsumexp(1))
    class_loss = -(truth.share * own + (1 - truth.share) * logarithms[:, 0])
    of_known = fits * known
    identity = functional.cross_entropy(said["identity"], design, reduction="none") * of_known
    family = functional.cross_entropy(said["family"], truth.families[label], reduction="none") * fits
    bins = (truth.fit[:, 0] * OVERLAP_BINS).long().clamp(max=OVERLAP_BINS - 1)
    overlap = functional.cross_entropy(said["overlap"], bins, reduction="none")
    fit = functional.smooth_l1_loss(said["geometry"][:, :3], truth.fit, beta=0.1, reduction="none").sum(1)
    wanted = truth.offsets.clamp(-2, 2)
    offsets = functional.smooth_l1_loss(said["geometry"][:, 3:], wanted, beta=0.1, reduction="none").sum(1)
    near = (truth.fit[:, 0] > 0.15) * weight
    return {
        "class": (class_loss * weight).sum() / total,
        "identity": identity.sum() / of_known.sum().clamp(min=1),
        "family": family.sum() / fits.sum().clamp(min=1),
        "overlap": (overlap * weight).sum() / total,
        "fit": (fit * weight).sum() / total,
        "offsets": (offsets * near).sum() / total,
    }


def right(said: dict[str, Tensor], truth: Truth) -> dict[str, Tensor]:
    """Return the shares of boxes that fit whose design, and whose family, is named rightly."""
    good = (truth.share > 0.5) & (truth.weight > 0)
    known = good & (truth.label < said["identity"].shape[1])
    design = said["identity"].argmax(1) == truth.label
    family = said["family"].argmax(1) == truth.families[truth.label.clamp(min=0)]
    return {
        "named": (design & known).sum() / known.sum().clamp(min=1),
        "family_named": (family & good).sum() / good.sum().clamp(min=1),
    }
