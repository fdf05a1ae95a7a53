"""A good start for the layer of the scores: solved for the embeddings as they are, before the network learns.

The tutorial starts its softmax layer with random numbers and needs many small steps until it is any good, during which
fc6 and fc7 are pulled about. But with everything else fixed, the layer is a multinomial logistic regression: convex, so
it is solved once, on embeddings that are centred and brought to a common size, which is then folded into the layer's
weights and bias. (The layer that moves boxes starts from `fastRCNN.boxes.box_regression.fit_ridge`.)
Letters in shapes: N ROIs, D numbers of an embedding, C classes.

Embeddings spread a thousand times wider in some directions than in others, and what tells classes apart often lies in
the narrow ones, where steps of one size for all take long to arrive. So the rows are first whitened (as wide in every
direction, up to a floor) with the Cholesky factor of their covariance: the same problem in other coordinates, which the
solver (L-BFGS) walks through quickly.
"""

import torch
from torch.nn import functional

_FLOOR = 1e-4  # of the rows' mean square length: directions narrower than that stay narrow


def fit_softmax(
    rows: torch.Tensor, labels: torch.Tensor, nr_classes: int, *, l2_weight: float = 1e-6, iterations: int = 60
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight (C, D) and bias (C,) of the regularised logistic regression of `labels` (N,) on `rows` (N, D).

    `l2_weight` is for rows whose root mean square distance from their centre is 10.
    """
    white, centre, scale = _centred(rows)
    factor = _widths(white)
    white = torch.linalg.solve_triangular(factor.T, white, upper=True, left=False)
    solution = torch.zeros((nr_classes, rows.shape[1]), device=rows.device, requires_grad=True)
    bias = torch.zeros(nr_classes, device=rows.device, requires_grad=True)
    solver = torch.optim.LBFGS([solution, bias], max_iter=iterations, line_search_fn="strong_wolfe")

    def weights() -> torch.Tensor:
        return torch.linalg.solve_triangular(factor, solution, upper=False, left=False)

    def loss() -> torch.Tensor:
        solver.zero_grad()
        value = functional.cross_entropy(white @ solution.T + bias, labels) + l2_weight * weights().square().sum()
        value.backward()
        return value

    solver.step(loss)
    folded = scale * weights().detach()
    return folded, bias.detach() - folded @ centre


def _centred(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Return `rows` (N, D) less their centre, times a scale that makes their root mean square length 10; both."""
    centre = rows.mean(dim=0)
    centred = rows - centre
    size = float(centred.square().sum(dim=1).mean().sqrt())
    scale = 10 / size if size > 0 else 1.0
    return centred.mul_(scale), centre, scale


def _widths(rows: torch.Tensor) -> torch.Tensor:
    """Return the lower factor (D, D) of the covariance of centred `rows` (N, D), with a floor below every width."""
    covariance = rows.T @ rows / len(rows)
    floor = _FLOOR * max(float(covariance.diagonal().sum()), 1.0)
    covariance.diagonal().add_(floor)
    return torch.linalg.cholesky(covariance)
