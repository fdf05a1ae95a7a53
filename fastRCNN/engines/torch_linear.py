"""A linear layer in float32 by the faster of the two libraries that PyTorch holds, MKL and oneDNN.

PyTorch gives such products to MKL, which on processors of AMD does not use AVX-512; oneDNN does, and is more than twice
as fast there: 224 GFLOP/s a core instead of 99. On one of Intel's with AVX-512 both are alike (measured here for 1024 x
9216 x 4096: MKL 173, oneDNN 150), so MKL stays. The results are the same but for rounding. bfloat16 is oneDNN's anyway.
"""

import platform
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional


@cache
def onednn_is_faster() -> bool:
    """Return whether float32 products belong to oneDNN on this machine: AMD's processors with AVX-512."""
    return is_amd() and torch.backends.cpu.get_cpu_capability().startswith("AVX512") and has_onednn()


def has_onednn() -> bool:
    """Return whether this PyTorch can be asked for oneDNN's product of plain float32 tensors."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def is_amd() -> bool:
    """Return whether the processor is of AMD, as far as the system tells."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        told = platform.processor()  # on Windows: "AMD64 Family 25 Model 33 Stepping 0, AuthenticAMD"
    return "AuthenticAMD" in told


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Return (N, out): `x` (N, in) times the transpose of `weight` (out, in), plus `bias` (out,)."""
    plain = x.dtype == weight.dtype == torch.float32 and x.device.type == "cpu" and len(x) > 0
    if not plain or torch.is_autocast_enabled("cpu") or not onednn_is_faster():
        return functional.linear(x, weight, bias)
    if torch.is_grad_enabled():
        result: torch.Tensor = _OneDnnLinear.apply(x, weight, bias)  # type: ignore[no-untyped-call]
        return result
    return _product(x, weight, bias)


class _OneDnnLinear(torch.autograd.Function):
    """The same with a gradient: three products."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        return _product(x, weight, bias)

    @staticmethod
    def backward(  # type: ignore[override]
        ctx: Any, gradient: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        x, weight = ctx.saved_tensors
        of_x = _product(gradient, weight.t()) if ctx.needs_input_grad[0] else None
        of_weight = _product(gradient.t(), x.t()) if ctx.needs_input_grad[1] else None
        return of_x, of_weight, gradient.sum(0) if ctx.has_bias else None


def _product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    operation = torch.ops.mkldnn._linear_pointwise  # what PyTorch's own compiler calls
    result: torch.Tensor = operation(x.contiguous(), weight.contiguous(), bias, "none", [], "")
    return result
