"""Times step 3's embeddings side by side: our engine in both precisions, plain PyTorch, and onnxruntime.

    .venv/bin/python benchmarks/bench_embeddings.py [--rois 200 2000] [--rounds 3] [--no-growth]

Two networks: the bundled one, and CNTK's AlexNet shape with full fc6 and fc7 (random filters). The ROIs are those of a
bundled picture. Plain PyTorch: the same layers from torch.nn, and ROI pooling as a loop of adaptive maxima (what one
writes first). onnxruntime runs what resources/export_onnx.py writes. CNTK: bench_cntk.py. The limit is what this
machine's matrix product reaches in the precision of the default, measured in the same run, for the multiplications
needed.
"""

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.timing import growth_table, markdown_table, summary, wall_milliseconds
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.engines.torch_layers import build_layers
from fastRCNN.network.alexnet import he_initialised
from fastRCNN.network.network import Network, load_network
from fastRCNN.network.precision import choose_precision
from fastRCNN.pipeline.cntk_inputs import absolute_rois, relative_rois
from fastRCNN.proposals.roi_parameters import RoiParameters
from fastRCNN.proposals.rois import compute_rois
from helpers.images import find_images, pad_to_square, read_image
from helpers.parameters import BUNDLED_MODEL, REPOSITORY
from resources.export_onnx import export

GROCERY = RoiParameters(
    roi_minDimRel=0.04, roi_maxDimRel=0.4, roi_minNrPixelsRel=2 * 0.04 * 0.04, roi_maxNrPixelsRel=0.33 * 0.4 * 0.4
)
SIDE = 1000  # pixels of the padded picture, as in the tutorial
GROWTH_ROIS, GROWTH_SIDES = (200, 2000, 8000), (500, 1000, 2000)
Embed = Callable[[np.ndarray, np.ndarray], np.ndarray]  # picture (S, S, 3) and ROIs (N, 4) -> (N, 4096)


class PlainNetwork:
    """AlexNet as one writes it first."""

    def __init__(self, network: Network) -> None:
        self.trunk, self.head = (nn.Sequential(*map(_plain, build_layers(network, layers)))
                                 for layers in (network.spec.trunk, network.spec.head))  # fmt: skip
        self.mean = torch.tensor(network.spec.input.mean)

    def embed(self, picture: np.ndarray, rois: np.ndarray) -> np.ndarray:
        """Return (N, 4096) float32, as the engine does."""
        with torch.inference_mode():
            pixels = torch.from_numpy(picture).float() - self.mean
            features = self.trunk(pixels.permute(2, 0, 1)[None].contiguous())
            cells = torch.from_numpy(np.rint(rois / 16)).long()
            pooled = [
                functional.adaptive_max_pool2d(features[:, :, y1 : y2 + 1, x1 : x2 + 1], 6)
                for x1, y1, x2, y2 in cells.tolist()
            ]
            return self.head(torch.cat(pooled).flatten(1)).numpy()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rois", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-growth", action="store_true", help="leave out the tables over ROIs and picture sizes")
    options = parser.parse_args()
    precision = choose_precision("auto", device="cpu")
    rates = {name: matrix_rate(getattr(torch, name)) for name in dict.fromkeys(("float32", precision))}
    print(f"The default here is {precision}. Matrix product, {torch.get_num_threads()} threads: "
          + ", ".join(f"{name} {rate:.0f} GFLOP/s" for name, rate in rates.items()) + ".\n")  # fmt: skip
    picture, rois = picture_and_rois(SIDE)
    rows = []
    networks = {"bundled": load_network(REPOSITORY / BUNDLED_MODEL), "full": he_initialised(0)}
    for name, network in networks.items():
        programs = programs_of(network, precision)
        for count in options.rois:
            calls = {what: _call(embed, picture) for what, embed in programs.items()}
            times = wall_milliseconds(calls, [rois[:count]], rounds=options.rounds)
            limit = 1000 * gigaflop(network, SIDE, min(count, len(rois))) / rates[precision]
            ours = times["ours"]
            rows.append([name, min(count, len(rois)), *(f"{value:.0f}" for value in times.values()),
                         f"{times['plain PyTorch'] / ours:.1f}", f"{times['onnxruntime'] / ours:.1f}",
                         f"{limit:.0f}", f"{limit / ours:.0%}"])  # fmt: skip
            print(summary(f"embeddings, {name} network, {count} ROIs", f"onnxruntime: {times['onnxruntime']:.0f} ms",
                          f"{ours:.0f} ms", f"{times['onnxruntime'] / ours:.1f}"))  # fmt: skip
    headers = ["network", "ROIs", "plain PyTorch, ms", "onnxruntime, ms", "ours, float32, ms", "ours, ms",
               "times plain", "times onnxruntime", "limit, ms", "of the limit"]  # fmt: skip
    print(markdown_table(headers, rows))
    if not options.no_growth:
        print("\nHow ours grows, milliseconds:\n\n" + growth(networks["bundled"], precision, options.rounds))


