"""A good start for the new output layers: solved for the embeddings as they are, before the network learns.

The tutorial starts its softmax layer with random numbers and needs many small steps until it is any good, during which
fc6 and fc7 are pulled about. But with everything else fixed, the layer is a multinomial logistic regression: convex, so
it is solved once (L-BFGS), on embeddings that are centred and brought to a common size; both are then folded into the
layer's weights and bias. Letters in shapes: N ROIs, D numbers of an embedding, C classes.
"""

import torch
from torch.nn import functional


def fit_softmax(
    rows: torch.Tensor, labels: torch.Tensor, nr_classes: int, *, l2_weight: float = 1e-3, iterations: int = 60
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight (C, D) and bias (C,) of the regularised logistic regression of `labels` (N,) on `rows` (N, D).

    `l2_weight` is for rows whose root mean square distance from their centre is 10.
    """
    centre = rows.mean(dim=0)
    centred = rows - centre
    size = float(centred.square().sum(dim=1).mean().sqrt())
    scale = 10 / size if size > 0 else 1.0
    centred *= scale
    weight = torch.zeros((nr_classes, rows.shape[1]), device=rows.device, requires_grad=True)
    bias = torch.zeros(nr_classes, device=rows.device, requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=iterations, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        solver.zero_grad()
        value = functional.cross_entropy(centred @ weight.T + bias, labels) + l2_weight * weight.square().sum()
        value.backward()
        return value

    solver.step(loss)
    folded = scale * weight.detach()
    return folded, bias.detach() - folded @ centre
