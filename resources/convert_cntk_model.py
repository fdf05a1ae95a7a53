#!/usr/bin/env python3
"""Convert networks between CNTK's `.model` files, this tutorial's weight files (.npz) and ONNX. Needs CNTK.

  python resources/convert_cntk_model.py AlexNet.model AlexNet.npz        for --set cntk_model=AlexNet.npz
  python resources/convert_cntk_model.py frcn_nn.npz frcn_nn.model        for CNTK
  python resources/convert_cntk_model.py --for-examples AlexNet.npz AlexNet.model     for CNTK's own detection examples
  python resources/convert_cntk_model.py AlexNet.npz AlexNet.onnx         writes AlexNet.trunk.onnx, AlexNet.head.onnx

A `.model` is an AlexNet of CNTK's tutorials or a Fast R-CNN that was saved by the tutorial. Its nodes are found by the
tutorial's names (features, conv5.y, pool3, h2_d), and where a name is missing by the order of the operations; say
--features, --conv, --pool or --last where that goes wrong. Install CNTK first: python3 resources/install_cntk.py

CNTK's own detection examples (FastRCNN, FasterRCNN) subtract 114 from every pixel before they run a network, and train
its convolutions. --for-examples writes a model for them: convolutions as parameters, without the mean that they
subtract. Otherwise convolutions are constants, as in the tutorial, and the model takes pixels as they are. Both kinds
are read here.

CNTK's exporter writes convolutions and fully connected layers as ONNX, not ROI pooling, so a network becomes two files.
"""

import argparse
import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fastRCNN.engines.cntk_engine import CntkEngine
from fastRCNN.network.network import save_network
from helpers.console import run_script
from helpers.errors import UserError

FORMATS = (".model", ".npz", ".onnx")


def main() -> None:
    """Convert one file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="a .model or .npz file")
    parser.add_argument("target", type=Path, help="the .npz, .model or .onnx file to write")
    for part in ("features", "conv", "pool", "last"):
        parser.add_argument(
            f"--{part}", metavar="NODE", help=f"name of the {part} node, where it is not the tutorial's"
        )
    parser.add_argument("--side", type=int, default=1000, help="pixels of the padded picture, for ONNX (default 1000)")
    parser.add_argument("--for-examples", action="store_true",
                        help="for CNTK's detection examples: convolutions learn, 114 is left out")  # fmt: skip
    given = parser.parse_args()
    names = {part: name for part in ("features", "conv", "pool", "last") if (name := getattr(given, part))}
    for line in convert(given.source, given.target, node_names=names, side=given.side, for_examples=given.for_examples):
        print(line)


def convert(
    source: Path,
    target: Path,
    *,
    node_names: dict[str, str] | None = None,
    side: int = 1000,
    for_examples: bool = False,
) -> list[str]:
    """Convert `source` to `target`, formats by their suffixes; return lines that say what was written."""
    if for_examples and target.suffix != ".model":
        raise UserError(f"{target}: --for-examples is about a .model to write")
    if source.suffix not in FORMATS[:2] or target.suffix not in FORMATS:
        raise UserError(f"{source} -> {target}: expected a .model or .npz, and a target .npz, .model or .onnx")
    if source.resolve() == target.resolve():
        raise UserError(f"{source}: source and target are the same file")
    with CntkEngine(source, node_names=node_names) as engine:
        if target.suffix == ".model":
            engine.save(target, for_examples=for_examples)
        elif target.suffix == ".npz":
            network = engine.network()
            header = network.spec.to_header()
            if header["source_sha256"] is None and source.suffix == ".model":
                header["source"] = f"{source.name}: {header['source']}"
                header["source_sha256"] = hashlib.sha256(source.read_bytes()).hexdigest()
            save_network(target, header, network.arrays)
        else:
            files, cannot = engine.export_onnx(target.with_suffix(""), side)
            pooling = "Between trunk and head belongs ROI pooling, which CNTK cannot export"
            return [f"{path} written" for path in files] + ([f"{pooling}: {cannot}"] if cannot else [])
    return [f"{target} written"]


if __name__ == "__main__":
    run_script(main)
