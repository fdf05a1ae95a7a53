"""How fast a network learns: rate by epoch, warm-up, and CNTK's momentum.

CNTK 2.7's `momentum_sgd` with a learning rate per sample, a momentum time constant and unit gain, as the tutorial calls
it; one sample is one picture. For a minibatch of n pictures with the gradient g, summed over all their ROIs:

    m = exp(-n / time constant)          momentum of this minibatch
    g = g + n * l2 * w                   weight decay, once per picture
    v = m * v + (1 - m) * rate * g       unit gain: v is a mean of steps; 0 at the start
    w = w - v                            with rate = rate per image / ROIs per picture

The rate stands inside the mean, so a lower one takes hold gradually (torch.optim.SGD has it outside, and does not
dampen its first step). A test compares with a recorded run of CNTK 2.7.
Source: CNTK, `Source/CNTKv2LibraryDll/Learner.cpp`.
"""

import math
from collections.abc import Iterable, Sequence

import torch


def rate_per_image(rates: Sequence[float], epoch: int, *, progress: float = 0.0, warmup_epochs: float = 0.0) -> float:
    """Return the learning rate per image in `epoch` (from 0); the last of `rates` goes on.

    `progress` is the done part of the epoch, 0 to 1. During the first `warmup_epochs` the rate rises evenly from 0.
    """
    rate = rates[min(epoch, len(rates) - 1)]
    done = epoch + progress
    return rate * done / warmup_epochs if done < warmup_epochs else rate


def minibatch_momentum(time_constant: float, pictures: int) -> float:
    """Return the momentum of a minibatch of `pictures`; 0 for a time constant of 0."""
    return math.exp(-pictures / time_constant) if time_constant > 0 else 0.0


class UnitGainSgd:
    """CNTK's momentum SGD for `parameters`; `velocities` are its memory, in their order."""

    def __init__(self, parameters: Iterable[torch.nn.Parameter], *, l2_weight: float) -> None:
        self.parameters = list(parameters)
        self.l2_weight = l2_weight
        self.velocities = [torch.zeros_like(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def step(self, *, rate: float, momentum: float, pictures: int) -> None:
        """Change the parameters in place; `rate` is per ROI, the gradients are sums; then clear the gradients."""
        for parameter, velocity in zip(self.parameters, self.velocities, strict=True):
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            parameter.grad.add_(parameter, alpha=pictures * self.l2_weight)
            velocity.mul_(momentum).add_(parameter.grad, alpha=(1 - momentum) * rate)
            parameter.sub_(velocity)
            parameter.grad.zero_()
