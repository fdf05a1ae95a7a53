"""The network that learns to propose: AlexNet's trunk, trained further, and what proposes on it.

It looks at a picture at several sizes, each half the last; at each it finds things of one octave and a little more. So
three scales of anchors are enough, and what it learns of a size holds for all. Letters: B windows, K anchors, A of a
cell, G things.
"""

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from fastRCNN.engines.torch_layers import build_layers
from fastRCNN.network.network import Network
from fastRCNN.network.rpn_spec import Anchor, RpnSpec
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.rpn.anchors import anchors_of_map
from helpers.boxes import iou_matrix, widths_heights
from resources.train_proposals.windows import IN_RANGE

SCALES = (34.0, 48.0, 68.0)  # square root of an anchor's area, pixels
RATIOS = (0.35, 0.6, 1.0, 1.67, 2.85)  # width : height
SIDES = (800, 400, 200, 100)  # of the picture, the longer one


def anchors_of(centre: float) -> tuple[Anchor, ...]:
    """Return the anchors of the first cell, around `centre` pixels."""
    found = []
    for scale in SCALES:
        for ratio in RATIOS:
            half = scale * ratio**0.5 / 2, scale / ratio**0.5 / 2
            corners = centre - half[0], centre - half[1], centre + half[0] - 1, centre + half[1] - 1
            found.append(tuple(round(v, 2) for v in corners))
    return tuple(found)  # type: ignore[arg-type]


def start_network(bundled: Network, seed: int, channels: int = 256) -> Network:
    """Return the trunk of `bundled` with a region proposal network of random weights, `channels` wide, and no head."""
    rpn = RpnSpec(
        anchors_of(bundled.spec.first_centre), channels, before_nms=1000, after_nms=1000, nms_threshold=0.7,
        min_side=4.0, sides=SIDES,
    )  # fmt: skip
    spec = dataclasses.replace(bundled.spec, head=(), classes=None, notes={}, rpn=rpn, source_sha256=None)
    rng = np.random.default_rng(seed)
    arrays: dict[str, NDArray[np.float32]] = {}
    for name, shape in spec.weight_shapes().items():
        if name.startswith("rpn_"):
            deviation = (2 / np.prod(shape[1:])) ** 0.5 if name == "rpn_conv" else 0.01
            arrays[f"{name}.weight"] = (deviation * rng.standard_normal(shape)).astype(np.float32)
            arrays[f"{name}.bias"] = np.zeros(shape[0], np.float32)
        else:
            arrays[f"{name}.weight"] = np.array(bundled.weight(name))
            arrays[f"{name}.bias"] = np.array(bundled.bias(name))
    arrays["rpn_cls.bias"][len(rpn.anchors) :] = -4.0  # nearly all anchors are background
    return Network(spec, arrays)


class TrainingProposer(nn.Module):
    """Windows in, a score and four offsets for each anchor out."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.spec: NetworkSpec = network.spec
        assert network.spec.rpn is not None
        self.rpn = network.spec.rpn
        self.trunk = build_layers(network, self.spec.trunk)
        self.conv, self.cls, self.box = (
            build_layers(network, layers) for layers in (self.rpn.conv, self.rpn.cls, self.rpn.box)
        )
        self.mean: Tensor
        self.register_buffer("mean", torch.tensor(self.spec.input.mean)[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor(self.spec.input.scale)[:, None, None], persistent=False)

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (B, K), how much more object than background, and offsets (B, K, 4) for (B, 3, S, S) uint8."""
        pixels = ((windows.float() - self.mean) * self.scale).contiguous(memory_format=torch.channels_last)
        seen = self.conv(self.trunk(pixels))
        said, moves = self.cls(seen).float(), self.box(seen).float()
        count = len(self.rpn.anchors)
        both = said.unflatten(1, (2, count))
        scores = (both[:, 1] - both[:, 0]).permute(0, 2, 3, 1).flatten(1)
        return scores, moves.unflatten(1, (count, 4)).permute(0, 3, 4, 1, 2).flatten(1, 3)

    def anchors(self, side: int) -> NDArray[np.float64]:
        """Return the anchors (K, 4) of a window of `side` pixels."""
        with torch.no_grad():
            cells = self.trunk(torch.zeros(1, 3, side, side, device=self.mean.device)).shape[-1]
        return anchors_of_map(np.array(self.rpn.anchors), cells, cells, stride=self.spec.stride)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the weights under their names in a weight file."""
        found = {}
        for part in (self.trunk, self.conv, self.cls, self.box):
            for module in part.modules():
                if hasattr(module, "layer_name"):
                    found[f"{module.layer_name}.weight"] = module.weight.detach().cpu().numpy().copy()
                    found[f"{module.layer_name}.bias"] = module.bias.detach().cpu().numpy().copy()
        return found


def overlaps(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return IoU and generalised IoU (..., ) of boxes (..., 4) x1 y1 x2 y2 whose right and bottom are exclusive."""

    def area(boxes: Tensor) -> Tensor:
        return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)

    inner = area(torch.cat([torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])], -1))
    outer = area(torch.cat([torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])], -1))
    union = (area(a) + area(b) - inner).clamp(min=1e-6)
    iou = inner / union
    return iou, iou - (outer - union) / outer.clamp(min=1e-6)


