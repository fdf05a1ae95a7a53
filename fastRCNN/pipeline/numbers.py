"""Which numbers step 3 computes with and writes, and what uses its detector after it."""

from collections.abc import Mapping
from typing import Any

from fastRCNN.network.precision import choose_precision
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.half_floats import choose_type


def settled_numbers(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return what "auto" means here for the numbers that the network computes with and leaves, by parameter names.

    It rounds where that is faster, or half as much, and harms nothing; compat "tutorial" rounds nothing of itself.
    """
    p, classifier = parameters, CLASSIFIERS[parameters["classifier"]]
    corrected = p["compat"] == "corrected"
    precision = choose_precision(
        p["cntk_precision"], engine=p["engine"], device=p["device"], may_round=classifier.may_round and corrected
    )
    kind = choose_type(p["cntk_embeddingType"], may_round=classifier.may_halve and corrected)
    return {"cntk_precision": precision, "cntk_embeddingType": kind}
