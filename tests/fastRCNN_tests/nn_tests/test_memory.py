"""The estimate of a training's memory, against what the network really has."""

import math
import sys

import pytest
import torch

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import caffe_shape, cntk_shape, he_initialised
from fastRCNN.nn.memory import _cgroup, cache_limit, free_bytes, map_sizes, needed_bytes, require_memory
from helpers.errors import UserError

GIVEN = {"nr_classes": 9, "rois_per_block": 320, "pad_size": 1000, "train_conv_from": 0, "with_boxes": False}


@pytest.mark.parametrize("shape", [cntk_shape, caffe_shape])
@pytest.mark.parametrize("side", [200, 203])
def test_sizes_of_the_maps_are_those_of_the_layers(shape, side):
    network = he_initialised(0, spec=shape(widths=(8, 12, 12, 12, 8), hidden=4))
    x, found = torch.zeros((1, 3, side, side)), []
    for layer in TorchEngine(network, device="cpu").trunk_layers:
        x = layer(x)
        found.append(x.numel())
    assert map_sizes(network.spec, side) == found


def test_alexnet_needs_about_a_gigabyte():
    spec = cntk_shape()
    weights = 4 * sum(math.prod(shape) for shape in spec.weight_shapes().values())
    needed = needed_bytes(spec, **GIVEN)
    assert 4 * weights < needed < 5 * weights + 300e6  # the start; weights, gradients and velocities of fc6 and fc7
    assert needed_bytes(spec, **{**GIVEN, "train_conv_from": 1}) > needed + 100e6
    assert needed_bytes(spec, **{**GIVEN, "rois_per_block": 1024}) > needed


def test_there_is_some_free_memory():
    free = free_bytes(torch.device("cpu"))
    if sys.platform == "linux":
        assert free is not None and free > 1e6
        assert 0 <= cache_limit(int(free) // 2) <= free
        assert cache_limit(1 << 60) == 0


def test_what_is_enough_passes_and_the_unknown_too():
    require_memory(10, 10, device=torch.device("cpu"), lower=("a", "b"))
    require_memory(10, None, device=torch.device("cpu"), lower=("a", "b"))


def test_a_gpu_without_memory_names_the_way_out():
    with pytest.raises(
        UserError, match=r"needs about 2\.0 GB of memory on cuda, 1\.0 GB are free\. Lower a and b, .*--device cpu"
    ):
        require_memory(int(2e9), int(1e9), device=torch.device("cuda"), lower=("a", "b"))


def container(folder, limit, used, stat, version=2):
    """Write the files in which a control group tells its memory."""
    names = ("memory.max", "memory.current", "memory.stat")
    if version == 1:
        names = ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat")
    for name, text in zip(names, (limit, used, stat), strict=True):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(f"{text}\n")


def test_in_a_container_pages_of_files_are_free_memory(tmp_path):
    """Of 8 GB 7 are used, 5 of these by files that were read: 6 are free. What shared memory holds is not."""
    stat = "anon 1000000000\nfile 5500000000\nshmem 500000000\ninactive_file 4000000000\nactive_file 1000000000"
    container(tmp_path / "v2", 8_000_000_000, 7_000_000_000, stat)
    assert _cgroup(tmp_path / "v2") == 6_000_000_000
    stat = "cache 5\ninactive_file 1\nactive_file 1\ntotal_inactive_file 4000000000\ntotal_active_file 1000000000"
    container(tmp_path / "v1", 8_000_000_000, 7_000_000_000, stat, version=1)
    assert _cgroup(tmp_path / "v1") == 6_000_000_000


def test_without_a_limit_a_container_says_nothing(tmp_path):
    assert _cgroup(tmp_path) is None
    container(tmp_path / "v2", "max", 7, "anon 1")
    assert _cgroup(tmp_path / "v2") is None
    container(tmp_path / "v1", 9223372036854771712, 7, "cache 1", version=1)
    assert _cgroup(tmp_path / "v1") is None
    container(tmp_path / "odd", "", 7, "cache 1")
    assert _cgroup(tmp_path / "odd") is None
