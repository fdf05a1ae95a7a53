"""Train AlexNet from nothing on procedural scenes; resumable, the same recipe always gives the same weights on a CPU.

    python -m resources.train_alexnet.train --out FOLDER [--steps 8000] [--device cpu|cuda] [--resume]

Writes to FOLDER: `pool/` (the scenes), `checkpoint.pt` (every `--save-every` steps), `log.jsonl` (a line per 50 steps).
`python -m resources.train_alexnet.fold FOLDER/checkpoint.pt FILE.npz` makes the weight file of the tutorial out of it.
"""

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is loaded: do not spin on a shared machine

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from resources.train_alexnet.network import LOSS_WEIGHTS, Shape, TrainingAlexNet, losses
from resources.train_alexnet.pool import Pool, cut_window
from resources.train_alexnet.targets import make_targets, sample_rois

log = logging.getLogger("train_alexnet")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights."""

    seed: int = 0
    designs: int = 400
    pool: int = 10000
    first_scenes: int = 1500
    """Scenes that the first step chooses from; each step adds `new_scenes`: training need not wait for the pool."""
    new_scenes: int = 1
    side: int = 384
    scenes: int = 4
    rois: int = 64
    steps: int = 8000
    decay: float = 0.3
    """Share of the steps, at the end, over which the learning rate falls to zero in a straight line."""
    warmup: int = 100
    rate: float = 1e-3
    """Of a weight with 1000 inputs, see `parameter_groups`."""
    weight_decay: float = 0.02
    shape: Shape = field(default_factory=Shape)
    bfloat16: bool = True

    @classmethod
    def of(cls, entries: dict) -> "Recipe":
        """Return the recipe that `dataclasses.asdict` turned into `entries`."""
        return cls(**entries | {"shape": Shape(**entries["shape"])})

    def scenes_at(self, step: int) -> int:
        """Return how many scenes of the pool `step` chooses from."""
        return min(self.pool, self.first_scenes + self.new_scenes * step)

    def rate_at(self, step: int) -> float:
        """Return the learning rate of `step`, counted from 0: warm-up, plateau, straight fall to zero."""
        left = (self.steps - step) / max(1, round(self.decay * self.steps))
        return self.rate * min(1.0, (step + 1) / self.warmup, left)


Batch = tuple[NDArray, NDArray, NDArray, tuple[NDArray, ...]]


def make_batch(pool: Pool, recipe: Recipe, step: int) -> Batch:
    """Return windows (N, S, S, 3) uint8, ROIs (R, 4), their windows (R,) and the stacked targets of one `step`."""
    windows, rois, owner, targets = [], [], [], []
    for slot in range(recipe.scenes):
        rng = np.random.default_rng([recipe.seed, 2, step, slot])
        index = int(rng.integers(0, recipe.scenes_at(step)))
        pool.wait(index)
        window, boxes, designs, clear = cut_window(rng, pool.images[index], pool.truth[index], recipe.side)
        own = sample_rois(rng, boxes[clear], recipe.rois, recipe.side)
        windows.append(window)
        rois.append(own)
        owner.append(np.full(len(own), slot, np.int64))
        targets.append(make_targets(own, boxes, designs, clear))
    stacked = tuple(
        np.concatenate([getattr(t, name) for t in targets]) for name in ("label", "share", "fit", "offsets", "weight")
    )
    return np.stack(windows), np.concatenate(rois), np.concatenate(owner), stacked


def batches(pool: Pool, recipe: Recipe, start: int) -> Iterator[Batch]:
    """Yield the batches of the steps from `start` on, the next two made ahead in a thread."""
    with ThreadPoolExecutor(1) as executor:
        ahead = [executor.submit(make_batch, pool, recipe, step) for step in range(start, min(start + 2, recipe.steps))]
        for step in range(start, recipe.steps):
            batch = ahead.pop(0).result()
            if step + 2 < recipe.steps:
                ahead.append(executor.submit(make_batch, pool, recipe, step + 2))
            yield batch


def save_checkpoint(path: Path, state: dict) -> None:
    """Write `state` whole or not at all."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def same_so_far(old: Recipe, new: Recipe, step: int) -> bool:
    """Tell whether `new` would have done the same as `old` up to `step`: only the end may differ, before any decay."""
    if replace(old, steps=new.steps, decay=new.decay) != new:
        return False
    return all(min(r.steps - round(r.decay * r.steps), r.steps) >= step for r in (old, new)) or old == new


