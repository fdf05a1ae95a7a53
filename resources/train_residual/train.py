"""Train a residual trunk from nothing on procedural scenes of all kinds; resumable.

    python -m resources.train_residual.train --out FOLDER [--steps 9000] [--device cuda --minutes 4.6] [--alexnet]

Writes to FOLDER: `pool/` (the scenes), `checkpoint.pt`, `log.jsonl` (a line per 50 steps), and each minute
`residual.npz` and `residual_head.npz` (`fold.py`). The same command goes on where it stopped.

The end is a number of steps, and the same recipe then gives the same weights on a CPU with the same PyTorch and number
of threads. Or it is a time, for a machine that is lent for minutes: the rate then falls by the clock, batches take what
scenes there are, and no checkpoint is kept. --alexnet trains the bundled network's shape beside it, on the same batches
(`alexnet.npz`).
Needs an operating system that forks processes (Linux).
"""

import argparse
import json
import logging
import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is loaded: do not spin on a shared machine

import cv2
import numpy as np
import torch

from fastRCNN.network.network import save_network
from resources.train_residual import fold
from resources.train_residual.batches import Batch, Batches
from resources.train_residual.designs import Designs
from resources.train_residual.losses import WEIGHTS, Truth, losses, right
from resources.train_residual.network import AlexNet, Learner, ResidualNet
from resources.train_residual.pool import Pool
from resources.train_residual.recipe import Plan, Recipe, Run

log = logging.getLogger("train_residual")
_EVERY = 50  # steps, a line
_FOREVER = 10**7
_OF_PLAN = ("seed", "windows", "rois")
_OF_RECIPE = ("formulas", "aerials", "pool", "steps", "warmup", "decay", "rate")


class Trainee:
    """A learner with its optimiser and the sums of what it got wrong."""

    def __init__(self, net: torch.nn.Module, recipe: Recipe, designs: Designs, device: str) -> None:
        learner = Learner(net, designs.count, len(designs.family_names))
        self.learner = learner.to(device).to(memory_format=torch.channels_last)
        groups = parameter_groups(self.learner, recipe)
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98), eps=1e-6, fused=True)
        self.learner.train()
        self.sums: dict[str, torch.Tensor] = {}

    def learn(self, windows: torch.Tensor, rois: torch.Tensor, truth: Truth, rate: float, bfloat16: bool) -> None:
        """Do one step."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        with torch.autocast(windows.device.type, dtype=torch.bfloat16, enabled=bfloat16):
            said = self.learner(windows, rois)
        parts = [losses(each, truth) for each in said]
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack([WEIGHTS[name] * value for each in parts for name, value in each.items()]).sum().backward()
        torch.nn.utils.clip_grad_norm_(self.learner.parameters(), 5.0)
        self.optimizer.step()
        with torch.no_grad():
            for number, (each, answers) in enumerate(zip(parts, said, strict=True)):
                for name, value in (each | right(answers, truth)).items():
                    key = name if number == 0 else f"{name}_{number}"
                    self.sums[key] = self.sums.get(key, 0.0) + value.detach()

    def state(self) -> dict[str, Any]:
        return {"net": self.learner.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        self.learner.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])


def parameter_groups(net: torch.nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Return the optimiser's groups: the rate of a weight falls with its number of inputs, vectors do not decay.

    See `resources/train_alexnet/train.py`; depthwise as well as dense, weights of the same number share a group.
    """
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for parameter in net.parameters():
        if parameter.requires_grad:
            matrix = parameter.ndim >= 2
            factor = 1000 / parameter[0].numel() if matrix else 1.0
            groups.setdefault((factor, recipe.weight_decay / factor if matrix else 0.0), []).append(parameter)
    return [
        {"params": parameters, "factor": factor, "weight_decay": decay}
        for (factor, decay), parameters in groups.items()
    ]


def to_device(batch: Batch, families: torch.Tensor, device: str) -> tuple[torch.Tensor, torch.Tensor, Truth]:
    """Return windows (N, 3, S, S) uint8, ROIs (N, R, 4) and targets on `device`."""
    tensors = {name: torch.from_numpy(array).to(device) for name, array in batch.items()}
    windows, rois = tensors.pop("windows").permute(0, 3, 1, 2), tensors.pop("rois")
    return windows, rois, Truth(**tensors, families=families)


