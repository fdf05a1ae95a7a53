"""The engine against networks written down in plain PyTorch, layer by layer, for all three shapes."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fastRCNN.engines import load_engine, starting_network, torch_engine
from fastRCNN.engines.torch_device import choose_device
from fastRCNN.engines.torch_engine import TorchEngine, _different
from fastRCNN.network.alexnet import caffe_shape, cntk_shape, he_initialised, torchvision_shape
from fastRCNN.network.pooling import pool
from fastRCNN.network.roi_pooling import roi_pool
from helpers.errors import UserError
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network

WIDTHS = (8, 12, 12, 12, 8)


def plain_trunk(shape):
    """The trunk of each published shape, as its papers and files describe it."""
    lrn = [nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0)]
    conv, relu = nn.Conv2d, nn.ReLU
    if shape is cntk_shape:
        return nn.Sequential(
            conv(3, 8, 11, 4), relu(), *lrn, nn.MaxPool2d(3, 2), conv(8, 12, 5, padding=2), relu(), *lrn,
            nn.MaxPool2d(3, 2), conv(12, 12, 3, padding=1), relu(), conv(12, 12, 3, padding=1), relu(),
            conv(12, 8, 3, padding=1), relu(),
        )  # fmt: skip
    if shape is caffe_shape:
        return nn.Sequential(
            conv(3, 8, 11, 4), relu(), *lrn, nn.MaxPool2d(3, 2, ceil_mode=True), conv(8, 12, 5, padding=2, groups=2),
            relu(), *lrn, nn.MaxPool2d(3, 2, ceil_mode=True), conv(12, 12, 3, padding=1), relu(),
            conv(12, 12, 3, padding=1, groups=2), relu(), conv(12, 8, 3, padding=1, groups=2), relu(),
        )  # fmt: skip
    return nn.Sequential(
        conv(3, 8, 11, 4, padding=2), relu(), nn.MaxPool2d(3, 2), conv(8, 12, 5, padding=2), relu(), nn.MaxPool2d(3, 2),
        conv(12, 12, 3, padding=1), relu(), conv(12, 12, 3, padding=1), relu(), conv(12, 8, 3, padding=1), relu(),
    )  # fmt: skip


@pytest.mark.parametrize("shape", [cntk_shape, caffe_shape, torchvision_shape])
def test_equals_the_plain_network(shape):
    network = he_initialised(3, spec=shape(widths=WIDTHS, hidden=16))
    trunk, head = plain_trunk(shape), nn.Sequential(nn.Linear(8 * 36, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU())
    for modules, names in ((trunk, [f"conv{i}" for i in range(1, 6)]), (head, ["fc6", "fc7"])):
        layers = [module for module in modules if isinstance(module, (nn.Conv2d, nn.Linear))]
        for layer, name in zip(layers, names, strict=True):
            layer.weight.data = torch.from_numpy(network.weight(name))
            layer.bias.data = torch.from_numpy(network.bias(name))
    picture = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    pixels = picture.astype(np.float32)
    if shape is cntk_shape:
        pixels = pixels - 114
    elif shape is caffe_shape:
        pixels = pixels - np.array([104, 117, 123], np.float32)
    else:
        pixels = (pixels[:, :, ::-1] / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.inference_mode():
        expected = trunk(torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)))[0].numpy()
        engine = TorchEngine(network, device="cpu")
        found = engine.feature_map([picture])[0].numpy()
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
        rois = np.array([[0, 0, 199, 199], [16, 32, 100, 150], [16, 32, 100, 150.5]], np.float32)
        pooled = engine.pool(expected, rois)
        rows = head(torch.from_numpy(pooled).flatten(1)).numpy()
    np.testing.assert_allclose(engine.embed([picture], [rois])[0], rows, atol=1e-4 * np.abs(rows).max())


@pytest.mark.parametrize("shape", [cntk_shape, caffe_shape, torchvision_shape])
def test_bfloat16_is_close_to_float32(shape):
    network = he_initialised(3, spec=shape(widths=WIDTHS, hidden=64))
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (200, 200, 3)).astype(np.uint8)
    rois = np.sort(rng.integers(0, 200, (50, 2, 2)), axis=1).reshape(50, 4).astype(np.float32)
    exact = TorchEngine(network, device="cpu").embed([picture], [rois])[0]
    with TorchEngine(network, device="cpu", precision="bfloat16") as engine:
        rounded = engine.embed([picture], [rois])[0]
        assert engine.feature_map([picture]).dtype == torch.bfloat16
    assert rounded.dtype == np.float32
    assert not (rounded.view(np.uint32) & 0xFFFF).any(), "a bfloat16 is the upper half of a float32"
    # each rounding is at most 2**-9 of a number, and seven layers follow each other
    assert np.linalg.norm(rounded - exact) < 7 * 2**-9 * np.linalg.norm(exact)
    assert not np.array_equal(rounded, exact)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_layers_in_bfloat16_see_the_same_number_of_rows_again_and_again(monkeypatch, precision):
    """For each new one oneDNN compiles them anew, which takes longer than the product of some rows more."""
    network = he_initialised(3, spec=cntk_shape(widths=WIDTHS, hidden=16))
    picture = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
    corners = 16 * np.arange(40, dtype=np.float32)[:, None] % 100 + np.arange(40)[:, None] // 6 * 7
    rois = np.concatenate([corners, corners + 60], axis=1)[:, [0, 0, 1, 1]] + [0, 0, 8, 9]
    with TorchEngine(network, device="cpu", precision=precision) as engine:
        seen = []
        of_block = engine._of_block
        monkeypatch.setattr(engine, "_of_block", lambda pooled: seen.append(len(pooled)) or of_block(pooled))
        found = [engine.embed([picture], [rois[:count].astype(np.float32)])[0] for count in (3, 5, 1)]
    assert [len(rows) for rows in found] == [3, 5, 1]
    assert seen == ([16, 16, 16] if precision == "bfloat16" else [3, 5, 1])
    np.testing.assert_allclose(found[1][0], found[2][0], rtol=1e-5)
    assert not np.array_equal(found[1][0], found[1][1])


def test_bfloat16_does_not_round_scores(drawn_detector):
    """Neither those of classes nor those of anchors, nor offsets: what comes in is rounded, what comes out is not."""
    network, picture, rois = drawn_detector
    exact = TorchEngine(network, device="cpu")
    rounded = TorchEngine(network, device="cpu", precision="bfloat16")
    pairs = list(
        zip(exact.regions(exact.feature_map([picture])), rounded.regions(rounded.feature_map([picture])), strict=True)
    )
    pairs.append((exact.embed([picture], [rois])[0], rounded.embed([picture], [rois])[0]))
    for of_exact, of_rounded in pairs:
        assert of_rounded.dtype == np.float32 and of_rounded.shape == of_exact.shape
        assert 0 < np.linalg.norm(of_rounded - of_exact) < 9 * 2**-9 * np.linalg.norm(of_exact)
        assert (of_rounded.view(np.uint32) & 0xFFFF).any()


@pytest.fixture
def drawn_detector():
    """A network with layers that propose and score, a picture, ROIs."""
    rng = np.random.default_rng(1)
    rois = np.sort(rng.integers(0, 200, (50, 2, 2)), axis=1).reshape(50, 4).astype(np.float32)
    return faster_network(("__background__", "a")), rng.integers(0, 256, (200, 200, 3)).astype(np.uint8), rois


def test_the_first_of_equal_cells():
    rng = np.random.default_rng(0)
    for cells in (rng.integers(0, 3, (200, 4)), rng.integers(-2, 2, (200, 4)), rng.integers(0, 2, (200, 4)) * 2**40):
        first, which = _different(cells)
        expected = [next(j for j in range(200) if (cells[j] == cells[i]).all()) for i in range(200)]
        assert first[which].tolist() == expected
        assert first.tolist() == sorted(set(expected))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_repeated_rois_and_order_make_no_difference(slim_weights, precision):
    engine = load_engine("torch", slim_weights, precision=precision)
    picture = np.random.default_rng(1).integers(0, 256, (160, 160, 3)).astype(np.uint8)
    rng = np.random.default_rng(2)
    corners = rng.integers(0, 100, (40, 2))
    rois = np.concatenate([corners, corners + rng.integers(1, 60, (40, 2))], axis=1).astype(np.float32)
    rows = engine.embed([picture], [np.concatenate([rois, rois[::-1]])])[0]
    assert rows.shape == (80, engine.feature_dimension) == (80, 64)
    np.testing.assert_array_equal(rows[:40], rows[40:][::-1])
    assert rows.dtype == np.float32
    assert (rows >= 0).all()
    assert np.ptp(rows, axis=0).max() > 0, "different ROIs must differ"
    assert engine.embed([picture], [np.zeros((0, 4), np.float32)])[0].shape == (0, 64)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_pooled_rows_begin_where_the_matrix_units_read_fast(slim_weights, precision):
    engine = load_engine("torch", slim_weights, precision=precision)
    kind = np.float32 if precision == "float32" else np.int16
    for rois in (1, 3, 200):  # NumPy's small arrays lie anywhere, its large ones 16 bytes after such a place
        pooled = engine.pool(np.ones((8, 10, 10), kind), np.zeros((rois, 4), np.float32))
        assert pooled.dtype == kind
        assert pooled.ctypes.data % 64 == 0


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_pooling_as_on_a_gpu_gives_the_same_numbers(kind):
    rng = np.random.default_rng(5)
    feature_map = torch.from_numpy(rng.normal(size=(7, 19, 23)).astype(np.float32)).to(kind)
    corners = rng.integers(-30, 400, (50, 2, 2))
    rois = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32)
    expected = roi_pool(feature_map.float().numpy(), rois)
    assert np.count_nonzero(expected) > 1000
    pooled = pool(cntk_shape(), feature_map[None], rois, np.zeros(len(rois))).permute(0, 3, 1, 2)
    np.testing.assert_array_equal(pooled.numpy(), expected)


def test_loading_an_engine_imports_no_sympy(slim_weights):
    program = (
        "import sys; from fastRCNN.engines import load_engine; from pathlib import Path; "
        f"load_engine('torch', Path({str(slim_weights)!r})); assert 'sympy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).resolve().parents[3])


def test_starting_network_is_the_seeds_own():
    first, again, other = (starting_network("", seed).weight("conv1") for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_wrong_pictures_engines_and_devices(slim_weights, tmp_path):
    engine = load_engine("torch", slim_weights)
    with pytest.raises(ValueError, match="uint8"):
        engine.embed([np.zeros((50, 50, 3), np.float32)], [np.zeros((1, 4), np.float32)])
    with pytest.raises(ValueError, match="engine"):
        load_engine("caffe", slim_weights)
    with pytest.raises(ValueError, match="precision"):
        load_engine("torch", slim_weights, precision="float16")
    with pytest.raises(UserError, match="--engine cntk"):
        load_engine("torch", tmp_path / "AlexNet.model")
    if not torch.cuda.is_available():
        assert choose_device("auto").type == "cpu"
        with pytest.raises(UserError, match="no NVIDIA GPU"):
            choose_device("cuda")


def test_an_engine_with_more_threads_gets_them_after_one_with_few(monkeypatch):
    given = torch.get_num_threads()
    monkeypatch.setattr(torch_engine, "_MOST_THREADS", 3)
    try:
        found = []
        for threads in (1, 2, 8):
            TorchEngine(he_initialised(0, spec=cntk_shape(widths=(8,) * 5, hidden=8)), device="cpu", threads=threads)
            found.append(torch.get_num_threads())
        assert found == [1, 2, 3]
    finally:
        torch.set_num_threads(given)


@pytest.mark.parametrize("channels", ["BGR", "RGB"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_pixels_become_what_the_header_says(channels: str, precision: str) -> None:
    network = he_initialised(3, spec=cntk_shape(widths=WIDTHS, hidden=16))
    wanted = replace(network.spec.input, channels=channels, mean=(103.9, 0.5, 130.0), scale=(0.017, 1.0, 0.3))
    network = replace(network, spec=replace(network.spec, input=wanted))
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    with TorchEngine(network, device="cpu", precision=precision) as engine:
        pixels = engine.normalised(picture)
        assert torch.equal(engine.normalised_there([picture, picture[::-1]])[:1], pixels)
    ordered = picture if channels == "BGR" else picture[:, :, ::-1]
    expected = (ordered.astype(np.float32) - np.float32(wanted.mean)) * np.float32(wanted.scale)
    assert pixels.shape == (1, 3, 32, 32)
    assert torch.equal(pixels[0].permute(1, 2, 0), torch.from_numpy(expected).to(pixels.dtype))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_pictures_together_give_what_each_alone_gives(monkeypatch, drawn_detector, precision):
    """As on a GPU: pixels, regions and rows of several pictures in one call, pooled in blocks."""
    network, _, _ = drawn_detector
    rng = np.random.default_rng(4)
    pictures = rng.integers(0, 256, (5, 200, 200, 3), np.uint8)
    rois = [np.sort(rng.integers(0, 200, (count, 2, 2)), axis=1).reshape(count, 4).astype(np.float32)
            for count in (40, 0, 7, 25, 1)]  # fmt: skip
    rois[0] = np.concatenate([rois[0], rois[0][::-1]])
    alone = TorchEngine(network, device="cpu", precision=precision)
    together = TorchEngine(network, device="cpu", precision=precision, at_once=4)
    assert alone.at_once == 1
    for of_one, of_all in zip(map(alone.normalised, pictures), together.normalised_there(pictures), strict=True):
        assert torch.equal(of_one[0], of_all)
    maps = alone.feature_map(pictures)
    close = {"rtol": 1e-4, "atol": 1e-5} if precision == "float32" else {"rtol": 0.1, "atol": 0.05}
    for expected, found in zip(alone.regions(maps), together.regions(together.feature_map(pictures)), strict=True):
        np.testing.assert_allclose(found, expected, **close)
    expected = alone.head(maps, rois)
    for numbers, cells in ((1 << 26, 1 << 24), (10 * network.spec.pooled_shape.numbers, 2 * maps[0].numel())):
        monkeypatch.setattr(torch_engine, "_TOGETHER_NUMBERS", numbers)
        monkeypatch.setattr(torch_engine, "_TOGETHER_CELLS", cells)
        found = together.head(maps, rois)
        assert [rows.shape for rows in found] == [rows.shape for rows in expected]
        assert {rows.dtype for rows in found} == {np.dtype(np.float32)}
        for of_expected, of_found in zip(expected, found, strict=True):
            np.testing.assert_allclose(of_found, of_expected, **close)
    np.testing.assert_array_equal(found[0][:40], found[0][40:][::-1])
    assert together.head(maps[:1], [np.zeros((0, 4), np.float32)])[0].shape == (0, 10)
    with pytest.raises(ValueError, match="each of 5 maps, got those of 4"):
        together.head(maps, rois[:4])


@pytest.mark.parametrize("kind", ["max", "align"])
def test_blocks_of_several_maps_hold_few_rois_and_few_maps(monkeypatch, kind):
    network = he_initialised(3, spec=replace(cntk_shape(widths=WIDTHS, hidden=16), pooling_kind=kind))
    engine = TorchEngine(network, device="cpu", at_once=8)
    maps, owner = torch.zeros(6, 8, 9, 9), np.repeat([0, 1, 2, 4], [5, 1, 1, 3])
    monkeypatch.setattr(torch_engine, "_TOGETHER_NUMBERS", 4 * network.spec.pooled_shape.numbers)
    monkeypatch.setattr(torch_engine, "_TOGETHER_CELLS", 2 * maps[0].numel())
    blocks = [(part.start, part.stop, low, high) for part, low, high in engine._blocks_of(owner, maps)]
    assert blocks == [(0, 4, 0, 1), (4, 6, 0, 2), (6, 7, 2, 3), (7, 10, 4, 5)]
    rois = [np.array([[0, 0, 60 + number, 90]], np.float32).repeat(3, axis=0) for number in range(6)]
    assert [rows.shape for rows in engine.head(maps, rois)] == [(3, 16)] * 6