def parameter_groups(net: TrainingAlexNet, recipe: Recipe) -> list[dict]:
    """Return the optimiser's groups: the rate of a weight falls with the number of its inputs (Yang et al., muP, 2022).

    Adam moves every weight by about the rate, so a unit's sum over n inputs moves by n times as much: without this the
    heads over 4096 inputs jump about while the first filters creep. Vectors (norms, biases) get no weight decay.
    """
    groups = []
    for parameter in net.parameters():
        if parameter.requires_grad:
            matrix = parameter.ndim >= 2
            factor = 1000 / parameter[0].numel() if matrix else 1.0
            decay = recipe.weight_decay / factor if matrix else 0.0  # decay per step does not depend on the factor
            groups.append({"params": [parameter], "weight_decay": decay, "factor": factor})
    return groups


def train(
    folder: Path,
    recipe: Recipe,
    *,
    device: str = "cpu",
    resume: bool = False,
    stop: int | None = None,
    save_every: int = 500,
    keep: bool = False,
    workers: int = 1,
    threads: int = 2,
) -> TrainingAlexNet:
    """Train in `folder` up to `recipe.steps` (or `stop`, an interruption) and return the network.

    `keep` keeps every checkpoint under its own name too. Raises ValueError when `resume` finds another recipe.
    """
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    folder.mkdir(parents=True, exist_ok=True)
    pool = Pool(folder / "pool", size=recipe.pool, seed=recipe.seed, designs=recipe.designs)
    makers = pool.start(workers)
    net = TrainingAlexNet(recipe.shape, recipe.designs).to(device).to(memory_format=torch.channels_last)
    groups = parameter_groups(net, recipe)
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98), eps=1e-6, fused=True)
    checkpoint, start, spent = folder / "checkpoint.pt", 0, 0.0
    if resume and checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        if not same_so_far(Recipe.of(state["recipe"]), recipe, state["step"]):
            raise ValueError(f"{checkpoint}: made with another recipe, {state['recipe']}; use another folder")
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        start, spent = state["step"], state["seconds"]
    net.train()
    sums: dict[str, float] = {}
    began = last = time.perf_counter()
    final = min(recipe.steps, stop or recipe.steps)
    for step, batch in zip(range(start, final), batches(pool, recipe, start), strict=False):
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate_at(step) * group["factor"]
        windows, rois, owner = (torch.from_numpy(a).to(device) for a in batch[:3])
        label, share, fit, offsets, weight = (torch.from_numpy(a).to(device) for a in batch[3])
        with torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=recipe.bfloat16):
            outputs = net.heads(net(windows.permute(0, 3, 1, 2), rois, owner))
        parts = losses(outputs, label, share, fit, offsets, weight)
        optimizer.zero_grad(set_to_none=True)
        torch.stack([LOSS_WEIGHTS[name] * value for name, value in parts.items()]).sum().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        good = (share > 0.5) & (weight > 0)
        named = outputs[1].detach().argmax(1)[good] == label[good]
        parts["accuracy"] = named.float().mean() if good.any() else torch.zeros(())
        error = (outputs[3].detach()[:, 0] - fit[:, 0]).abs() * weight
        parts["overlap_error"] = error.sum() / weight.sum().clamp(min=1)
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        done = step + 1
        if done % 50 == 0 or done == final:
            now = time.perf_counter()
            count = (done - 1) % 50 + 1
            line = {
                "step": done,
                "rate": recipe.rate_at(step),
                "seconds": round(spent + now - began, 1),
                "per_step": round((now - last) / count, 4),
            } | {k: round(v / count, 4) for k, v in sums.items()}
            with (folder / "log.jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")
            log.info("%s", line)
            sums, last = {}, now
        if done % save_every == 0 or done == final:
            state = {
                "recipe": asdict(recipe),
                "step": done,
                "seconds": spent + time.perf_counter() - began,
                "net": net.state_dict(),
                "optimizer": optimizer.state_dict(),
            }
            save_checkpoint(checkpoint, state)
            if keep:
                save_checkpoint(folder / f"checkpoint_{done}.pt", {k: v for k, v in state.items() if k != "optimizer"})
    for process in makers:
        process.terminate()
    return net


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    for name in ("seed", "designs", "pool", "scenes", "rois", "steps", "warmup"):
        parser.add_argument(
            f"--{name}", type=int, default=getattr(Recipe, name), help=f"default {getattr(Recipe, name)}"
        )
    for name in ("decay", "rate"):
        parser.add_argument(
            f"--{name}", type=float, default=getattr(Recipe, name), help=f"default {getattr(Recipe, name)}"
        )
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--resume", action="store_true", help="go on from the folder's checkpoint")
    parser.add_argument("--stop", type=int, help="stop after this step, to go on later with --resume")
    parser.add_argument("--save-every", type=int, default=500)
    parser.add_argument("--keep", action="store_true", help="keep every checkpoint (without the optimiser's state)")
    parser.add_argument("--workers", type=int, default=1, help="processes that fill the pool")
    arguments = vars(parser.parse_args())
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    run = {k: arguments.pop(k) for k in ("device", "resume", "stop", "save_every", "keep", "workers")}
    train(arguments.pop("out"), Recipe(**arguments), **run)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