def train(folder: Path, recipe: Recipe, run: Run) -> dict[str, Learner]:
    """Train in `folder` and return the learners by name. ValueError where the checkpoint has another recipe."""
    began = last = saved = time.perf_counter()
    torch.manual_seed(recipe.plan.seed)
    torch.set_num_threads(run.threads)
    cv2.setNumThreads(1)
    folder.mkdir(parents=True, exist_ok=True)
    designs = recipe.designs()
    families = torch.from_numpy(designs.families)
    pool = Pool(run.pool_folder or folder / "pool", designs, size=recipe.pool, seed=recipe.plan.seed)
    checkpoint, state = folder / "checkpoint.pt", None
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location="cpu")
        if Recipe.of(state["recipe"]) != recipe:
            raise ValueError(f"{checkpoint}: made with another recipe, {state['recipe']}; use another folder")
    start, spent = (state["step"], state["seconds"]) if state else (0, 0.0)
    seconds = None if run.minutes is None else 60 * run.minutes
    end = min(_FOREVER if seconds else recipe.steps, run.stop or _FOREVER)
    # processes are forked before anything runs on the GPU
    drawers = pool.start(run.drawers)
    batches = Batches(pool, recipe.plan, start, end, workers=run.cutters, wait=seconds is None)
    families = families.to(run.device)
    torch.backends.cudnn.benchmark = True
    trainees = {"residual": Trainee(ResidualNet(recipe.shape), recipe, designs, run.device)}
    if run.alexnet:
        trainees["alexnet"] = Trainee(AlexNet(), recipe, designs, run.device)
    if state:
        for name, trainee in trainees.items():
            trainee.load(state["learners"][name])
    rate = 0.0
    for step, batch in enumerate(batches, start):
        progress = step / recipe.steps if seconds is None else (time.perf_counter() - began) / seconds
        over = progress >= 1
        if not over:
            rate = recipe.rate * recipe.factor(step, progress)
            windows, rois, truth = to_device(batch, families, run.device)
            for trainee in trainees.values():
                trainee.learn(windows, rois, truth, rate, recipe.bfloat16)
        done = step if over else step + 1
        over = over or done == end
        now = time.perf_counter()
        if done % _EVERY == 0 or over:
            count = (done - start - 1) % _EVERY + 1
            line: dict[str, Any] = {"step": done, "rate": round(rate, 7), "seconds": round(spent + now - began, 1),
                    "per_step": round((now - last) / count, 4), "scenes": int(pool.done.sum())}  # fmt: skip
            for name, trainee in trainees.items():
                line[name] = {key: round(float(value) / count, 4) for key, value in trainee.sums.items()}
                trainee.sums = {}
            with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            log.info("%s", line)
            last = now
        if over or now - saved > run.save_every:
            write(folder, recipe, trainees, done, spent + now - began)
            if seconds is None:  # what ends by the clock does not go on
                save(checkpoint, recipe, trainees, done, spent + now - began)
            saved = time.perf_counter()
        if over:
            break
    batches.stop()
    for process in drawers:
        process.terminate()
    return {name: trainee.learner for name, trainee in trainees.items()}


def write(folder: Path, recipe: Recipe, trainees: dict[str, Trainee], step: int, seconds: float) -> None:
    """Write the weight files of what there is."""
    notes = {"recipe": asdict(recipe), "step": step, "training_seconds": round(seconds),
             "program_sha256": fold.program_sha256()}  # fmt: skip
    net = trainees["residual"].learner.net
    assert isinstance(net, ResidualNet)
    fold.write(folder / "residual.npz", net, head=False, notes=notes)
    fold.write(folder / "residual_head.npz", net, head=True, notes=notes)
    if "alexnet" in trainees:
        from resources.train_alexnet.fold import fold as folded
        from resources.train_alexnet.fold import header

        other = trainees["alexnet"].learner.net.net
        arrays = {name: array.astype(np.float16) for name, array in folded(other).items()}  # type: ignore[arg-type]
        save_network(folder / "alexnet.npz", header(other.shape, notes), arrays)  # type: ignore[union-attr,arg-type]


def save(path: Path, recipe: Recipe, trainees: dict[str, Trainee], step: int, seconds: float) -> None:
    """Write the checkpoint, whole or not at all."""
    state = {"recipe": asdict(recipe), "step": step, "seconds": seconds,
             "learners": {name: trainee.state() for name, trainee in trainees.items()}}  # fmt: skip
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    temporary.replace(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    for owner, names in ((Plan, _OF_PLAN), (Recipe, _OF_RECIPE)):
        for name in names:
            default = getattr(owner, name)
            parser.add_argument(f"--{name}", type=type(default), default=default, help=f"default {default}")
    for name in ("drawers", "cutters", "threads"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Run, name), help=f"default {getattr(Run, name)}")
    parser.add_argument("--pool-folder", type=Path, help="where the scenes lie; default: in the folder of the run")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--minutes", type=float, help="end by the clock")
    parser.add_argument("--stop", type=int, help="stop after this step, to go on later")
    parser.add_argument("--alexnet", action="store_true", help="train the bundled network's shape beside it")
    arguments = vars(parser.parse_args())
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    folder = arguments.pop("out")
    plan = Plan(**{name: arguments.pop(name) for name in _OF_PLAN})
    recipe = replace(Recipe(plan=plan), **{name: arguments.pop(name) for name in _OF_RECIPE})
    train(folder, recipe, Run(**arguments))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
