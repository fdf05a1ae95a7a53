"""A training whose numbers run away: stopped at once, with what is kept and what to do."""

from collections.abc import Mapping
from pathlib import Path

import torch

from helpers.errors import UserError


def require_finite_weights(parameters: Mapping[str, torch.Tensor], epoch: int, advice: str) -> None:
    """Raise `UserError` naming the first of `parameters` that is not finite after `epoch` (from 1), then `advice`."""
    for name, parameter in parameters.items():
        if not bool(torch.isfinite(parameter).all()):
            raise UserError(f"{name} is not finite after epoch {epoch}: training stopped. {advice}")


def kept_checkpoint(checkpoint: Path | None, epochs_done: int) -> str:
    """Return a sentence, with a space behind it, on the checkpoint that stays; "" where there is none yet."""
    return f"The checkpoint of epoch {epochs_done} is kept: {checkpoint}. " if epochs_done and checkpoint else ""
