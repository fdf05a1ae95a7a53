"""How fast each layer learns, as a factor of the learning rate: the further from the output, the slower, where wanted.

Layers near the picture know edges and colours, which other pictures have as well; those near the output know what they
were trained for (Howard, Ruder: Universal Language Model Fine-tuning for Text Classification, 2018, section 3.2).
"""

from collections.abc import Iterable

from fastRCNN.faster.network import is_new, layer_of
from fastRCNN.faster.recipe import FasterTraining
from fastRCNN.network.layers import Scale, every_layer
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.nn.trainable_layers import hidden_head


def rate_factors(parameters: Iterable[str], spec: NetworkSpec, recipe: FasterTraining) -> dict[str, float]:
    """Return the factor of each of `parameters`, as "layer.weight" or "layer.bias", of a network like `spec`."""
    behind = layers_behind(spec)
    factors = {}
    for name in parameters:
        factor = recipe.faster_biasRateFactor if name.endswith(".bias") else 1.0
        layer = layer_of(name)
        if not is_new(layer):
            factor *= recipe.faster_oldRateFactor * recipe.faster_layerRateDecay ** behind[layer]
        factors[name] = factor
    return factors


def layers_behind(spec: NetworkSpec) -> dict[str, int]:
    """Return, of each layer with weights that was trained before, how many such layers are between it and the output.

    A residual block counts as one, and the layers inside of it have its number; so does a scaling with what it scales.
    """
    groups: list[list[str]] = []
    for layer in (*spec.trunk, *hidden_head(spec)):
        names = [name for inner in every_layer((layer,)) if (name := getattr(inner, "name", None)) and not is_new(name)]
        if names and isinstance(layer, Scale) and groups:
            groups[-1] += names
        elif names:
            groups.append(names)
    return {name: len(groups) - 1 - number for number, names in enumerate(groups) for name in names}
