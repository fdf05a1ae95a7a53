"""Train the network that proposes regions on scenes that this folder draws; resumable.

    python -m resources.train_proposals.train --out FOLDER [--steps 12000] [--minutes 8]
    python -m resources.train_proposals.train --out FOLDER --device cuda --windows 32 --within-minutes 4

Writes to FOLDER: `pool/` (the scenes), `checkpoint.pt`, `log.jsonl` (a line per 50 steps). The same command goes on
where it stopped; on a CPU the same recipe gives the same weights with the same PyTorch and number of threads. On a GPU
it does not: sums are made in any order there; and with `--within-minutes` the clock decides.
`python -m resources.train_proposals.write FOLDER/checkpoint.pt FILE.npz` makes the weight file of it.
"""

import argparse
import json
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is loaded: do not spin on a shared machine

import cv2
import torch
from numpy.typing import NDArray
from torch import Tensor

from fastRCNN.network.network import load_network
from resources.train_alexnet.train import save_checkpoint
from resources.train_proposals.batch_targets import targets_of_batch
from resources.train_proposals.batches import Makers, Truth, batches
from resources.train_proposals.network import TrainingProposer, losses, start_network, targets_of
from resources.train_proposals.pool import Pool
from resources.train_proposals.recipe import Recipe, may_go_on
from resources.train_proposals.windows import SIDE

log = logging.getLogger("train_proposals")
OUTER = torch.tensor([0.0, 0, 1, 1])  # from the last pixel inside to the edge
BUNDLED = Path(__file__).resolve().parent.parent / "cntk" / "AlexNet.npz"


def train(
    folder: Path, recipe: Recipe, *, minutes: float | None = None, threads: int = 2, workers: int = 1,
    stop: int | None = None, device: str = "cpu", makers: int = 0,
) -> TrainingProposer:  # fmt: skip
    """Train in `folder` up to `recipe.steps`, or until `minutes` are over, or to step `stop`; return the network.

    With one or two `threads` the weights are the same each time on a CPU: two gradients have the same sum in either
    order. workers: processes that draw scenes. makers: processes that make batches; 0: a thread does.
    """
    began = last = time.perf_counter()
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(1)  # a part of the windows for each of our threads: they wait for each other once a step
    cv2.setNumThreads(1)
    pool = Pool(folder / "pool", size=recipe.pool, seed=recipe.seed)
    drawing = pool.start(workers)
    net = TrainingProposer(start_network(load_network(BUNDLED), recipe.seed, recipe.channels))
    checkpoint, start, spent = folder / "checkpoint.pt", 0, 0.0
    state = torch.load(checkpoint, weights_only=True, map_location="cpu") if checkpoint.exists() else None
    if state:
        if not may_go_on(Recipe(**state["recipe"]), recipe, state["step"]):
            raise ValueError(f"{checkpoint}: made with another recipe, {state['recipe']}; use another folder")
        net.load_state_dict(state["net"])
        start, spent = state["step"], state["seconds"]
    processes = Makers(pool, recipe, start, makers, folder / "batches.u8") if makers else None
    source: Iterable[Any] = processes or batches(pool, recipe, start)
    net = net.to(device, memory_format=torch.channels_last)
    optimizer = _optimizer(net, recipe)
    if state:
        optimizer.load_state_dict(state["optimizer"])
    learn = _by_threads(net, recipe, threads) if not makers else _by_device(net, recipe)
    net.train()
    sums: dict[str, Any] = {}
    final = min(recipe.steps, stop or recipe.steps)
    for step, batch in zip(range(start, final), source, strict=False):
        factor = recipe.factor_at(step, spent + time.perf_counter() - began)
        for group in optimizer.param_groups:
            group["lr"] = factor * group["rate"]
        optimizer.zero_grad(set_to_none=True)
        parts = learn(batch)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + value
        done, seconds = step + 1, time.perf_counter() - began
        over = (minutes is not None and seconds > 60 * minutes) or recipe.over_at(spent + seconds)
        if done % 50 == 0 or done == final or over:
            means = {k: float(v) / ((done - 1) % 50 + 1) for k, v in sums.items()}  # waits for the GPU
            now = time.perf_counter()
            line = {
                "step": done, "rate": factor * recipe.rate, "seconds": round(spent + now - began, 1),
                "per_step": round((now - last) / ((done - 1) % 50 + 1), 4),
            } | {k: round(v, 4) for k, v in means.items()}  # fmt: skip
            with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            log.info("%s", line)
            sums, last = {}, now
            if not all(math.isfinite(v) for v in means.values()):
                raise FloatingPointError(f"step {done}: {line}: the training has come apart; take smaller rates")
        if done % 500 == 0 or done == final or over:
            save_checkpoint(checkpoint, {
                "recipe": asdict(recipe), "step": done, "seconds": spent + time.perf_counter() - began,
                "net": net.state_dict(), "optimizer": optimizer.state_dict(),
            })  # fmt: skip
        if over:
            break
    for process in drawing:
        process.terminate()
    if processes:
        processes.stop()
    return net


