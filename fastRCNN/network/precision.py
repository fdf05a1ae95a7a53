"""Which numbers the network is run with: float32, or bfloat16 where the machine has instructions for it.

bfloat16 has the range of float32 and 8 significant bits. Products are exact and summed in float32; weights and what
passes from layer to layer are rounded. What this does to the average precision stands in DIFFERENCES.md.
"""

from helpers.errors import UserError


def choose_precision(wanted: str, *, engine: str = "torch", device: str = "auto", may_round: bool = True) -> str:
    """Return "float32" or "bfloat16" for `wanted`, which may also be "auto".

    "auto" is bfloat16 where this machine multiplies such numbers in hardware and what the network gives `may_round`:
    embeddings that SVMs are trained on may; the network's own scores, which would tie when rounded, and what is to be
    compared with the tutorial may not. CNTK computes in float32. Raises `UserError` for bfloat16 with CNTK.
    """
    if wanted not in ("auto", "float32", "bfloat16"):
        raise ValueError(f"wanted: expected 'auto', 'float32' or 'bfloat16', got {wanted!r}")
    if engine == "cntk" and wanted == "bfloat16":
        raise UserError("cntk_precision = 'bfloat16': CNTK computes in float32. Use --engine torch, or 'auto'")
    if wanted != "auto":
        return wanted
    if engine == "cntk" or not may_round:
        return "float32"
    return "bfloat16" if has_bfloat16(device) else "float32"


def has_bfloat16(device: str = "auto") -> bool:
    """Return whether what would run the network on `device` ("auto", "cpu", "cuda") multiplies bfloat16 in hardware."""
    import torch  # only where it is asked for: steps that run no network start faster without

    if device != "cpu" and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if not hasattr(torch.cpu, "get_capabilities"):  # an older PyTorch cannot tell, and float32 is always right
        return False
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))
