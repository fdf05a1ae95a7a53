"""Fold the batch normalisation of a trained network into plain weights and write the tutorial's weight file.

    python -m resources.train_alexnet.fold FOLDER/checkpoint.pt FILE.npz [--commit TEXT]

y = (conv(x) - mean) / sqrt(var + eps) * gamma + beta is the convolution with weights times gamma / sqrt(var + eps) and
the bias beta - mean * gamma / sqrt(var + eps); so too for the second half of each low-rank linear layer. The training's
heads are left out. fc6 is trained on ROIs in the order rows, columns, channels; the file's order is channels first.
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

from fastRCNN.network.network import save_network
from resources.train_alexnet.network import BINS, GEOMETRY, INPUT_MEAN, INPUT_SCALE, Shape, TrainingAlexNet
from resources.train_alexnet.train import Recipe

SOURCE = "resources/train_alexnet: trained from nothing on procedural pictures"


def header(shape: Shape, notes: dict[str, Any]) -> dict[str, Any]:
    """Return the weight file's header of a folded network of `shape`."""
    trunk: list[dict[str, Any]] = []
    for k, (width, (kernel, stride, pad)) in enumerate(zip(shape.convolutions, GEOMETRY, strict=True)):
        trunk.append(
            {
                "type": "conv",
                "name": f"conv{k + 1}",
                "out": width,
                "kernel": kernel,
                "stride": stride,
                "pad": pad,
                "groups": 1,
            }
        )
        trunk.append({"type": "relu"})
        if k < 2:
            trunk.append({"type": "maxpool", "kernel": 3, "stride": 2, "pad": 0, "ceil": False})
    head: list[dict[str, Any]] = []
    for layer, waist in (("fc6", shape.waist6), ("fc7", shape.waist7)):
        head.append({"type": "linear", "name": f"{layer}_a", "out": waist})
        head.append({"type": "linear", "name": f"{layer}_b", "out": shape.features})
        head.append({"type": "relu"})
    return {
        "format": "fast-rcnn-tutorial network",
        "version": 1,
        "input": {"channels": "BGR", "mean": [INPUT_MEAN] * 3, "scale": [INPUT_SCALE] * 3},
        "trunk": trunk,
        "pooling": {"size": BINS, "spatial_scale": 0.0625},
        "head": head,
        "source": SOURCE,
        "source_sha256": None,
        "notes": notes,
    }


def fold(net: TrainingAlexNet) -> dict[str, NDArray]:
    """Return the plain weights of `net`, "<layer>.weight" and "<layer>.bias", float32."""

    def gain(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[NDArray, NDArray]:
        scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)  # type: ignore[union-attr]
        shift = norm.bias.double() - norm.running_mean.double() * scale  # type: ignore[union-attr]
        return scale.detach().cpu().numpy(), shift.detach().cpu().numpy()

    def weights(layer: nn.Module) -> NDArray:
        return layer.weight.detach().double().cpu().numpy()  # type: ignore[union-attr,operator]

    arrays: dict[str, NDArray] = {}
    for k, (convolution, norm) in enumerate(zip(net.convolutions, net.norms, strict=True)):
        scale, shift = gain(norm)  # type: ignore[arg-type]
        arrays[f"conv{k + 1}.weight"] = weights(convolution) * scale[:, None, None, None]
        arrays[f"conv{k + 1}.bias"] = shift
    channels = net.shape.convolutions[-1]
    first = weights(net.fc6_a).reshape(net.shape.waist6, BINS, BINS, channels)
    arrays["fc6_a.weight"] = first.transpose(0, 3, 1, 2).reshape(net.shape.waist6, -1)
    arrays["fc7_a.weight"] = weights(net.fc7_a)
    for name, layer, norm in (("fc6_b", net.fc6_b, net.norm6), ("fc7_b", net.fc7_b, net.norm7)):
        scale, shift = gain(norm)
        arrays[f"{name}.weight"] = weights(layer) * scale[:, None]
        arrays[f"{name}.bias"] = shift
    return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}


def program_sha256() -> str:
    """Return the SHA-256 of this folder's programs, names and bytes, in order."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--commit", default="", help="commit of the training program, for the header")
    arguments = parser.parse_args()
    state = torch.load(arguments.checkpoint, weights_only=True, map_location="cpu")
    recipe = Recipe.of(state["recipe"])
    net = TrainingAlexNet(recipe.shape, recipe.designs)
    net.load_state_dict(state["net"])
    notes = {
        "recipe": asdict(recipe),
        "seed": recipe.seed,
        "step": state["step"],
        "training_seconds": round(state["seconds"]),
        "commit": arguments.commit,
        "program_sha256": program_sha256(),
    }
    arrays = {name: array.astype(np.float16) for name, array in fold(net).items()}
    save_network(arguments.file, header(recipe.shape, notes), arrays)
    print(f"{arguments.file}: {arguments.file.stat().st_size / 1e6:.1f} MB, {state['step']} steps", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
