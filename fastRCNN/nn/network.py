"""The network while it learns: what stays as it is, what changes, and the new output layers.

    picture -> frozen layers -> trained layers -> ROI pooling -> head -> score (C)
                                                                     -> bbox (4 * C), with box regression
With a frozen trunk there are no trained layers before the head. `TrainableNetwork.result` gives the trained network as
a weight file wants it, and the box regression beside it. Letters: C classes with background first, D outputs of the
head.
"""

import dataclasses
import logging
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fastRCNN.boxes.box_regression import BoxRegressor
from fastRCNN.engines.torch_device import exact_products
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.copies import to_device
from fastRCNN.network.layers import AveragePool, Conv, Dropout, Layer, Linear, MaxPool, Relu, through
from fastRCNN.network.network import Network
from fastRCNN.network.pooling import pool
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.nn.trainable_layers import first_trained_layer, hidden_head, new_layer, own_layers
from fastRCNN.run_context import RunContext

log = logging.getLogger(__name__)

_FIRST_BOX_DEVIATION = 0.001  # of the new bbox layer's weights, as in Fast R-CNN
_SCALE = "input_scale"  # beside the parameters in a checkpoint


class TrainableNetwork:
    """`network` with new output layers for `classes`, ready to learn; its own arrays are never written to."""

    def __init__(
        self,
        network: Network,
        classes: tuple[str, ...],
        *,
        train_conv_from: int = 0,
        with_boxes: bool = False,
        dropout: float = 0.5,
        context: RunContext = RunContext(),  # noqa: B008 - frozen
    ) -> None:
        """`train_conv_from` k: the convolutions from the k-th on are trained, 0 for none; `dropout`: of
        the head's dropout layers; `seed`: of the new layers."""
        self.source, self.classes = network, classes
        self.spec = network.spec
        self.engine = TorchEngine(network, device=context.device, threads=context.threads)
        self.device, self.precision = self.engine.device, context.training_precision
        self.generator = torch.Generator(self.device)
        split = first_trained_layer(self.spec, train_conv_from)
        self.frozen = nn.Sequential(*list(self.engine.trunk_layers)[:split])
        self.parameters: dict[str, nn.Parameter] = {}
        self.input_scale = 1.0  # of the pooled numbers; the result has it in its last convolution
        self.trained_trunk = own_layers(
            list(self.engine.trunk_layers)[split:], self.parameters, dropout=dropout, generator=self.generator
        )
        self.hidden_layers = hidden_head(self.spec)
        self.head = own_layers(
            list(self.engine.head_layers)[: len(self.hidden_layers)], self.parameters, dropout=dropout,
            generator=self.generator,
        )  # fmt: skip
        width = through(self.hidden_layers, self.spec.pooled_shape).numbers
        rng = np.random.default_rng(context.seed)
        limit = math.sqrt(6 / (width + len(classes)))  # CNTK's glorot_uniform
        self.score = new_layer(
            "score", rng.uniform(-limit, limit, (len(classes), width)), self.parameters, device=self.device
        )
        self.bbox: nn.Module | None = None
        if with_boxes:
            first = _FIRST_BOX_DEVIATION * rng.standard_normal((4 * len(classes), width))
            self.bbox = new_layer("bbox", first, self.parameters, device=self.device)

    @property
    def trains_trunk(self) -> bool:
        """Whether convolutions are trained."""
        return len(self.trained_trunk) > 0

    def frozen_map(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the frozen layers' output (C, H, W) float32 for a padded `picture` (S, S, 3) uint8 BGR."""
        return self.frozen_there(picture)[0].cpu().numpy()

    def frozen_there(self, picture: NDArray[np.uint8]) -> torch.Tensor:
        """Return the same, (1, C, H, W), where the network is."""
        with torch.inference_mode(), exact_products(self.device, self.precision):
            seen: torch.Tensor = self.frozen(self.engine.normalised(picture))
            return seen

    def pooled(self, frozen_map: NDArray[np.float32], rois: NDArray[np.float32]) -> torch.Tensor:
        """Return (N, C * P * P): trained layers and ROI pooling over `rois` (N, 4), with gradients."""
        maps = self.trained_trunk(to_device(np.array(frozen_map), self.device)[None])
        return pool(self.spec, maps, rois, np.zeros(len(rois))).permute(0, 3, 1, 2).flatten(1)

    @torch.no_grad()
    def embedding(self, pooled: torch.Tensor) -> torch.Tensor:
        """Return the head's (N, D) for `pooled` (N, C * P * P) as the trained network is used: without dropout."""
        self.head.eval()
        with exact_products(self.device, self.precision):
            rows = self._hidden(pooled)
        self.head.train()
        return rows

    def outputs(self, pooled: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return raw scores (N, C) and box offsets (N, 4 * C), or None, for `pooled` (N, C * P * P)."""
        rows = self._hidden(pooled)
        return self.score(rows).float(), None if self.bbox is None else self.bbox(rows).float()

    @torch.no_grad()
    def scale_head(self, pooled: torch.Tensor, *, norm: float) -> None:
        """Scale what goes into the head, `pooled` (N, C * P * P), and what its layers give to the mean length `norm`.

        The layers are homogeneous, and a bias follows the scale of what comes in: so what the network computes is the
        same but for one factor. Only the size of the numbers changes, to one that the learning rates are made for. A
        head with other layers than linear ones stays as it is, and the log says so.
        """
        if not all(isinstance(layer, (Linear, Relu, Dropout)) for layer in self.hidden_layers):
            log.info("nn_headNorm has no effect: the head has other layers than linear ones.")
            return
        length = float(pooled.norm(dim=1).mean())
        self.input_scale = float(np.float32(norm / length)) if length > 0 else 1.0
        before = 1 / self.input_scale  # what the input of this layer was divided by
        rows = pooled * self.input_scale
        for module in self.head.eval():
            if isinstance(module, nn.Linear):
                if module.bias is not None:
                    module.bias.div_(before)
                length = float(module(rows).norm(dim=1).mean())
                factor = norm / length if length > 0 else 1.0
                module.weight.mul_(factor)
                if module.bias is not None:
                    module.bias.mul_(factor)
                before /= factor
            rows = module(rows)
        self.head.train()

    @torch.no_grad()
    def set_layer(self, name: str, weight: torch.Tensor, bias: torch.Tensor) -> None:
        """Give the layer `name` these weights (out, D) and biases (out,)."""
        self.parameters[f"{name}.weight"].copy_(weight)
        self.parameters[f"{name}.bias"].copy_(bias)

    def load_parameters(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over trained weights, by name."""
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(torch.from_numpy(np.array(arrays[name])))
        self.input_scale = float(arrays[_SCALE][0])

    def parameter_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the trained weights by name; on the CPU they share memory with the network."""
        arrays = {name: parameter.detach().cpu().numpy() for name, parameter in self.parameters.items()}
        return {**arrays, _SCALE: np.array([self.input_scale], np.float32)}

    def result(
        self, *, notes: Mapping[str, Any], box_mean: NDArray, box_deviation: NDArray
    ) -> tuple[Network, BoxRegressor | None]:
        """Return the trained network and the box regression, whose outputs are freed of the targets' normalisation."""
        trained = {name: array.copy() for name, array in self.parameter_arrays().items() if name != _SCALE}
        bbox_weight, bbox_bias = trained.pop("bbox.weight", None), trained.pop("bbox.bias", None)
        head: tuple[Layer, ...] = (*self.hidden_layers, Linear("score", len(self.classes)))
        spec = dataclasses.replace(self.spec, head=head, classes=self.classes, notes=dict(notes), rpn=None)
        names = [f"{name}.{part}" for name in spec.weight_shapes() for part in ("weight", "bias")]
        old = {name: self.source.arrays[name] for name in names if name not in trained and name in self.source.arrays}
        arrays = {**old, **trained}
        if self.input_scale != 1:
            scaled = _before_the_head(spec)
            arrays |= {name: (arrays[name] * self.input_scale).astype(np.float32) for name in scaled if name in arrays}
            if scaled == ("score.weight",) and bbox_weight is not None:  # both see what the pooling gives
                bbox_weight = bbox_weight * self.input_scale
        network = Network(spec, arrays)
        if bbox_weight is None or bbox_bias is None:
            return network, None
        weights = bbox_weight.reshape(len(self.classes), 4, -1) * box_deviation[None, :, None]
        biases = bbox_bias.reshape(len(self.classes), 4) * box_deviation + box_mean
        return network, BoxRegressor(weights.astype(np.float32), biases.astype(np.float32))

    def _hidden(self, pooled: torch.Tensor) -> torch.Tensor:
        """Return the head's (N, D) for `pooled` (N, C * P * P)."""
        channels, side = self.spec.trunk_channels, self.spec.pooling_size
        rows: torch.Tensor = self.head((pooled * self.input_scale).unflatten(1, (channels, side, side)))
        return rows.flatten(1)


def _before_the_head(spec: NetworkSpec) -> tuple[str, ...]:
    """Return the arrays whose factor is a factor of what goes into the head's first linear layer.

    The last convolution's, where only layers follow it that pass a factor on; else that linear layer's own weight.
    """
    for layer in reversed(spec.trunk):
        if isinstance(layer, Conv):
            return f"{layer.name}.weight", f"{layer.name}.bias"
        if not isinstance(layer, (Relu, MaxPool, AveragePool)):
            break
    first = next(layer for layer in spec.head if isinstance(layer, Linear))
    return (f"{first.name}.weight",)
