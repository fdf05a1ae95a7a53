"""Faster R-CNN while it learns: what stays as it is, what changes, and the new layers.

    picture -> frozen layers -> trained layers -> map -> rpn_conv, ReLU -> rpn_cls (2 A), rpn_box (4 A)
                                                  map -> ROI pooling -> head -> score (C)
                                                                             -> bbox (4, or 4 C)
`FasterNetwork.result` gives the trained network as one weight file wants it. Letters in shapes: A anchors of a cell, C
classes with background first, D outputs of the head, H and W cells of the map, K = H W A anchors, N ROIs.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fastRCNN.engines.torch_device import exact_products
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.faster.hidden_layers import PREFIX
from fastRCNN.network.layers import Layer, Linear, through
from fastRCNN.network.network import Network
from fastRCNN.network.pooling import pool
from fastRCNN.network.rpn_spec import RpnSpec
from fastRCNN.nn.trainable_layers import first_trained_layer, hidden_head, new_layer, own_layers
from fastRCNN.run_context import RunContext

OUTPUT = "score_and_bbox"  # the last layer of the result: C scores, then 4 C offsets
NEW = ("rpn_conv", "rpn_cls", "rpn_box", "score", "bbox")
BOX_DEVIATION = np.array([0.1, 0.1, 0.2, 0.2])  # the detector's targets are divided by it, as published
_FIRST_DEVIATIONS = {"rpn_conv": 0.01, "rpn_cls": 0.01, "rpn_box": 0.01, "score": 0.01, "bbox": 0.001}  # as published


def layer_of(parameter: str) -> str:
    """Return the name of a parameter's layer, which may have dots of its own: "block1.project.weight"."""
    return parameter.rpartition(".")[0]


def is_new(layer: str) -> bool:
    """Return whether a layer, by its name, starts with random filters."""
    return layer in NEW or layer.startswith(PREFIX)


