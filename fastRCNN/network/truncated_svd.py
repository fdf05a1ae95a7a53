"""fc6 and fc7 in two thinner layers each, by truncated singular value decomposition: the head with less work.

A layer's weight W (out, in) = U S V^T is cut to its `rank` largest singular values: a first layer S V^T (rank, in)
without bias, and a second one U (out, rank) with the bias. Of all weights of that rank this one is nearest to W (Eckart
and Young), and a ROI takes rank * (in + out) multiplications instead of in * out.

Source: Girshick, Fast R-CNN (2015), section 3.1, with rank 1024 for fc6 and 256 for fc7.
"""

import dataclasses
import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastRCNN.network.layers import Layer, Linear
from fastRCNN.network.network import Network
from helpers.errors import UserError

log = logging.getLogger(__name__)

LAYERS = ("fc6", "fc7")


def truncated_network(network: Network, ranks: Sequence[int]) -> Network:
    """Return `network` with fc6 and fc7 cut to `ranks`, one for each; 0, or none at all, leaves them as they are.

    Nothing changes, and the log says so, where a layer consists of two thinner ones already, as in the bundled network.
    """
    if not ranks:
        return network
    wanted = {name: rank for name, rank in zip(LAYERS, ranks, strict=True) if rank}
    linears = {layer.name: layer for layer in network.spec.head if isinstance(layer, Linear)}
    arrays = dict(network.arrays.items())
    head: list[Layer] = []
    for layer in network.spec.head:
        rank = wanted.get(layer.name, 0) if isinstance(layer, Linear) else 0
        if not isinstance(layer, Linear) or rank == 0:
            head.append(layer)
            continue
        weight = arrays.pop(f"{layer.name}.weight")
        if rank > min(weight.shape):
            raise UserError(f"cntk_svdRanks: rank {rank} for {layer.name}, expected {min(weight.shape)} at most")
        names = f"{layer.name}_a", f"{layer.name}_b"
        arrays[f"{names[0]}.weight"], arrays[f"{names[1]}.weight"] = truncated_svd(weight, rank)
        if (bias := arrays.pop(f"{layer.name}.bias", None)) is not None:
            arrays[f"{names[1]}.bias"] = bias
        head += [Linear(names[0], rank), Linear(names[1], layer.out)]
    if absent := [name for name in wanted if name not in linears]:
        log.warning("cntk_svdRanks: no effect on %s: the network has thinner layers in its place.", ", ".join(absent))
    notes = {**network.spec.notes, "svd_ranks": list(ranks)} if len(absent) < len(wanted) else network.spec.notes
    spec = dataclasses.replace(network.spec, head=tuple(head), notes=notes)
    return Network(spec, arrays, network.where)


def truncated_svd(weight: NDArray[np.float32], rank: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return S V^T (rank, in) and U (out, rank), float32: `weight` (out, in) cut to its `rank` largest singular values.

    U are the eigenvectors of W W^T, in double precision: for the few largest of them many times as fast as a whole
    decomposition.
    """
    from scipy.linalg import eigh  # only here: it takes a moment to import

    wide = np.asarray(weight, np.float64)
    size = len(wide)
    _, vectors = eigh(wide @ wide.T, subset_by_index=(size - rank, size - 1))
    u = vectors[:, ::-1]
    return (u.T @ wide).astype(np.float32), np.ascontiguousarray(u, np.float32)
