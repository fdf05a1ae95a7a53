#!/usr/bin/env python3
"""Make the tutorial's weight file from a published network:

    python resources/import_network.py alexnet-owt-7be5be79.pth      torchvision's alexnet, vgg16, resnet50, resnet101
    python resources/import_network.py resnet50-v1-12.onnx           of the ONNX model zoo
    python resources/import_network.py ResNet-50-model.caffemodel    Caffe's

It is written beside the bundled network, as resources/cntk/Imported.npz. To use it, set `cntk_model` in PARAMETERS.py
to that path, or give the steps from 3 on `--set cntk_model=resources/cntk/Imported.npz`.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))  # started from anywhere

from fastRCNN.network.layers import every_layer  # noqa: E402
from fastRCNN.network.network import Network, save_network  # noqa: E402
from fastRCNN.network.spec import POOLING_KINDS, NetworkSpec, PictureInput  # noqa: E402
from helpers.console import run_script  # noqa: E402
from helpers.errors import UserError  # noqa: E402
from resources.weight_import import caffe_file, onnx_file, pth_file  # noqa: E402
from resources.weight_import.chain import HEADS, Cut, network_of  # noqa: E402
from resources.weight_import.files import check_downloaded, sha256_of  # noqa: E402
from resources.weight_import.steps import Step  # noqa: E402

OUTPUT = REPOSITORY / "resources" / "cntk" / "Imported.npz"
# Each gives the layers, and what they expect of a picture.
READERS: dict[str, Callable[[Path], tuple[list[Step], PictureInput]]] = {
    ".pth": pth_file.read_pth,
    ".pt": pth_file.read_pth,
    ".onnx": onnx_file.read_onnx,
    ".caffemodel": caffe_file.read_caffemodel,
}


def import_network(path: Path, *, picture_input: PictureInput | None = None, cut: Cut | None = None) -> Network:
    """Read a published file. `picture_input` replaces what its kind expects of a picture."""
    if path.suffix.lower() not in READERS:
        raise UserError(f"{path}: expected a file whose name ends in {', '.join(READERS)}, found {path.suffix!r}.")
    check_downloaded(path)
    steps, usual_input = READERS[path.suffix.lower()](path)
    return network_of(
        steps,
        picture_input=picture_input or usual_input,
        source=path.name,
        sha256=sha256_of(path),
        where=path,
        cut=cut or Cut(),
    )


def import_file(
    path: Path,
    output: Path,
    *,
    change_input: Callable[[PictureInput], PictureInput] | None = None,
    cut: Cut | None = None,
) -> Network:
    """Read a published file, write ours, and say what it was. `change_input`: what its kind expects -> what it does."""
    network = import_network(path, cut=cut)
    if change_input is not None:
        changed = NetworkSpec.from_header(
            {**network.spec.to_header(), "input": vars(change_input(network.spec.input))}, where=str(path)
        )
        network = Network(changed, network.arrays, network.where)
    save_network(output, network.spec.to_header(), network.arrays)
    print(f"{path.name}: {description(network)}\nwrote {output}")
    print(f"use it from step 3 on with --set cntk_model={output}")
    return network


def description(network: Network) -> str:
    """Return a line on the network: what its trunk and head are made of, and how large it is."""
    spec = network.spec
    filters = [str(shape[0]) for shape in spec.weight_shapes().values() if len(shape) == 4]
    shown = ", ".join(filters) if len(filters) < 9 else f"{', '.join(filters[:3])}, ... {filters[-1]}"
    layers = [layer.type for layer in every_layer((*spec.trunk, *spec.head))]
    with_ = f"{'with' if 'lrn' in layers else 'without'} normalisation"
    with_ += f", {layers.count('residual')} residual blocks" if "residual" in layers else ""
    size = sum(array.size for array in network.arrays.values()) / 1e6
    pooling = f"ROI {'align' if spec.pooling_kind == 'align' else 'pooling'} {spec.pooling_size} x {spec.pooling_size}"
    return (
        f"{len(filters)} convolutions of {shown} filters, {with_}; {pooling}, {spec.feature_dimension} features, "
        f"{size:.1f} million numbers"
    )


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a .pth, .onnx or .caffemodel file")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="weight file to write (default: %(default)s)")
    text = "what the network expects of a picture, where it is not what files of this kind usually expect: "
    parser.add_argument("--channels", choices=("BGR", "RGB"), help=text + "the order of its channels")
    parser.add_argument("--mean", type=float, nargs=3, help="... what is subtracted from each, in that order")
    parser.add_argument("--scale", type=float, nargs=3, help="... and what each is multiplied by then")
    add_cut(parser)
    return parser.parse_args(argv)


def add_cut(parser: argparse.ArgumentParser) -> None:
    """Add the options of `cut_of`."""
    parser.add_argument(
        "--head",
        choices=HEADS,
        help="what describes a ROI: the network's further layers (rest), or the pooled numbers as they are (map)",
    )
    parser.add_argument("--pooling", choices=POOLING_KINDS, help="kind of ROI pooling (default: what suits the map)")
    parser.add_argument("--pooling-size", type=int, metavar="N", help="N x N bins (default: what suits the head)")


def cut_of(options: argparse.Namespace) -> Cut:
    """Return how the command line wants a network to be cut."""
    return Cut(options.head or "rest", options.pooling, options.pooling_size)


def main() -> int:
    """Import one file."""
    options = parse_arguments()

    def changed(usual: PictureInput) -> PictureInput:
        return PictureInput(
            options.channels or usual.channels, tuple(options.mean or usual.mean), tuple(options.scale or usual.scale)
        )

    import_file(options.file, options.output, change_input=changed, cut=cut_of(options))
    return 0


if __name__ == "__main__":
    run_script(main)
