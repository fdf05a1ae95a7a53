"""benchmarks/gpu.py: the chip's limits, whether its numbers are right, and the network alone."""

from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch.nn import functional

from benchmarks.gpu_setting import Setting, seconds_of
from fastRCNN.engines.torch_device import exact_products
from fastRCNN.engines.torch_engine import TorchEngine, _different
from fastRCNN.network.pooling import pooling_keys
from fastRCNN.network.roi_pooling import roi_pool
from fastRCNN.network.roi_pooling_tables import roi_pool_tables
from fastRCNN.pipeline.embed_dataset import read_seen

TOGETHER = (1, 4, 16, 32)
_SIDE = 8192  # of the matrices


def limits(setting: Setting) -> Iterator[list[Any]]:
    """Matrix products and copies; enters the products into `setting.limits`."""
    yield ["what", "measured", "unit"]
    device = setting.device
    side = _SIDE if device.type == "cuda" else 512
    before = torch.backends.cuda.matmul.allow_tf32
    kinds = (("bfloat16", torch.bfloat16, False), ("float32", torch.float32, False),
             ("float32 as TF32", torch.float32, True))  # fmt: skip
    for name, kind, tf32 in kinds:
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
        rate = 2 * side**3 / seconds_of(lambda a=a, b=b: a @ b, device, setting.seconds / 4) / 1e12
        setting.limits[name] = rate
        yield [f"matrix product {side}^3, {name}", f"{rate:.1f}", "TFLOP/s"]
    torch.backends.cuda.matmul.allow_tf32 = before
    size = 1 << (30 if device.type == "cuda" else 24)
    there, target = (torch.zeros(size, dtype=torch.uint8, device=device) for _ in range(2))
    seconds = seconds_of(lambda: target.copy_(there), device, setting.seconds / 6)
    yield ["copy on the device, read and written", f"{2 * size / seconds / 1e9:.0f}", "GB/s"]
    if device.type == "cuda":
        size = 1 << 28
        for name, here in (
            ("pinned", torch.zeros(size, dtype=torch.uint8, pin_memory=True)),
            ("not pinned", torch.zeros(size, dtype=torch.uint8)),
        ):
            part = there[:size]
            to = seconds_of(lambda here=here, part=part: part.copy_(here, non_blocking=True), device, 0.1)
            back = seconds_of(lambda here=here, part=part: here.copy_(part, non_blocking=True), device, 0.1)
            yield [f"copy to the device, {name}", f"{size / to / 1e9:.1f}", "GB/s"]
            yield [f"copy from the device, {name}", f"{size / back / 1e9:.1f}", "GB/s"]


def agreement(setting: Setting) -> Iterator[list[Any]]:
    """The same two pictures and 200 ROIs: on the CPU, on the device one by one and together."""
    yield ["rows against float32 on the CPU", "relative", "largest difference", "largest number"]
    pictures, rois = _pictures_and_rois(setting, 2)
    rois = [each[:200] for each in rois]
    expected = np.concatenate(TorchEngine(setting.network, device="cpu").embed(pictures, rois))
    for precision in ("float32", "bfloat16"):
        for at_once in (1, 4):
            engine = TorchEngine(setting.network, device=setting.device.type, precision=precision, at_once=at_once)
            found = np.concatenate(engine.embed(pictures, rois))
            apart = np.linalg.norm(found - expected) / np.linalg.norm(expected)
            yield [f"{precision}, {'together' if at_once > 1 else 'one by one'}", f"{apart:.1e}",
                   f"{np.abs(found - expected).max():.1e}", f"{np.abs(expected).max():.1e}"]  # fmt: skip


