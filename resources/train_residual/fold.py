"""Fold the batch normalisation of a trained residual network and write the tutorial's weight file, in float16.

    python -m resources.train_residual.fold FOLDER/checkpoint.pt FILE.npz [--head]

Without --head a ROI's description is the pooled map itself; with it, the two thin linear layers behind it too.
"""

import argparse
import hashlib
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fastRCNN.network.batch_norm import BatchNorm
from fastRCNN.network.layers import Conv, Layer, Linear, Relu, Residual
from fastRCNN.network.network import save_network
from fastRCNN.network.spec import NetworkSpec, PictureInput
from resources.train_residual.network import BINS, INPUT_MEAN, INPUT_SCALE, Normed, ResidualNet
from resources.train_residual.recipe import Recipe

SOURCE = "resources/train_residual: trained from nothing on procedural pictures"


def fold(net: ResidualNet, *, head: bool, notes: dict[str, Any]) -> tuple[NetworkSpec, dict[str, NDArray[np.float32]]]:
    """Return the description and the plain weights of `net`."""
    arrays: dict[str, NDArray[np.float32]] = {}

    def conv(module: nn.Module, name: str) -> Conv:
        assert isinstance(module, Normed)
        layer = module.conv
        arrays[f"{name}.weight"], arrays[f"{name}.bias"] = _numbers(module.norm).folded_into(_array(layer.weight))
        return Conv(name, layer.out_channels, layer.kernel_size[0], layer.stride[0], int(layer.padding[0]))

    trunk: list[Layer] = []
    for number, module in enumerate(net.stem, 1):
        trunk += [conv(module, f"stem{number}"), Relu()]
    for number, block in enumerate(net.blocks, 1):
        branch = conv(block.first, f"block{number}_1"), Relu(), conv(block.second, f"block{number}_2")  # type: ignore[arg-type]
        shortcut = () if block.shortcut is None else (conv(block.shortcut, f"block{number}_s"),)  # type: ignore[arg-type]
        trunk += [Residual(branch, shortcut), Relu()]
    trunk += [conv(net.last, "last"), Relu()]
    behind: tuple[Layer, ...] = ()
    if head:
        waist, features, channels = net.shape.waist, net.shape.features, net.shape.map_channels
        behind = Linear("fc_a", waist), Linear("fc_b", features), Relu()
        first = _array(net.fc_a.weight).reshape(waist, BINS, BINS, channels)  # the file has the channels first
        arrays["fc_a.weight"] = np.ascontiguousarray(first.transpose(0, 3, 1, 2).reshape(waist, -1))
        weight = _array(net.fc_b.weight)
        arrays["fc_b.weight"], arrays["fc_b.bias"] = _numbers(net.fc_norm).folded_into(weight)
    spec = NetworkSpec(
        trunk=tuple(trunk), head=behind,
        input=PictureInput("BGR", (INPUT_MEAN,) * 3, (INPUT_SCALE,) * 3),
        pooling_size=BINS, pooling_kind="align", source=SOURCE, notes=notes,
    )  # fmt: skip
    return spec, arrays


def write(file: Path, net: ResidualNet, *, head: bool, notes: dict[str, Any]) -> None:
    """Write the weight file of `net`, which may be on any device."""
    spec, arrays = fold(net, head=head, notes=notes)
    save_network(file, spec.to_header(), {name: array.astype(np.float16) for name, array in arrays.items()})


def program_sha256() -> str:
    """Return the SHA-256 of this folder's programs, names and bytes, in order."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    return tensor.detach().float().cpu().numpy()


def _numbers(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> BatchNorm:
    assert norm.running_mean is not None and norm.running_var is not None
    return BatchNorm(*(_array(v) for v in (norm.weight, norm.bias, norm.running_mean, norm.running_var)), norm.eps)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--head", action="store_true", help="with the linear layers behind ROI align")
    arguments = parser.parse_args()
    state = torch.load(arguments.checkpoint, weights_only=True, map_location="cpu")
    recipe = Recipe.of(state["recipe"])
    net = ResidualNet(recipe.shape)
    prefix = "net."
    net.load_state_dict({
        name.removeprefix(prefix): value
        for name, value in state["learners"]["residual"]["net"].items() if name.startswith(prefix)
    })  # fmt: skip
    notes = {"recipe": asdict(recipe), "step": state["step"], "training_seconds": round(state["seconds"]),
             "program_sha256": program_sha256()}  # fmt: skip
    write(arguments.file, net, head=arguments.head, notes=notes)
    print(f"{arguments.file}: {arguments.file.stat().st_size / 1e6:.1f} MB, {state['step']} steps", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
