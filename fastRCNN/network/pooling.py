"""From a map to the numbers of each ROI, in the way that the header of a network says.

Letters in shapes: N maps, C channels, H rows and W columns of a map, R ROIs, S side of a pooled ROI.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fastRCNN.network.roi_pooling import roi_cells, roi_pool
from fastRCNN.network.spec import NetworkSpec


def pool(spec: NetworkSpec, maps: torch.Tensor, rois: Any, owner: Any) -> torch.Tensor:
    """Return (R, S, S, C), channels last: `maps` (N, C, H, W) pooled over `rois` (R, 4), with a gradient.

    owner: (R,) whole numbers, the map of each ROI.
    """
    if spec.pooling_kind == "align":
        from fastRCNN.network.roi_align import roi_align

        return roi_align(
            maps, rois, owner, size=spec.pooling_size, spatial_scale=spec.spatial_scale, first_centre=spec.first_centre
        )
    from fastRCNN.network.roi_pooling_torch import roi_pool_torch  # only here: it loads Numba

    return roi_pool_torch(maps, rois, owner, size=spec.pooling_size, spatial_scale=spec.spatial_scale)


def pool_array(spec: NetworkSpec, features: NDArray[np.float32], rois: NDArray[Any]) -> NDArray[np.float32]:
    """Return (R, C, S, S) float32: one map `features` (C, H, W) pooled over `rois` (R, 4)."""
    if spec.pooling_kind == "max":
        return roi_pool(features, rois, size=spec.pooling_size, spatial_scale=spec.spatial_scale)
    with torch.inference_mode():
        pooled = pool(spec, torch.from_numpy(np.asarray(features))[None], rois, np.zeros(len(rois)))
        return pooled.permute(0, 3, 1, 2).contiguous().numpy()


def pooling_keys(spec: NetworkSpec, rois: NDArray[Any]) -> NDArray[Any]:
    """Return (R, 4): equal rows for ROIs (R, 4) that pool to the same numbers."""
    return roi_cells(rois, spatial_scale=spec.spatial_scale) if spec.pooling_kind == "max" else np.asarray(rois)
