"""How much memory a training needs, and how much there is."""

import math
import os
from pathlib import Path

import torch

from fastRCNN.network.layers import Layer, Shape, every_layer, through
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.nn.trainable_layers import first_trained_layer, hidden_head
from helpers.errors import UserError

BLOCK = 1024  # ROIs that go through the head at once
_FLOAT = 4  # bytes
_NO_LIMIT = 1 << 60  # bytes: version 1 of control groups says "none" by a number


def needed_bytes(
    spec: NetworkSpec,
    *,
    nr_classes: int,
    rois_per_block: int,
    pad_size: int,
    train_conv_from: int,
    with_boxes: bool,
    fitted_rois: int = 0,
) -> int:
    """Return about how many bytes a training takes beside the cache: weights, gradients, optimiser, activations."""
    head = hidden_head(spec)
    widths = sizes_of(head, spec.pooled_shape)
    last = through(head, spec.pooled_shape).numbers
    outputs = nr_classes * (5 if with_boxes else 1)
    rows = spec.pooled_shape.numbers
    split = first_trained_layer(spec, train_conv_from)
    trained_names = {getattr(layer, "name", None) for layer in every_layer((*spec.trunk[split:], *head))}
    weights = {name: math.prod(shape) for name, shape in spec.weight_shapes().items()}
    trained = sum(count for name, count in weights.items() if name in trained_names) + outputs * last
    frozen = sum(weights.values())  # the network that it starts from stays open
    activations = rois_per_block * (2 * rows + 2 * sum(widths) + 3 * outputs)
    maps = map_sizes(spec, pad_size)
    picture = 4 * max(maps) + (3 * sum(maps[split:]) + rois_per_block * rows * 2 if train_conv_from else 0)
    fitted = 3 * (fitted_rois + last) * last if fitted_rois else 0  # before the training: not added
    return _FLOAT * (frozen + 3 * trained + max(activations, fitted) + picture)


def map_sizes(spec: NetworkSpec, pad_size: int) -> list[int]:
    """Return how many numbers each layer of the trunk gives for a picture of `pad_size` pixels."""
    return sizes_of(spec.trunk, Shape(3, pad_size))


def sizes_of(layers: tuple[Layer, ...], shape: Shape) -> list[int]:
    """Return how many numbers each of `layers` gives when `shape` goes in, what is inside of it included."""
    sizes = []
    for layer in layers:
        inside = sum(sum(sizes_of(chain, shape)) for chain in layer.chains())
        shape = layer.output(shape)
        sizes.append(inside + shape.numbers)
    return sizes


def free_bytes(device: torch.device) -> int | None:
    """Return the free memory of `device` (a container's limit counts), or None where the system does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    found = [value for value in (_meminfo(), _cgroup()) if value is not None]
    if not found and hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(found, default=None)


def require_memory(needed: int, free: int | None, *, device: torch.device, lower: tuple[str, str]) -> None:
    """Raise `UserError` naming the two parameters to `lower` when `needed` bytes are more than `free`."""
    if free is not None and needed > free:
        gpu = ", or use --device cpu" if device.type == "cuda" else ""
        raise UserError(
            f"The training needs about {needed / 1e9:.1f} GB of memory on {device.type}, {free / 1e9:.1f} GB are free. "
            f"Lower {lower[0]} and {lower[1]}, end other programs{gpu}"
        )


def cache_limit(needed: int) -> float:
    """Return how many bytes of main memory a cache may take beside `needed` bytes: half of what stays free."""
    free = free_bytes(torch.device("cpu"))
    return 4e9 if free is None else max(0.0, free - needed) / 2


def _meminfo() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return None


def _cgroup(folder: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return what a container's limit leaves, by version 2 of control groups or version 1; None without a limit.

    Pages of files that were read or written count as used there, but make room when memory is wanted.
    """
    for limit, used, prefix in (
        ("memory.max", "memory.current", ""),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_"),
    ):
        try:
            most = (folder / limit).read_text(encoding="ascii").strip()
            if most == "max" or int(most) > _NO_LIMIT:
                return None
            lines = (folder / limit).with_name("memory.stat").read_text(encoding="ascii").splitlines()
            counts = {name: int(count) for name, count in map(str.split, lines)}
            of_files = sum(counts.get(f"{prefix}{kind}_file", 0) for kind in ("active", "inactive"))
            return int(most) - int((folder / used).read_text(encoding="ascii")) + of_files
        except (OSError, ValueError):
            continue
    return None
