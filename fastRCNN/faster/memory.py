"""How much memory a training of Faster R-CNN needs."""

import math

from fastRCNN.engines.torch_device import choose_device
from fastRCNN.faster.recipe import FasterTraining
from fastRCNN.network.rpn_spec import RpnSpec
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.nn.memory import free_bytes, map_sizes, require_memory, sizes_of
from fastRCNN.nn.trainable_layers import first_trained_layer, hidden_head
from fastRCNN.run_context import RunContext

_FLOAT = 4  # bytes
_LIBRARY = 450e6  # PyTorch itself, and what convolutions keep beside: reordered weights and maps


def needed_bytes(spec: NetworkSpec, rpn: RpnSpec, recipe: FasterTraining, *, nr_classes: int, pad_size: int) -> float:
    """Return about how many bytes a training takes: weights, gradients, optimiser, running means, activations."""
    of_map = spec.map_shape
    weights = sum(map(math.prod, [*spec.weight_shapes().values(), *rpn.weight_shapes(of_map).values()]))
    split = first_trained_layer(spec, recipe.faster_trainConvFrom)
    maps = map_sizes(spec, pad_size)
    side = -(-pad_size // spec.stride)
    regions = side**2 * (2 * rpn.channels + 6 * len(rpn.anchors))
    pooled = spec.pooled_shape.numbers
    head = recipe.faster_roisPerImage * (2 * pooled + 2 * sum(sizes_of(hidden_head(spec), spec.pooled_shape)))
    each = 1 + 1 + 1 + (2 if recipe.faster_optimiser == "adam" else 1) + bool(recipe.faster_ema) + 1
    anchors = 40 * side**2 * len(rpn.anchors)  # numbers of 8 bytes: boxes, targets, overlaps with objects
    activations = 2 * sum(maps[split:]) + 2 * max(maps) + 3 * regions + 2 * head
    return _FLOAT * (each * weights + activations + 2 * anchors) + _LIBRARY + 4 * 5 * nr_classes * pooled


def require_enough_memory(
    spec: NetworkSpec, rpn: RpnSpec, recipe: FasterTraining, *, nr_classes: int, context: RunContext
) -> None:
    """Raise `UserError` that says how much is missing and what to lower."""
    device = choose_device(context.device)
    needed = needed_bytes(spec, rpn, recipe, nr_classes=nr_classes, pad_size=context.pad_size)
    lower = ("faster_roisPerImage", "cntk_padWidth (with cntk_padHeight)")
    require_memory(int(needed), free_bytes(device), device=device, lower=lower)