class FasterNetwork:
    """`network` with a region proposal network and new output layers; its own arrays are never written to."""

    def __init__(
        self,
        network: Network,
        classes: tuple[str, ...],
        rpn: RpnSpec,
        *,
        train_conv_from: int = 1,
        bbox_per_class: bool = True,
        dropout: float = 0.0,
        context: RunContext = RunContext(),  # noqa: B008 - frozen
    ) -> None:
        """train_conv_from k: the convolutions from the k-th on learn, 0 for none. dropout: of the head's layers."""
        self.source, self.classes, self.rpn, self.spec = network, classes, rpn, network.spec
        self.bbox_per_class = bbox_per_class
        self.engine = TorchEngine(network, device=context.device, threads=context.threads)
        self.device, self.precision = self.engine.device, context.training_precision
        self.generator = torch.Generator(self.device)
        self.parameters: dict[str, nn.Parameter] = {}
        split = first_trained_layer(self.spec, train_conv_from)
        trunk = list(self.engine.trunk_layers)
        self.frozen = nn.Sequential(*trunk[:split])
        own: Any = {"dropout": dropout, "generator": self.generator}
        self.trained_trunk = own_layers(trunk[split:], self.parameters, **own)
        self.hidden_layers = hidden_head(self.spec)
        self.head = own_layers(list(self.engine.head_layers)[: len(self.hidden_layers)], self.parameters, **own)
        width = through(self.hidden_layers, self.spec.pooled_shape).numbers
        nr_anchors, nr_offsets = len(rpn.anchors), 4 * len(classes) if bbox_per_class else 4
        shapes: dict[str, tuple[int, ...]] = {
            "rpn_conv": (rpn.channels, self.spec.trunk_channels, 3, 3),
            "rpn_cls": (2 * nr_anchors, rpn.channels, 1, 1),
            "rpn_box": (4 * nr_anchors, rpn.channels, 1, 1),
            "score": (len(classes), width),
            "bbox": (nr_offsets, width),
        }
        rng = np.random.default_rng(context.seed)
        self.rpn_conv, self.rpn_cls, self.rpn_box, self.score, self.bbox = (
            new_layer(name, _FIRST_DEVIATIONS[name] * rng.standard_normal(shapes[name]), self.parameters,
                      device=self.device)
            for name in NEW
        )  # fmt: skip

    def frozen_map(self, picture: NDArray[np.uint8]) -> torch.Tensor:
        """Return the frozen layers' output (1, C, H, W) for a padded `picture` (S, S, 3) uint8 BGR."""
        with torch.inference_mode(), exact_products(self.device, self.precision):
            seen = self.frozen(self.engine.normalised(picture))
        return seen.clone()  # made outside of inference_mode: a tensor that gradients may be computed with

    def map(self, frozen: torch.Tensor) -> torch.Tensor:
        """Return the map (1, C, H, W) of what the frozen layers gave."""
        seen: torch.Tensor = self.trained_trunk(frozen)
        return seen

    def regions(self, feature_map: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return scores (K, 2), background and object, and offsets (K, 4) of all anchors, by row, cell, anchor."""
        seen = torch.relu(self.rpn_conv(feature_map))
        scores, offsets = self.rpn_cls(seen)[0].float(), self.rpn_box(seen)[0].float()
        nr_anchors = len(self.rpn.anchors)
        return (
            scores.unflatten(0, (2, nr_anchors)).permute(2, 3, 1, 0).reshape(-1, 2),
            offsets.unflatten(0, (nr_anchors, 4)).permute(2, 3, 0, 1).reshape(-1, 4),
        )

    def outputs(self, feature_map: torch.Tensor, rois: NDArray[np.floating]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return raw scores (N, C) and box offsets (N, 4 or 4 C), in `BOX_DEVIATION`s, for `rois` (N, 4)."""
        pooled = pool(self.spec, feature_map, rois, np.zeros(len(rois)))
        rows = self.head(pooled.permute(0, 3, 1, 2).contiguous()).flatten(1)
        return self.score(rows).float(), self.bbox(rows).float()

    def parameter_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the trained weights by name; on the CPU they share memory with the network."""
        return {name: parameter.detach().cpu().numpy() for name, parameter in self.parameters.items()}

    @torch.no_grad()
    def load_parameters(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over trained weights, by name."""
        for name, parameter in self.parameters.items():
            parameter.copy_(torch.from_numpy(np.array(arrays[name])))

    def result(self, arrays: Mapping[str, NDArray[np.float32]], *, notes: Mapping[str, Any]) -> Network:
        """Return the network with the trained weights `arrays`; its offsets are freed of `BOX_DEVIATION`."""
        trained = {name: np.array(array) for name, array in arrays.items()}
        nr_classes = len(self.classes)
        weight, bias = trained.pop("bbox.weight"), trained.pop("bbox.bias")
        weight = (weight.reshape(-1, 4, weight.shape[1]) * BOX_DEVIATION[:, None]).astype(np.float32)
        bias = (bias.reshape(-1, 4) * BOX_DEVIATION).astype(np.float32)
        if not self.bbox_per_class:
            weight, bias = np.tile(weight, (nr_classes, 1, 1)), np.tile(bias, (nr_classes, 1))
        last = {
            f"{OUTPUT}.weight": np.concatenate([trained.pop("score.weight"), weight.reshape(-1, weight.shape[2])]),
            f"{OUTPUT}.bias": np.concatenate([trained.pop("score.bias"), bias.ravel()]),
        }
        head: tuple[Layer, ...] = (*self.hidden_layers, Linear(OUTPUT, 5 * nr_classes))
        spec = dataclasses.replace(self.spec, head=head, classes=self.classes, notes=dict(notes), rpn=self.rpn)
        names = [f"{name}.{part}" for name in spec.weight_shapes() for part in ("weight", "bias")]
        old = {name: self.source.arrays[name] for name in names if name in self.source.arrays}
        return Network(spec, {**old, **trained, **last})