def _optimizer(net: TrainingProposer, recipe: Recipe) -> torch.optim.Optimizer:
    trunk = list(net.trunk.parameters())
    new = [p for part in (net.conv, net.cls, net.box) for p in part.parameters()]
    groups = [{"params": trunk, "rate": recipe.rate}, {"params": new, "rate": recipe.rate_new}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=recipe.weight_decay, fused=True)


Learn = Callable[[Any], dict[str, Any]]  # adds the gradients of a batch, returns its losses


def _by_threads(net: TrainingProposer, recipe: Recipe, threads: int) -> Learn:
    """Return what learns from a batch of `batches`, a part of the windows in each of the `threads`."""
    executor = ThreadPoolExecutor(threads)
    places = net.anchors(SIDE)
    anchors = torch.from_numpy(places).float() + OUTER

    def learn(given: tuple[NDArray, Truth]) -> dict[str, Any]:
        windows, truth = given
        labels, wanted = [], []
        for boxes, clear in truth:
            own, nearest = targets_of(places, boxes, clear)
            labels.append(torch.from_numpy(own))
            wanted.append(torch.from_numpy(boxes)[nearest] + OUTER if len(boxes) else anchors)
        batch = torch.from_numpy(windows), torch.stack(labels), torch.stack(wanted)
        count = (batch[1] == 1).sum().clamp(min=1)
        part = partial(_learn, net, recipe, anchors, count)
        found = list(executor.map(part, *(each.chunk(threads) for each in batch)))
        return {name: sum(float(each[name]) for each in found) for name in found[0]}

    return learn


def _by_device(net: TrainingProposer, recipe: Recipe) -> Learn:
    """Return what learns from a batch of `Makers`, all on the device of `net`."""
    device = net.mean.device
    torch.backends.cudnn.benchmark = True  # all batches have one shape
    places = torch.from_numpy(net.anchors(SIDE)).to(device)
    outer = OUTER.to(device)
    anchors = places.float() + outer

    def learn(given: tuple[Tensor, Tensor, Tensor]) -> dict[str, Any]:
        windows, boxes, clear = (each.to(device) for each in given)
        labels, wanted = targets_of_batch(places, boxes, clear)
        count = (labels == 1).sum().clamp(min=1)
        return _learn(net, recipe, anchors, count, windows, labels, wanted + outer)

    return learn


def _learn(
    net: TrainingProposer, recipe: Recipe, anchors: Tensor, count: Tensor,
    windows: Tensor, labels: Tensor, wanted: Tensor,
) -> dict[str, Tensor]:  # fmt: skip
    """Add the gradients of some windows of a batch, which has `count` anchors that are objects; return the losses."""
    with torch.autocast(windows.device.type, dtype=torch.bfloat16):
        scores, offsets = net(windows.permute(0, 3, 1, 2))
    parts = {name: value / count for name, value in losses(scores, offsets, anchors, labels, wanted).items()}
    (parts["object"] + recipe.box_weight * parts["box"]).backward()
    return {name: value.detach() for name, value in parts.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    for name in ("seed", "pool", "first-scenes", "new-scenes", "windows", "steps", "warmup", "channels"):
        default = getattr(Recipe, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    for name in ("decay", "rate", "rate-new"):
        default = getattr(Recipe, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=float, default=default, help=f"default {default}")
    parser.add_argument("--within-minutes", type=float, default=0.0, metavar="N",
                        help="the rates fall by the clock, to zero after N minutes, where training ends")  # fmt: skip
    parser.add_argument("--minutes", type=float, help="stop after so many, to go on later")
    parser.add_argument("--threads", type=int, choices=(1, 2), default=2, help="on a CPU")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw scenes")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--makers", type=int, help="processes that make batches; default as many as cores for a GPU")
    arguments = vars(parser.parse_args())
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    run = {k: arguments.pop(k) for k in ("minutes", "threads", "workers", "device", "makers")}
    if run["makers"] is None:
        run["makers"] = 0 if run["device"] == "cpu" else os.cpu_count() or 1
    train(arguments.pop("out"), Recipe(**arguments), **run)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