def pooling(setting: Setting) -> Iterator[list[Any]]:
    """Pooled numbers on the device against those of the CPU, bit for bit, by the ways to look five rows up."""
    yield ["way", "precision", "numbers that differ", "ms a picture"]
    count = 4 if setting.device.type == "cuda" else 1
    spec, (_, rois) = setting.network.spec, _pictures_and_rois(setting, count)
    side = round(setting.side / spec.stride)
    maps = torch.from_numpy(np.random.default_rng(0).normal(size=(count, spec.trunk_channels, side, side)))
    owner = np.repeat(np.arange(count), [len(each) for each in rois])
    shape = {"size": spec.pooling_size, "spatial_scale": spec.spatial_scale}
    for kind in (torch.float32, torch.bfloat16):
        halves = maps.to(kind)
        there = halves.to(setting.device).contiguous(memory_format=torch.channels_last)
        expected = np.concatenate(
            [roi_pool(one.float().numpy(), of_one, **shape) for one, of_one in zip(halves, rois, strict=True)]
        )
        for name, way in (("embedding_bag", functional.embedding_bag), ("gathered", _gathered)):
            with mock.patch.object(functional, "embedding_bag", way), torch.inference_mode():
                call = partial(roi_pool_tables, there, np.concatenate(rois), owner, **shape)
                try:
                    found = call().permute(0, 3, 1, 2).float().cpu().numpy()
                    seconds = seconds_of(call, setting.device, setting.seconds / 6)
                except RuntimeError as error:
                    yield [name, str(kind), str(error)[:200], "-"]
                    continue
            yield [name, str(kind), int((found != expected).sum()), f"{1000 * seconds / count:.3f}"]


def _gathered(five: torch.Tensor, rows: torch.Tensor, mode: str) -> torch.Tensor:
    """Return what embedding_bag with mode "max" does, step by step."""
    best = rows[five[:, 0]]
    for number in range(1, five.shape[1]):
        torch.maximum(best, rows[five[:, number]], out=best)
    return best


def network_alone(setting: Setting) -> Iterator[list[Any]]:
    """Trunk, pooling and head, each by itself, on tensors that are on the device."""
    yield ["precision", "pictures in a call", "trunk, ms a picture", "pooling", "head", "all", "pictures a second",
           "TFLOP/s", "trunk, of the limit", "head, of the limit", "all, of the limit"]  # fmt: skip
    for precision in ("bfloat16", "float32"):
        for together in TOGETHER if setting.device.type == "cuda" else TOGETHER[:2]:
            engine = TorchEngine(
                setting.network, device=setting.device.type, precision=precision, at_once=max(2, together)
            )
            pictures, rois = _pictures_and_rois(setting, together)
            firsts = [_different(pooling_keys(setting.network.spec, each))[0] for each in rois]
            different = np.concatenate([each[first] for each, first in zip(rois, firsts, strict=True)])
            owner = np.repeat(np.arange(together), [len(first) for first in firsts])
            with torch.inference_mode(), exact_products(setting.device, precision):
                pixels = engine.normalised_there(pictures)
                maps = engine.trunk_layers(pixels)
                part, low, high = next(engine._blocks_of(owner, maps))
                pooled = engine._pooled_together(maps[low:high], different[part], owner[part] - low)
                least = setting.seconds / 6
                trunk = seconds_of(lambda e=engine, p=pixels: e.trunk_layers(p), setting.device, least)
                pooling = seconds_of(
                    lambda e=engine, m=maps, d=different[part], o=owner[part], a=low, b=high:
                    e._pooled_together(m[a:b], d, o - a), setting.device, least,
                )  # fmt: skip
                head = seconds_of(lambda e=engine, p=pooled: e._of_block(p), setting.device, least)
            blocks = len(different) / len(pooled)
            total = trunk + blocks * (pooling + head)
            rate = setting.flop_of(together) / total
            trunk_rate, head_rate = setting.flop[0] * together / trunk, setting.flop[1] * len(pooled) / head
            yield [
                precision, together, *(f"{1000 * value / together:.3f}" for value in
                                       (trunk, blocks * pooling, blocks * head, total)),
                f"{together / total:.0f}", f"{rate / 1e12:.1f}",
                *(setting.of_limit(value, precision) for value in (trunk_rate, head_rate, rate)),
            ]  # fmt: skip
            del pixels, maps, pooled


def _pictures_and_rois(setting: Setting, count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    read = [read_seen(setting.records[place % len(setting.records)], setting.side) for place in range(count)]
    return [seen.padded for _, seen in read], [record.absolute_rois(setting.side) for record, _ in read]
