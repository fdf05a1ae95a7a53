"""A .pth: a dictionary of tensors, read without running what a pickle could contain.

It says nothing of the program that the tensors belong to. Their names do: each module of `KINDS` knows its own.
"""

import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from fastRCNN.network.spec import PictureInput
from helpers.errors import UserError
from resources.weight_import import efficientnet_lite, torchvision_chain, torchvision_resnet
from resources.weight_import.steps import Step

KINDS: tuple[ModuleType, ...] = (torchvision_chain, torchvision_resnet, efficientnet_lite)


def read_pth(path: Path) -> tuple[list[Step], PictureInput]:
    """Return the layers of `path`, whose widths are those of its tensors, and what they expect of a picture."""
    import torch  # takes seconds, and the other readers do without

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path}: PyTorch cannot load tensors from it: it is damaged, was cut short, is no .pth, or holds Python "
            f"objects, which are never loaded ({(str(error).splitlines() or [type(error).__name__])[0]})."
        ) from error
    tensors = _state(content)
    for kind in KINDS:
        if kind.recognises(tensors):
            try:
                return kind.steps(tensors), kind.PICTURE_INPUT
            except KeyError as error:
                raise UserError(
                    f"{path}: expected {kind.WHAT} with the tensor {error}, found none of that name."
                ) from None
    known = "; ".join(kind.WHAT for kind in KINDS)
    raise UserError(f"{path}: expected one of: {known}. Found {', '.join(list(tensors)[:8]) or 'no tensor'} ...")


def _state(content: Any) -> dict[str, np.ndarray]:
    """The tensors by name; a training program's checkpoint keeps them one level deeper, and with a prefix."""
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        return {}
    found = {str(name).removeprefix("module."): value for name, value in content.items()}
    return {name: value.float().numpy() for name, value in found.items() if hasattr(value, "numpy")}
