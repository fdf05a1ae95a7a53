"""torchvision's alexnet: a .pth with a dictionary of tensors, read without running what a pickle could contain."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from fastRCNN.network.alexnet import torchvision_shape
from fastRCNN.network.layers import Conv, Dropout, Linear, MaxPool, Relu
from helpers.errors import UserError
from resources.weight_import.chain import Step

PICTURE_INPUT = torchvision_shape().input
_CONVS = ("features.0", "features.3", "features.6", "features.8", "features.10")
_LINEARS = ("classifier.1", "classifier.4", "classifier.6")


def read_torchvision(path: Path) -> list[Step]:
    """Return the layers of `path`; their widths are those of its tensors."""
    import torch  # takes seconds, and the other readers do without

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path}: PyTorch cannot load tensors from it: it is damaged, was cut short, is no .pth, or holds Python "
            f"objects, which are never loaded ({(str(error).splitlines() or [type(error).__name__])[0]})."
        ) from error
    tensors = _state(content)
    missing = [f"{name}.weight" for name in (*_CONVS, *_LINEARS) if f"{name}.weight" not in tensors]
    if missing:
        raise UserError(
            f"{path}: expected torchvision's alexnet with {', '.join(missing)}; "
            f"found {', '.join(list(tensors)[:8]) or 'no tensor'} ..."
        )
    return _steps(tensors)


def _state(content: Any) -> dict[str, np.ndarray]:
    """The tensors by name; a training program's checkpoint keeps them one level deeper, and with a prefix."""
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict):
        return {}
    found = {str(name).removeprefix("module."): value for name, value in content.items()}
    return {name: value.float().numpy() for name, value in found.items() if hasattr(value, "numpy")}


def _steps(tensors: dict[str, np.ndarray]) -> list[Step]:
    """The layers in torchvision's order. Strides and pads are not in the file: they are those of its program."""
    strides, pads = (4, 1, 1, 1, 1), (2, 2, 1, 1, 1)
    steps: list[Step] = []
    for index, (name, stride, pad) in enumerate(zip(_CONVS, strides, pads, strict=True)):
        weight = tensors[f"{name}.weight"]
        conv = Conv("", weight.shape[0], weight.shape[2], stride=stride, pad=pad)
        steps += [Step(conv, weight, tensors.get(f"{name}.bias")), Step(Relu())]
        if index in (0, 1, 4):
            steps.append(Step(MaxPool(3, 2)))
    for name in _LINEARS:
        weight = tensors[f"{name}.weight"]
        last = name == _LINEARS[-1]
        linear = Step(Linear("", weight.shape[0]), weight, tensors.get(f"{name}.bias"))
        steps += [linear] if last else [Step(Dropout()), linear, Step(Relu())]
    return steps
