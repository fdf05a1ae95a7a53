#!/usr/bin/env python3
"""Make the tutorial's weight file from a published AlexNet:

    python resources/import_alexnet.py alexnet-owt-7be5be79.pth      torchvision's
    python resources/import_alexnet.py bvlcalexnet-12.onnx           of the ONNX model zoo
    python resources/import_alexnet.py bvlc_alexnet.caffemodel       Caffe's

It is written beside the bundled network, as resources/cntk/Imported.npz. To use it, set `cntk_model` in PARAMETERS.py
to that path, or give the steps from 3 on `--set cntk_model=resources/cntk/Imported.npz`.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))  # started from anywhere

from fastRCNN.network.network import Network, save_network  # noqa: E402
from fastRCNN.network.spec import PictureInput  # noqa: E402
from helpers.console import run_script  # noqa: E402
from helpers.errors import UserError  # noqa: E402
from resources.weight_import import caffe_file, onnx_file, torchvision_file  # noqa: E402
from resources.weight_import.chain import Step, network_of  # noqa: E402
from resources.weight_import.files import check_downloaded, sha256_of  # noqa: E402

OUTPUT = REPOSITORY / "resources" / "cntk" / "Imported.npz"
READERS: dict[str, tuple[Callable[[Path], list[Step]], PictureInput]] = {
    ".pth": (torchvision_file.read_torchvision, torchvision_file.PICTURE_INPUT),
    ".pt": (torchvision_file.read_torchvision, torchvision_file.PICTURE_INPUT),
    ".onnx": (onnx_file.read_onnx, caffe_file.PICTURE_INPUT),  # the zoo's was converted from Caffe's
    ".caffemodel": (caffe_file.read_caffemodel, caffe_file.PICTURE_INPUT),
}


def import_network(path: Path, *, picture_input: PictureInput | None = None) -> Network:
    """Read a published file. `picture_input` replaces what its kind expects of a picture."""
    if path.suffix.lower() not in READERS:
        raise UserError(f"{path}: expected a file whose name ends in {', '.join(READERS)}, found {path.suffix!r}.")
    check_downloaded(path)
    read, usual_input = READERS[path.suffix.lower()]
    steps = read(path)
    return network_of(
        steps, picture_input=picture_input or usual_input, source=path.name, sha256=sha256_of(path), where=path
    )


def import_file(path: Path, output: Path, *, picture_input: PictureInput | None = None) -> None:
    """Read a published file, write ours, and say what it was."""
    network = import_network(path, picture_input=picture_input)
    save_network(output, network.spec.to_header(), network.arrays)
    convs = [str(shape[0]) for shape in network.spec.weight_shapes().values() if len(shape) == 4]
    lrn = any(layer.type == "lrn" for layer in network.spec.trunk)
    size = sum(array.size for array in network.arrays.values()) / 1e6
    print(
        f"{path.name}: convolutions of {', '.join(convs)} filters, {'with' if lrn else 'without'} normalisation, ",
        end="",
    )
    print(f"{network.spec.feature_dimension} features, {size:.1f} million numbers\nwrote {output}")
    print(f"use it from step 3 on with --set cntk_model={output}")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a .pth, .onnx or .caffemodel file")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="weight file to write (default: %(default)s)")
    text = "what the network expects of a picture, where it is not what files of this kind usually expect: "
    parser.add_argument("--channels", choices=("BGR", "RGB"), help=text + "the order of its channels")
    parser.add_argument("--mean", type=float, nargs=3, help="... what is subtracted from each, in that order")
    parser.add_argument("--scale", type=float, nargs=3, help="... and what each is multiplied by then")
    return parser.parse_args(argv)


def main() -> int:
    """Import one file."""
    options = parse_arguments()
    usual = READERS.get(options.file.suffix.lower(), (None, PictureInput()))[1]
    given = PictureInput(
        options.channels or usual.channels,
        tuple(options.mean or usual.mean),
        tuple(options.scale or usual.scale),
    )
    import_file(options.file, options.output, picture_input=given)
    return 0


if __name__ == "__main__":
    run_script(main)