def programs_of(network: Network, precision: str) -> dict[str, Embed]:
    """Return the programs that take turns, by name."""
    return {
        "plain PyTorch": PlainNetwork(network).embed,
        "onnxruntime": onnxruntime_embed(network),
        "ours, float32": _one_picture(TorchEngine(network, device="cpu")),
        "ours": _one_picture(TorchEngine(network, device="cpu", precision=precision)),
    }


def onnxruntime_embed(network: Network) -> Embed:
    """Return onnxruntime with the exported network, on as many threads as PyTorch."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(export(network).SerializeToString(), settings, ["CPUExecutionProvider"])

    def embed(picture: np.ndarray, rois: np.ndarray) -> np.ndarray:
        pixels = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)
        return session.run(["embedding"], {"picture": pixels, "rois": rois.astype(np.float32)})[0]

    return embed


def growth(network: Network, precision: str, rounds: int) -> str:
    """Return tables of the time by ROIs and by picture size."""
    embed = _one_picture(TorchEngine(network, device="cpu", precision=precision))
    picture, _ = picture_and_rois(SIDE)
    by_rois = [
        wall_milliseconds({"ours": _call(embed, picture)}, [random_rois(count)], rounds=rounds)["ours"]
        for count in GROWTH_ROIS
    ]
    by_side = []
    for side in GROWTH_SIDES:
        picture, rois = picture_and_rois(side)
        times = wall_milliseconds({"ours": _call(embed, picture)}, [rois[:200]], rounds=rounds)
        by_side.append(times["ours"])
    return "\n\n".join([
        growth_table("ROIs", GROWTH_ROIS, "ROIs", {f"{SIDE} pixels": by_rois}, digits=0),
        growth_table("side of the picture", GROWTH_SIDES, "pixels", {"200 ROIs": by_side}, digits=0),
    ])  # fmt: skip


def picture_and_rois(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a bundled picture padded to (side, side, 3), and its ROIs (N, 4) in that square."""
    image = read_image(find_images(REPOSITORY / "data" / "grocery" / "testImages")[0])
    rois = compute_rois(image, GROCERY, np.random.default_rng(0))
    placed = absolute_rois(relative_rois(rois, image.shape[1], image.shape[0], side), side)
    return pad_to_square(image, side)[0], placed.astype(np.float32)


def random_rois(count: int) -> np.ndarray:
    """Return (count, 4) float32 ROIs of all sizes inside the picture."""
    corners = np.random.default_rng(1).integers(0, SIDE, (count, 2, 2))
    return np.sort(corners, axis=1).reshape(count, 4).astype(np.float32)


def gigaflop(network: Network, side: int, rois: int) -> float:
    """Return the multiplications and additions, in 1e9, of the convolutions once and the linear layers for each ROI."""
    spec, trunk = network.spec, build_layers(network, network.spec.trunk)
    x, total = torch.zeros(1, 3, side, side), 0
    with torch.inference_mode():
        for layer in trunk:
            x = layer(x)
            if isinstance(layer, nn.Conv2d):
                total += 2 * x.numel() * layer.weight[0].numel()
    names = [layer.name for layer in spec.head if hasattr(layer, "name")]
    return (total + rois * sum(2 * math.prod(spec.weight_shapes()[name]) for name in names)) / 1e9


def matrix_rate(dtype: torch.dtype) -> float:
    """Return the GFLOP/s of a large matrix product of this type on this machine now."""
    a, b = torch.rand(2000, 9216).to(dtype), torch.rand(4096, 9216).to(dtype)
    best = min(wall_milliseconds({"product": lambda _: functional.linear(a, b)}, [None], rounds=5).values())
    return 2 * 2000 * 9216 * 4096 / 1e6 / best


def _plain(layer: nn.Module) -> nn.Module:
    if isinstance(layer, nn.LocalResponseNorm):
        return nn.LocalResponseNorm(layer.size, layer.alpha, layer.beta, layer.k)
    return layer


def _one_picture(engine: TorchEngine) -> Embed:
    return lambda picture, rois: engine.embed([picture], [rois])[0]


def _call(embed: Embed, picture: np.ndarray) -> Callable[[Any], Any]:
    return lambda rois: embed(picture, rois)


if __name__ == "__main__":
    main()
