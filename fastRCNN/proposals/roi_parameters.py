"""The parameters of ROIs, and which of them may be "fitted" to the training annotations.

Apart from what makes ROIs, since every step asks for these and few for that, which takes a moment to load.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

LIMITS = ("roi_minDimRel", "roi_maxDimRel", "roi_minNrPixelsRel", "roi_maxNrPixelsRel", "roi_maxAspectRatio")
BY_NETWORK = "rpn"  # instead of a kind of Selective Search: regions that a network proposes ...
WITH_NETWORK = "rpn+fast"  # ... or both together
NETWORK_METHODS = (BY_NETWORK, WITH_NETWORK)
FITTED = "fitted"  # instead of a number, for each of `FITTED_NAMES`: the one that fits the training annotations
GROUPS = "roi_sizeGroups"
FITTED_NAMES = (*LIMITS, GROUPS)
NO_GROUPS = "none"


@dataclass(frozen=True)
class RoiParameters:
    """The parameters of step 1 under the tutorial's names; PARAMETERS.py explains each. What is fitted is numbers here.

    `shuffled`: Selective Search's ROIs in the published order, a random one, instead of the best first.
    """

    roi_maxImgDim: int = 200
    roi_minDimRel: float = 0.01
    roi_maxDimRel: float = 1.0
    roi_minNrPixelsRel: float = 0.0
    roi_maxNrPixelsRel: float = 1.0
    roi_maxAspectRatio: float = 4.0
    ss_method: str = "fast"
    ss_scale: float = 100.0
    ss_sigma: float = 1.2
    ss_minSize: int = 20
    ss_kvals: tuple[float, float, int] = (50, 500, 6)
    ss_max_merging_iterations: int = 20
    ss_maxRois: int = 1000
    ss_nmsThreshold: float = 0.85
    grid_nrScales: int = 7
    grid_downscaleRatioPerIteration: float = 1.5
    grid_aspectRatios: Sequence[float] = field(default=(1.0, 2.0, 0.5))
    grid_stepSizeRel: float = 0.5
    roi_sizeGroups: Sequence[float] | str = NO_GROUPS  # edges between the groups, relative to the longest side
    shuffled: bool = False

    @classmethod
    def choose(cls, parameters: Mapping[str, Any], limits: Mapping[str, Any] | None = None) -> "RoiParameters":
        """Return those of `parameters` (by name) that concern ROIs; `limits` say what stands for "fitted"."""
        names = [each.name for each in fields(cls) if each.name != "shuffled"]
        chosen = {name: parameters[name] for name in names}
        chosen |= {name: value for name, value in (limits or {}).items() if chosen[name] == FITTED}
        unknown = [name for name, value in chosen.items() if value == FITTED]
        if unknown:
            raise ValueError(f"limits: expected a number for each that is fitted, got none for {', '.join(unknown)}")
        return cls(**chosen, shuffled=parameters["compat"] == "tutorial")

    @property
    def limits(self) -> dict[str, float]:
        """What the filter goes by, under the names of PARAMETERS.py."""
        return {name: getattr(self, name) for name in LIMITS}
