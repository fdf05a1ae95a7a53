"""Train the network that proposes regions on scenes that this folder draws; resumable.

    python -m resources.train_proposals.train --out FOLDER [--steps 12000] [--minutes 8]

Writes to FOLDER: `pool/` (the scenes), `checkpoint.pt`, `log.jsonl` (a line per 50 steps). The same command goes on
where it stopped; on a CPU the same recipe gives the same weights with the same PyTorch and number of threads.
`python -m resources.train_proposals.write FOLDER/checkpoint.pt FILE.npz` makes the weight file of it.
"""

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is loaded: do not spin on a shared machine

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fastRCNN.network.network import load_network
from resources.train_alexnet.train import save_checkpoint
from resources.train_proposals.network import TrainingProposer, losses, start_network, targets_of
from resources.train_proposals.pool import Pool
from resources.train_proposals.windows import SIDE, make_window

log = logging.getLogger("train_proposals")
OUTER = torch.tensor([0.0, 0, 1, 1])  # from the last pixel inside to the edge
BUNDLED = Path(__file__).resolve().parent.parent / "cntk" / "AlexNet.npz"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, but for the bundled network that it starts from."""

    seed: int = 0
    pool: int = 3000
    first_scenes: int = 1200
    """Scenes that the first step chooses from; each step adds `new_scenes`: training need not wait for the pool."""
    new_scenes: int = 2
    windows: int = 8
    steps: int = 12000
    decay: float = 0.5
    """Share of the steps, at the end, over which the rate falls to zero."""
    warmup: int = 200
    rate: float = 2e-4
    """Of the trunk."""
    rate_new: float = 1e-3
    """Of the layers that begin with random weights."""
    weight_decay: float = 0.01
    box_weight: float = 1.5

    def scenes_at(self, step: int) -> int:
        """Return how many scenes of the pool `step` chooses from."""
        return min(self.pool, self.first_scenes + self.new_scenes * step)

    def factor_at(self, step: int) -> float:
        """Return what the rates of `step` are multiplied by: warm-up, plateau, straight fall to zero."""
        left = (self.steps - step) / max(1, round(self.decay * self.steps))
        return min(1.0, (step + 1) / self.warmup, left)


def make_batch(pool: Pool, recipe: Recipe, step: int) -> tuple[NDArray, list[tuple[NDArray, NDArray]]]:
    """Return windows (B, S, S, 3) uint8 of one `step`, and boxes and clear of each."""
    images, truth = [], []
    for slot in range(recipe.windows):
        rng = np.random.default_rng([recipe.seed, 2, step, slot])
        indices = rng.integers(0, recipe.scenes_at(step), 4)
        for index in indices:
            pool.wait(int(index))
        window = make_window(rng, pool.images, pool.truth, indices)
        images.append(window.image)
        truth.append((window.boxes, window.clear))
    return np.stack(images), truth


def batches(pool: Pool, recipe: Recipe, start: int) -> Iterator[tuple[NDArray, list[tuple[NDArray, NDArray]]]]:
    """Yield the batches of the steps from `start` on, the next two made ahead in a thread."""
    with ThreadPoolExecutor(1) as executor:
        ahead = [executor.submit(make_batch, pool, recipe, step) for step in range(start, min(start + 2, recipe.steps))]
        for step in range(start, recipe.steps):
            batch = ahead.pop(0).result()
            if step + 2 < recipe.steps:
                ahead.append(executor.submit(make_batch, pool, recipe, step + 2))
            yield batch


def may_go_on(old: Recipe, new: Recipe, step: int) -> bool:
    """Tell whether `new` would have done the same up to `step`: only the end may differ, before the rate falls."""
    if old == new:
        return True
    same = replace(old, steps=new.steps, decay=new.decay) == new
    return same and all(recipe.factor_at(step) == 1.0 for recipe in (old, new))


def train(folder: Path, recipe: Recipe, *, minutes: float | None = None, threads: int = 2, workers: int = 1,
          stop: int | None = None) -> TrainingProposer:  # fmt: skip
    """Train in `folder` up to `recipe.steps`, or until `minutes` are over, or to step `stop`; return the network.

    With one or two `threads` the weights are the same each time: two gradients have the same sum in either order.
    """
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)  # a part of the windows for each of our threads: they wait for each other once a step
    pool_of_threads = ThreadPoolExecutor(threads)
    cv2.setNumThreads(1)
    pool = Pool(folder / "pool", size=recipe.pool, seed=recipe.seed)
    makers = pool.start(workers)
    net = TrainingProposer(start_network(load_network(BUNDLED), recipe.seed)).to(memory_format=torch.channels_last)
    trunk = list(net.trunk.parameters())
    new = [p for part in (net.conv, net.cls, net.box) for p in part.parameters()]
    groups = [{"params": trunk, "rate": recipe.rate}, {"params": new, "rate": recipe.rate_new}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=recipe.weight_decay, fused=True)
    checkpoint, start, spent = folder / "checkpoint.pt", 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        if not may_go_on(Recipe(**state["recipe"]), recipe, state["step"]):
            raise ValueError(f"{checkpoint}: made with another recipe, {state['recipe']}; use another folder")
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        start, spent = state["step"], state["seconds"]
    places = net.anchors(SIDE)
    anchors = torch.from_numpy(places).float() + OUTER
    net.train()
    sums: dict[str, float] = {}
    began = last = time.perf_counter()
    final = min(recipe.steps, stop or recipe.steps)
    for step, (windows, truth) in zip(range(start, final), batches(pool, recipe, start), strict=False):
        for group in optimizer.param_groups:
            group["lr"] = recipe.factor_at(step) * group["rate"]
        labels, wanted = [], []
        for boxes, clear in truth:
            own, nearest = targets_of(places, boxes, clear)
            labels.append(torch.from_numpy(own))
            wanted.append(torch.from_numpy(boxes)[nearest] + OUTER if len(boxes) else anchors)
        optimizer.zero_grad(set_to_none=True)
        batch = torch.from_numpy(windows), torch.stack(labels), torch.stack(wanted)
        count = (batch[1] == 1).sum().clamp(min=1)
        learn = partial(_learn, net, recipe, anchors, count)
        found = list(pool_of_threads.map(learn, *(part.chunk(threads) for part in batch)))
        parts = {name: sum(each[name] for each in found) for name in found[0]}
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + value
        done = step + 1
        over = minutes is not None and time.perf_counter() - began > 60 * minutes
        if done % 50 == 0 or done == final or over:
            now, count = time.perf_counter(), (done - 1) % 50 + 1
            line = {
                "step": done, "rate": recipe.factor_at(step) * recipe.rate,
                "seconds": round(spent + now - began, 1), "per_step": round((now - last) / count, 4),
            } | {k: round(v / count, 4) for k, v in sums.items()}  # fmt: skip
            with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            log.info("%s", line)
            sums, last = {}, now
        if done % 500 == 0 or done == final or over:
            save_checkpoint(checkpoint, {
                "recipe": asdict(recipe), "step": done, "seconds": spent + time.perf_counter() - began,
                "net": net.state_dict(), "optimizer": optimizer.state_dict(),
            })  # fmt: skip
        if over:
            break
    for process in makers:
        process.terminate()
    return net


def _learn(
    net: TrainingProposer, recipe: Recipe, anchors: torch.Tensor, count: torch.Tensor,
    windows: torch.Tensor, labels: torch.Tensor, wanted: torch.Tensor,
) -> dict[str, float]:  # fmt: skip
    """Add the gradients of some windows of a batch, which has `count` anchors that are objects; return the losses."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores, offsets = net(windows.permute(0, 3, 1, 2))
    parts = {name: value / count for name, value in losses(scores, offsets, anchors, labels, wanted).items()}
    (parts["object"] + recipe.box_weight * parts["box"]).backward()
    return {name: float(value.detach()) for name, value in parts.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    for name in ("seed", "pool", "windows", "steps", "warmup"):
        default = getattr(Recipe, name)
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    for name in ("decay", "rate"):
        default = getattr(Recipe, name)
        parser.add_argument(f"--{name}", type=float, default=default, help=f"default {default}")
    parser.add_argument("--minutes", type=float, help="stop after so many, to go on later")
    parser.add_argument("--threads", type=int, choices=(1, 2), default=2)
    parser.add_argument("--workers", type=int, default=1, help="processes that draw scenes")
    arguments = vars(parser.parse_args())
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    run = {k: arguments.pop(k) for k in ("minutes", "threads", "workers")}
    train(arguments.pop("out"), Recipe(**arguments), **run)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
