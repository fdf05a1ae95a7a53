"""Times step 3's embeddings side by side: our engine, plain PyTorch, and CNTK 2.7 where it is installed.

    .venv/bin/python benchmarks/bench_embeddings.py [--rois 200 2000] [--rounds 3]

The network has CNTK's AlexNet shape and random filters; the ROIs are those of a bundled picture. Plain PyTorch: the
same layers from torch.nn, and ROI pooling as a loop of adaptive maxima (what one writes first). CNTK: bench_cntk.py.
The limit is what this machine's matrix product reaches, measured in the same run, for the multiplications needed.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.timing import markdown_table, wall_milliseconds
from fastRCNN.alexnet import he_initialised
from fastRCNN.cntk_inputs import absolute_rois, relative_rois
from fastRCNN.engines.torch_engine import TorchEngine, build_layers
from fastRCNN.rois import RoiParameters, compute_rois
from helpers.images import find_images, pad_to_square, read_image

REPOSITORY = Path(__file__).resolve().parent.parent
GROCERY = RoiParameters(
    roi_minDimRel=0.04, roi_maxDimRel=0.4, roi_minNrPixelsRel=2 * 0.04 * 0.04, roi_maxNrPixelsRel=0.33 * 0.4 * 0.4
)
TRUNK_GIGAFLOP = 39.6  # multiplications and additions of the five convolutions at 1000 x 1000 pixels
HEAD_GIGAFLOP_PER_ROI = 2 * (9216 * 4096 + 4096 * 4096) / 1e9


class PlainNetwork:
    """AlexNet as one writes it first."""

    def __init__(self, engine: TorchEngine, network) -> None:
        layers = build_layers(network, network.spec.trunk)
        self.trunk = nn.Sequential(*[
            nn.LocalResponseNorm(m.size, m.alpha, m.beta, m.k) if isinstance(m, nn.LocalResponseNorm) else m
            for m in layers
        ])  # fmt: skip
        self.head, self.engine = engine.head, engine

    def embed(self, picture: np.ndarray, rois: np.ndarray) -> np.ndarray:
        """Return (N, 4096) float32, as the engine does."""
        with torch.inference_mode():
            features = self.trunk(self.engine.normalised(picture).contiguous())
            cells = torch.from_numpy(np.rint(rois / 16)).long()
            pooled = [
                functional.adaptive_max_pool2d(features[:, :, y1 : y2 + 1, x1 : x2 + 1], 6)
                for x1, y1, x2, y2 in cells.tolist()
            ]
            return self.head(torch.cat(pooled).flatten(1)).numpy()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rois", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    image = read_image(find_images(REPOSITORY / "data" / "grocery" / "testImages")[0])
    padded, _ = pad_to_square(image, 1000)
    all_rois = compute_rois(image, GROCERY, np.random.default_rng(0))
    placed = absolute_rois(relative_rois(all_rois, image.shape[1], image.shape[0], 1000), 1000)
    network = he_initialised(0)
    engine = TorchEngine(network, device="cpu")
    plain = PlainNetwork(engine, network)
    rate = matrix_rate()
    rows = []
    for count in options.rois:
        rois = placed[:count]
        times = wall_milliseconds(
            {"plain": lambda r: plain.embed(padded, r), "ours": lambda r: engine.embed(padded, r)},
            [rois],
            rounds=options.rounds,
        )
        limit = 1000 * (TRUNK_GIGAFLOP + HEAD_GIGAFLOP_PER_ROI * len(rois)) / rate
        plain_ms, ours_ms = times["plain"], times["ours"]
        rows.append([len(rois), f"{plain_ms:.0f}", f"{ours_ms:.0f}", f"{plain_ms / ours_ms:.1f}", f"{limit:.0f}",
                     f"{limit / ours_ms:.0%}"])  # fmt: skip
    print(f"Matrix product, float32, {torch.get_num_threads()} threads: {rate:.0f} GFLOP/s\n")
    headers = ["ROIs", "plain PyTorch, ms", "ours, ms", "times faster", "limit, ms", "of the limit"]
    print(markdown_table(headers, rows))


def matrix_rate() -> float:
    """Return the GFLOP/s of a large float32 matrix product on this machine now."""
    a, b = torch.rand(2000, 9216), torch.rand(9216, 4096)
    best = min(wall_milliseconds({"product": lambda _: a @ b}, [None], rounds=5).values())
    return 2 * 2000 * 9216 * 4096 / 1e6 / best


if __name__ == "__main__":
    main()