def moved(anchors: Tensor, offsets: Tensor) -> Tensor:
    """Return `anchors` (..., 4), right and bottom exclusive, moved by tx ty tw th as `fastRCNN.boxes.decode` does."""
    sizes = anchors[..., 2:] - anchors[..., :2]
    centres = anchors[..., :2] + sizes / 2 + offsets[..., :2] * sizes
    half = torch.exp(offsets[..., 2:].clamp(-4, 4)) * sizes / 2
    return torch.cat([centres - half, centres + half], -1)


def targets_of(anchors: NDArray, boxes: NDArray, clear: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return labels (K,), 1 object, 0 background, -1 nothing, and the thing (K,) that each is nearest to.

    anchors (K, 4), boxes (G, 4), clear (G,) bool. An anchor is an object from an overlap of 0.5 on with a clear thing
    of the right size, or where it is the best for one; it says nothing from 0.35 on with anything else.
    """
    labels, nearest = np.zeros(len(anchors), np.int64), np.zeros(len(anchors), np.int64)
    if len(boxes) == 0:
        return labels, nearest
    table = iou_matrix(anchors, boxes)
    sizes = np.sqrt(np.multiply(*widths_heights(boxes)))
    wanted = clear & (sizes >= IN_RANGE[0]) & (sizes <= IN_RANGE[1])
    labels[table.max(axis=1) >= 0.35] = -1
    own = np.where(wanted, table, 0.0)
    nearest = own.argmax(axis=1)
    labels[own.max(axis=1) >= 0.5] = 1
    for column in np.flatnonzero(wanted):  # the best anchors of each
        top = own[:, column].max()
        if top >= 0.25:
            chosen = own[:, column] == top
            labels[chosen], nearest[chosen] = 1, column
    return labels, nearest


def losses(scores: Tensor, offsets: Tensor, anchors: Tensor, labels: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """Return sums over anchors, of scores (B, K) and offsets (B, K, 4); labels (B, K), wanted boxes (B, K, 4).

    They are to be divided by the number of anchors that are objects.

    "object": quality focal loss (Li et al., 2020): an anchor shall say how much the box that it is moved to overlaps
    its thing, which carries over to kinds of things never seen (Kim et al., OLN, 2022). "box": generalised IoU.
    """
    shown = labels == 1
    boxes = moved(anchors.expand_as(offsets)[shown], offsets[shown])
    iou, giou = overlaps(boxes, wanted[shown])
    target = torch.zeros_like(scores)
    target[shown] = iou.detach().clamp(min=0.05)
    weight = (target - scores.detach().sigmoid()).abs().square() * (labels >= 0)
    object_loss = (weight * functional.binary_cross_entropy_with_logits(scores, target, reduction="none")).sum()
    return {"object": object_loss, "box": (1 - giou).sum(), "iou": iou.detach().sum()}
