"""AlexNet for training: batch normalisation in every layer, low-rank fc6 and fc7, heads to throw away.

Kernels, strides and pads are those of CNTK's AlexNet. Local response normalisation is left out: batch normalisation
does its work while training and is folded into the plain weights at the end (`fold.py`). Each fully connected layer is
two linear ones with a narrow waist, trained like that from the start. Letters: N windows, R ROIs, C channels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from fastRCNN.network.roi_pooling_torch import roi_pool_torch

BINS = 6
OVERLAP_BINS = 10


@dataclass(frozen=True)
class Shape:
    """Layer widths: the defaults are AlexNet with a narrower trunk, for CPU hours, and waists of 256 in fc6 and fc7."""

    convolutions: tuple[int, int, int, int, int] = (64, 160, 256, 256, 256)
    features: int = 4096
    waist6: int = 256
    waist7: int = 256


GEOMETRY = (
    (11, 4, 0),
    (5, 1, 2),
    (3, 1, 1),
    (3, 1, 1),
    (3, 1, 1),
)  # kernel, stride, pad; max pooling 3/2 after the first two
INPUT_MEAN, INPUT_SCALE = 114.0, 1 / 64


class TrainingAlexNet(nn.Module):
    """Windows and ROIs in, embeddings out; `heads` maps embeddings to class, overlap and offset predictions."""

    def __init__(self, shape: Shape, classes: int) -> None:
        super().__init__()
        self.shape = shape
        widths = (3, *shape.convolutions)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(widths[k], widths[k + 1], kernel, stride, pad, bias=False)
            for k, (kernel, stride, pad) in enumerate(GEOMETRY)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in shape.convolutions)
        for norm in self.norms[:2]:
            norm.weight.requires_grad_(False)  # stays 1: max pooling stands before these two, see `maps`
        self.fc6_a = nn.Linear(shape.convolutions[-1] * BINS * BINS, shape.waist6, bias=False)
        self.fc6_b = nn.Linear(shape.waist6, shape.features, bias=False)
        self.norm6 = nn.BatchNorm1d(shape.features)
        self.fc7_a = nn.Linear(shape.features, shape.waist7, bias=False)
        self.fc7_b = nn.Linear(shape.waist7, shape.features, bias=False)
        self.norm7 = nn.BatchNorm1d(shape.features)
        self.design = nn.Linear(shape.features, classes + 1)  # background first
        self.identity = nn.Linear(shape.features, classes)  # which design, given that the box fits
        self.overlap = nn.Linear(shape.features, OVERLAP_BINS)
        self.geometry = nn.Linear(shape.features, 7)  # three fits, four offsets
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        self._smooth_first_filters()
        for head in (self.design, self.identity, self.overlap, self.geometry):
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)

    def _smooth_first_filters(self) -> None:
        """Blur conv1's random filters and keep their size: white noise of 11 x 11 hardly answers to pictures."""
        weight = self.convolutions[0].weight.data  # type: ignore[union-attr]
        smooth = functional.avg_pool2d(functional.avg_pool2d(weight, 3, 1, 1), 3, 1, 1)  # type: ignore[arg-type]
        weight.copy_(smooth * (weight.std() / smooth.std()))  # type: ignore[operator]

    def maps(self, windows: Tensor) -> Tensor:
        """Return conv5's maps, (N, C, H/16, W/16), of `windows` (N, 3, H, W) uint8 BGR."""
        x = ((windows.float() - INPUT_MEAN) * INPUT_SCALE).contiguous(memory_format=torch.channels_last)
        for k, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x = convolution(x)
            if k < 2:  # before the normalisation, whose gain is positive: the same maxima, a quarter of the work
                x = functional.max_pool2d(x, 3, 2)
            x = functional.relu(norm(x), inplace=True)
        return x

    def embed(self, pooled: Tensor) -> Tensor:
        """Return embeddings (R, 4096) of `pooled` ROIs (R, 6, 6, C)."""
        x = functional.relu(self.norm6(self.fc6_b(self.fc6_a(pooled.flatten(1)))))
        return functional.relu(self.norm7(self.fc7_b(self.fc7_a(x))))

    def forward(self, windows: Tensor, rois: Tensor, owner: Tensor) -> Tensor:
        return self.embed(roi_pool_torch(self.maps(windows), rois, owner, size=BINS))

    def heads(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return class (R, 1 + designs), identity (R, designs), overlap (R, 10) and geometry (R, 7), float32."""
        return (
            self.design(features).float(),
            self.identity(features).float(),
            self.overlap(features).float(),
            self.geometry(features).float(),
        )


def losses(
    outputs: tuple[Tensor, Tensor, Tensor, Tensor],
    label: Tensor,
    share: Tensor,
    fit: Tensor,
    offsets: Tensor,
    weight: Tensor,
) -> dict[str, Tensor]:
    """Return the five losses (scalars, means over ROIs of weight 1) of `outputs` against the targets as tensors.

    "class" knows the design and how well the box fits at once, "identity" the design of boxes that fit.
    """
    design, identity, overlap, geometry = outputs
    total = weight.sum().clamp(min=1)
    label = label.clamp(min=0)
    logarithms = functional.log_softmax(design, 1)
    own = logarithms.gather(1, label[:, None] + 1)[:, 0]
    class_loss = -(share * own + (1 - share) * logarithms[:, 0])
    identity_loss = functional.cross_entropy(identity, label, reduction="none") * share
    bins = (fit[:, 0] * OVERLAP_BINS).long().clamp(max=OVERLAP_BINS - 1)
    overlap_loss = functional.cross_entropy(overlap, bins, reduction="none")
    fit_loss = functional.smooth_l1_loss(geometry[:, :3], fit, beta=0.1, reduction="none").sum(1)
    near = (fit[:, 0] > 0.15).float() * weight
    offset_loss = functional.smooth_l1_loss(geometry[:, 3:], offsets.clamp(-2, 2), beta=0.1, reduction="none").sum(1)
    return {
        "class": (class_loss * weight).sum() / total,
        "identity": (identity_loss * weight).sum() / (share * weight).sum().clamp(min=1),
        "overlap": (overlap_loss * weight).sum() / total,
        "fit": (fit_loss * weight).sum() / total,
        "offsets": (offset_loss * near).sum() / total,
    }


LOSS_WEIGHTS = {"class": 1.0, "identity": 0.5, "overlap": 0.5, "fit": 1.0, "offsets": 0.5}
