"""What the anchors of a whole batch shall say, on the device that the batch is on: `network.targets_of`, many at once.

Letters: B windows, K anchors, G things.
"""

import torch
from torch import Tensor

from resources.train_proposals.windows import IN_RANGE


def targets_of_batch(anchors: Tensor, boxes: Tensor, clear: Tensor) -> tuple[Tensor, Tensor]:
    """Return labels (B, K) and the box (B, K, 4) that each anchor is nearest to, as `network.targets_of` says them.

    anchors (K, 4), boxes (B, G, 4) as `batches.padded` gives them, clear (B, G) bool. Inclusive pixels; float64 in
    between, so that equal overlaps are equal on every device.
    """
    a, b = anchors.double(), boxes.double()
    sides = b[..., 2:] - b[..., :2] + 1
    areas = sides.clamp(min=0).prod(-1)
    table = _overlaps(a, b, areas)
    sizes = areas.sqrt()
    wanted = clear & (sizes >= IN_RANGE[0]) & (sizes <= IN_RANGE[1])
    labels = torch.zeros(table.shape[:2], dtype=torch.int64, device=boxes.device)
    labels[table.amax(2) >= 0.35] = -1
    table *= wanted[:, None]
    most, nearest = table.max(2)
    labels[most >= 0.5] = 1
    top = table.amax(1, keepdim=True)
    best = (table == top) & (wanted[:, None] & (top >= 0.25))  # the best anchors of each; of two things the later one
    last = (best * torch.arange(1, best.shape[2] + 1, device=boxes.device)).amax(2) - 1
    labels[last >= 0] = 1
    nearest = torch.where(last >= 0, last, nearest)
    return labels, boxes.gather(1, nearest[..., None].expand(-1, -1, 4))


def _overlaps(anchors: Tensor, boxes: Tensor, areas: Tensor) -> Tensor:
    """Return IoU (B, K, G) of anchors (K, 4) with boxes (B, G, 4) of `areas` (B, G)."""
    common = torch.ones((), dtype=boxes.dtype, device=boxes.device)
    for low, high in ((0, 2), (1, 3)):
        right = torch.minimum(anchors[None, :, high, None], boxes[:, None, :, high])
        left = torch.maximum(anchors[None, :, low, None], boxes[:, None, :, low])
        common = common * (right - left + 1).clamp(min=0)
    own = (anchors[:, 2:] - anchors[:, :2] + 1).prod(-1)
    return common / (own[None, :, None] + areas[:, None] - common)
