"""What changes the weights after each step: momentum as CNTK's example, or Adam; and a running mean of the weights.

SGD with momentum 0.9 is the published recipe. Adam (Kingma, Ba, 2015; weight decay as Loshchilov and Hutter, 2019)
makes steps of a like size for every weight, however large its layer's numbers are, which matters where there are 400
steps in all. Both keep an array or two for each weight, which a checkpoint holds.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

_ADAM = ("exp_avg", "exp_avg_sq")


class Optimiser:
    """Steps for `parameters`, by name. rates: a factor of the learning rate for each of them."""

    def __init__(
        self,
        parameters: Mapping[str, torch.nn.Parameter],
        rates: Mapping[str, float],
        *,
        kind: str = "adam",
        momentum: float = 0.9,
        l2_weight: float = 0.0,
        clip_norm: float = 0.0,
    ) -> None:
        """kind: "adam" or "sgd". clip_norm: gradients longer than that, all together, are shortened to it; 0: none."""
        self.parameters, self.rates, self.kind = dict(parameters), dict(rates), kind
        self.momentum, self.l2_weight, self.clip_norm = momentum, l2_weight, clip_norm
        keys = _ADAM if kind == "adam" else ("velocity",)
        self.state = {f"{name}/{key}": torch.zeros_like(p) for name, p in parameters.items() for key in keys}
        self.steps = 0

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change the parameters in place, then clear the gradients."""
        with_gradient = [p for p in self.parameters.values() if p.grad is not None]
        if self.clip_norm:
            torch.nn.utils.clip_grad_norm_(with_gradient, self.clip_norm)
        self.steps += 1
        names = [name for name, p in self.parameters.items() if p.grad is not None and self.rates[name] > 0]
        for some in _together(names, self.parameters):
            (self._adam if self.kind == "adam" else self._sgd)(some, [rate * self.rates[name] for name in some])
        for parameter in self.parameters.values():
            parameter.grad = None

    def _of(self, names: Sequence[str], key: str) -> list[torch.Tensor]:
        return [self.state[f"{name}/{key}"] for name in names]

    def _changed(self, names: Sequence[str]) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return the parameters of these names, and their gradients."""
        parameters: list[torch.Tensor] = [self.parameters[name] for name in names]
        return parameters, [parameter.grad for parameter in parameters if parameter.grad is not None]

    def _sgd(self, names: Sequence[str], rates: Sequence[float]) -> None:
        """CNTK's `momentum_sgd` without unit gain: the rate stands inside the velocity."""
        parameters, gradients = self._changed(names)
        velocities = self._of(names, "velocity")
        for parameter, gradient, velocity, rate in zip(parameters, gradients, velocities, rates, strict=True):
            velocity.mul_(self.momentum).add_(gradient + self.l2_weight * parameter, alpha=rate)
            parameter.sub_(velocity)

    def _adam(self, names: Sequence[str], rates: Sequence[float]) -> None:
        parameters, gradients = self._changed(names)
        means, squares = (self._of(names, key) for key in _ADAM)
        torch._foreach_lerp_(means, gradients, 1 - self.momentum)
        torch._foreach_mul_(squares, 0.999)
        torch._foreach_addcmul_(squares, gradients, gradients, 0.001)
        true_mean, true_square = 1 - self.momentum**self.steps, 1 - 0.999**self.steps
        deviations = torch._foreach_div(squares, true_square)
        torch._foreach_sqrt_(deviations)
        torch._foreach_add_(deviations, 1e-8)
        torch._foreach_mul_(parameters, [1 - rate * self.l2_weight for rate in rates])
        torch._foreach_addcdiv_(parameters, means, deviations, [-rate / true_mean for rate in rates])

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return its memory, by name; on the CPU it is shared."""
        counted = {"steps": np.array([self.steps], np.float32)}
        return {**{name: tensor.cpu().numpy() for name, tensor in self.state.items()}, **counted}

    def load(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        """Take over what `arrays` returned."""
        for name, tensor in self.state.items():
            tensor.copy_(torch.from_numpy(np.array(arrays[name])))
        self.steps = int(arrays["steps"][0])


def _together(names: Sequence[str], parameters: Mapping[str, torch.nn.Parameter]) -> list[Sequence[str]]:
    """Return `names` in groups that are changed together: on a CPU each alone, which takes the least memory.

    On a GPU all, in a few calls: each call costs more than what it computes.
    """
    on_gpu = any(parameters[name].is_cuda for name in names)
    return [names] if on_gpu else [[name] for name in names]


class RunningMean:
    """An exponential mean of the weights over the last 1 / (1 - decay) steps: steadier than the last ones.

    It is young at first: after n steps its decay is at most (1 + n) / (10 + n). Polyak, Juditsky, 1992.
    """

    def __init__(self, parameters: Mapping[str, torch.nn.Parameter], decay: float) -> None:
        self.parameters, self.decay, self.steps = parameters, decay, 0
        self.means = {name: parameter.detach().clone() for name, parameter in parameters.items()} if decay else {}

    @torch.no_grad()
    def step(self) -> None:
        """Take in the weights as they are now."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for names in _together(list(self.means), self.parameters):
            now: list[torch.Tensor] = [self.parameters[name] for name in names]
            torch._foreach_lerp_([self.means[name] for name in names], now, 1 - decay)

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return the means by name; the weights themselves with a decay of 0."""
        source: Mapping[str, torch.Tensor] = self.means or self.parameters
        return {name: tensor.detach().cpu().numpy() for name, tensor in source.items()}

    def load(self, arrays: Mapping[str, NDArray[np.float32]], steps: int) -> None:
        """Take over what `arrays` returned after so many `steps`."""
        self.steps = steps
        for name, mean in self.means.items():
            mean.copy_(torch.from_numpy(np.array(arrays[name])))
