"""Residual blocks, heads with convolutions and depthwise blocks, against modules that were written independently."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.engines.torch_layers import BUILDERS, _Inner, build_layers
from fastRCNN.network import layers as known
from fastRCNN.network.alexnet import he_initialised
from fastRCNN.network.batch_norm import BatchNorm
from fastRCNN.network.layers import (
    HEAD_LAYERS,
    AveragePool,
    Conv,
    Dropout,
    GlobalAverage,
    Layer,
    Linear,
    MaxPool,
    Relu,
    Relu6,
    Residual,
    Scale,
    Shape,
)
from fastRCNN.network.network import Network, load_network, save_network
from fastRCNN.network.roi_align import roi_align
from fastRCNN.network.roi_pooling import roi_pool
from fastRCNN.network.spec import NetworkSpec, PictureInput

PICTURES = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3)).astype(np.uint8)
ROIS = np.array([[0, 0, 159, 159], [16, 32, 100, 150], [40, 8, 60, 30], [16, 32, 100, 150]], np.float32)


class Bottleneck(nn.Module):
    """A block of ResNet-50, as torchvision has it."""

    def __init__(self, inputs: int, width: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
        self.down = None
        if stride != 1 or inputs != outputs:
            self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.down is None else self.down(x)))


class SmallResNet(nn.Module):
    """Trunk to the third stage, stride 16; the fourth behind ROI pooling of 14 x 14, then the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8)
        self.layer1 = nn.Sequential(Bottleneck(8, 4, 16, 1), Bottleneck(16, 4, 16, 1))
        self.layer2, self.layer3 = Bottleneck(16, 6, 24, 2), Bottleneck(24, 8, 32, 2)
        self.layer4 = nn.Sequential(Bottleneck(32, 12, 48, 2), Bottleneck(48, 12, 48, 1))

    def trunk(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.norm(self.stem(x))), 3, 2, 1)
        return self.layer3(self.layer2(self.layer1(x)))

    def head(self, pooled):
        return self.layer4(pooled).mean((2, 3))


def randomised(module: nn.Module) -> nn.Module:
    torch.manual_seed(1)
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d):
            each.weight.data.uniform_(0.5, 1.5)
            each.bias.data.normal_(0, 0.1)
            each.running_mean.normal_(0, 0.1)
            each.running_var.uniform_(0.5, 1.5)
    return module.eval()


def folded(arrays: dict, name: str, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> Conv:
    """The convolution as our layer, its batch normalisation in its weights."""
    numbers = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    fixed = BatchNorm(*(each.detach().numpy() for each in numbers), norm.eps)
    arrays[f"{name}.weight"], arrays[f"{name}.bias"] = fixed.folded_into(conv.weight.detach().numpy())
    return Conv(name, conv.out_channels, conv.kernel_size[0], conv.stride[0], conv.padding[0], conv.groups)


def block(arrays: dict, name: str, module: Bottleneck) -> tuple[Layer, ...]:
    branch = (
        folded(arrays, f"{name}.1", module.conv1, module.bn1), Relu(),
        folded(arrays, f"{name}.2", module.conv2, module.bn2), Relu(),
        folded(arrays, f"{name}.3", module.conv3, module.bn3),
    )  # fmt: skip
    shortcut = () if module.down is None else (folded(arrays, f"{name}.down", *module.down),)
    return Residual(branch, shortcut), Relu()


@pytest.fixture(scope="module")
def resnet():
    """The module, and our network of the same weights: read from a weight file of version 2."""
    module, arrays = randomised(SmallResNet()), {}
    one, two = module.layer1, module.layer4
    spec = NetworkSpec(
        trunk=(
            folded(arrays, "stem", module.stem, module.norm), Relu(), MaxPool(3, 2, pad=1),
            *block(arrays, "1.0", one[0]), *block(arrays, "1.1", one[1]), *block(arrays, "2", module.layer2),
            *block(arrays, "3", module.layer3),
        ),
        head=(*block(arrays, "4.0", two[0]), *block(arrays, "4.1", two[1]), GlobalAverage()),
        input=PictureInput("RGB", (123.0, 117.0, 104.0), (1 / 58, 1 / 57, 1 / 57)),
        pooling_size=14,
    )  # fmt: skip
    return module, Network(spec, arrays)


def expected_of(module, network, picture, rois):
    """Map and rows as the module has them, ROI pooling by ours (which is tested against CNTK's)."""
    wanted = network.spec.input
    pixels = (picture[:, :, ::-1].astype(np.float32) - np.float32(wanted.mean)) * np.float32(wanted.scale)
    with torch.inference_mode():
        feature_map = module.trunk(torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None])[0].numpy()
        pooled = roi_pool(feature_map, rois, size=network.spec.pooling_size)
        return feature_map, module.head(torch.from_numpy(pooled)).numpy()


def test_a_resnet_as_trunk_and_head(resnet, tmp_path):
    module, network = resnet
    save_network(tmp_path / "resnet.npz", network.spec.to_header(), network.arrays)
    network = load_network(tmp_path / "resnet.npz")
    with TorchEngine(network, device="cpu") as engine:
        assert (network.spec.stride, engine.feature_dimension) == (16, 48)
        maps = engine.feature_map(PICTURES)
        rows = engine.head(maps, [ROIS, ROIS[:1]])
    for picture, found, of_picture, rois in zip(PICTURES, maps.numpy(), rows, (ROIS, ROIS[:1]), strict=True):
        feature_map, expected = expected_of(module, network, picture, rois)
        np.testing.assert_allclose(found, feature_map, atol=2e-5 * np.abs(feature_map).max())
        np.testing.assert_allclose(of_picture, expected, atol=2e-5 * np.abs(expected).max())
        assert np.abs(expected).max() > 0.1, "the network must not be dead"


def test_blocks_of_rois_are_smaller_where_a_roi_is_large(resnet):
    _, network = resnet
    engine = TorchEngine(network, device="cpu")
    (whole,) = engine.embed(PICTURES[:1], [ROIS])
    assert engine.block == 1024
    engine.block = 2
    np.testing.assert_allclose(engine.embed(PICTURES[:1], [ROIS])[0], whole, atol=1e-5 * whole.max())
    wide = dataclasses.replace(network.spec, pooling_size=60)
    assert TorchEngine(Network(wide, network.arrays), device="cpu").block == (1 << 24) // (32 * 60 * 60)


def test_bfloat16_of_a_resnet_is_close(resnet):
    _, network = resnet
    exact, rounded = (
        TorchEngine(network, device="cpu", precision=precision).embed(PICTURES[:1], [ROIS])[0]
        for precision in ("float32", "bfloat16")
    )
    assert 0 < np.linalg.norm(rounded - exact) < 0.05 * np.linalg.norm(exact)


def test_depthwise_blocks_relu6_scales_and_average_pooling():
    """MobileNetV2's block, a pre-activation block, and pooling by means, as plain functions."""
    inverted = Residual(
        (Conv("up", 24, 1), Relu6(), Conv("deep", 24, 3, pad=1, groups=24), Relu6(), Conv("down", 8, 1))
    )
    before = Residual((Scale("bn"), Relu(), Conv("conv", 8, 3, pad=1)))  # its shortcut sees what the ReLU does not
    spec = NetworkSpec(
        trunk=(Conv("stem", 8, 3, stride=4), inverted, before, Relu()),
        head=(AveragePool(3, 1, pad=1), Dropout(), Linear("fc", 5), Relu6()),
        pooling_size=4, spatial_scale=0.25,
    )  # fmt: skip
    network = he_initialised(0, spec=spec)
    rng = np.random.default_rng(3)
    arrays = {key: value + rng.normal(0, 0.1, value.shape).astype(np.float32) for key, value in network.arrays.items()}
    arrays["stem.weight"] /= 100
    network = Network(spec, arrays)
    of = {key: torch.from_numpy(value) for key, value in arrays.items()}
    conv = nn.functional.conv2d

    def both(name):
        return of[f"{name}.weight"], of[f"{name}.bias"]

    x = conv(torch.from_numpy(PICTURES[0].transpose(2, 0, 1)[None] - np.float32(114)), *both("stem"), stride=4)
    y = conv(x, *both("up")).clamp(0, 6)
    y = conv(y, *both("deep"), padding=1, groups=24).clamp(0, 6)
    x = x + conv(y, *both("down"))
    y = torch.relu(x * of["bn.weight"][:, None, None] + of["bn.bias"][:, None, None])
    feature_map = torch.relu(x + conv(y, *both("conv"), padding=1))
    pooled = torch.from_numpy(roi_pool(feature_map[0].numpy(), ROIS, size=4, spatial_scale=0.25))
    kernel = torch.full((8, 1, 3, 3), 1 / 9)
    rows = conv(pooled, kernel, padding=1, groups=8).flatten(1) @ of["fc.weight"].T + of["fc.bias"]
    with TorchEngine(network, device="cpu") as engine:
        found = engine.feature_map(PICTURES[:1])
        np.testing.assert_allclose(found.numpy(), feature_map.numpy(), atol=1e-4 * float(feature_map.max()))
        expected = rows.clamp(0, 6).numpy()
        np.testing.assert_allclose(engine.head(found, [ROIS])[0], expected, atol=1e-3)
    assert expected.max() == 6 and 0 < (expected == 6).mean() < 1, "both limits are reached"


@pytest.mark.parametrize("side", [32, 33])
@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "extra"),
    [(3, 2, 0, 1), (5, 2, 1, 1), (4, 4, 0, 2), (2, 1, 0, 1), (3, 2, 3, 0), (3, 2, 5, 0), (3, 2, 5, 1), (3, 2, 2, 0)],
)
def test_zeros_around_the_picture(side, kernel, stride, pad, extra):
    spec = NetworkSpec((Conv("a", 6, kernel, stride, pad, 3, extra),), ())
    network = he_initialised(0, spec=spec)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 3, side, side)).astype(np.float32))
    padded = nn.functional.pad(x, (pad, pad + extra, pad, pad + extra))
    expected = nn.functional.conv2d(padded, torch.from_numpy(network.weight("a")), stride=stride, groups=3)
    found = build_layers(network, spec.trunk)(x)
    np.testing.assert_allclose(found.detach().numpy(), expected.numpy(), atol=1e-5)
    assert found.shape[2] == spec.trunk[0].output(Shape(3, side)).side


def test_the_gradient_of_zeros_behind_the_picture():
    spec = NetworkSpec((Conv("a", 6, 3, 2, 0, 3, extra=1),), ())
    network = he_initialised(0, spec=spec)
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.standard_normal((2, 3, 32, 32)).astype(np.float32)).requires_grad_()
    plain = x.detach().clone().requires_grad_()
    weights = torch.from_numpy(rng.standard_normal((2, 6, 16, 16)).astype(np.float32))
    (build_layers(network, spec.trunk)(x) * weights).sum().backward()
    padded = nn.functional.pad(plain, (0, 1, 0, 1))
    expected = nn.functional.conv2d(padded, torch.from_numpy(network.weight("a")), stride=2, groups=3)
    (expected * weights).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), plain.grad.numpy(), atol=1e-5)


def test_a_gradient_has_its_channels_last_as_its_map_has():
    """PyTorch's own gradient of a slice has not, and all layers before it become slow."""
    x = torch.randn(1, 6, 5, 7).to(memory_format=torch.channels_last).requires_grad_()
    _Inner.apply(x, 3, 5).sum().backward()
    inside = torch.zeros(5, 7)
    inside[1:4, 1:6] = 1
    assert torch.equal(x.grad, inside.expand(1, 6, 5, 7))
    assert x.grad.is_contiguous(memory_format=torch.channels_last)


def test_a_pooled_map_describes_a_roi_where_there_is_no_head():
    spec = NetworkSpec((Conv("stem", 6, 3, stride=16),), (), pooling_size=3, pooling_kind="align")
    network = he_initialised(0, spec=spec)
    with TorchEngine(network, device="cpu") as engine:
        maps = engine.feature_map(PICTURES[:1])
        assert float(maps.min()) < 0
        expected = roi_align(maps, ROIS, [0] * 4, size=3, first_centre=1).permute(0, 3, 1, 2).flatten(1)
        assert engine.feature_dimension == 54
        np.testing.assert_allclose(engine.head(maps, [ROIS])[0], expected.numpy(), rtol=1e-5)


def test_every_layer_is_built_and_an_unknown_one_is_not():
    assert set(BUILDERS) == set(HEAD_LAYERS)
    kinds = {kind for kind in vars(known).values() if isinstance(kind, type) and issubclass(kind, Layer)}
    assert kinds - {Layer} == set(HEAD_LAYERS)

    @dataclasses.dataclass(frozen=True)
    class Tanh(Layer):
        type = "tanh"

    with pytest.raises(ValueError, match="layer 'tanh': PyTorch's engine knows"):
        build_layers(he_initialised(0, spec=NetworkSpec((Conv("a", 2, 3),), (Linear("b", 2),))), (Tanh(),))


def test_a_branch_that_begins_with_a_relu_leaves_the_shortcut_what_came_in():
    spec = NetworkSpec((Conv("stem", 4, 3, stride=4), Residual((Relu(), Conv("a", 4, 1)))), (Linear("fc", 2),))
    network = he_initialised(0, spec=spec)
    pixels = torch.from_numpy(PICTURES[0].transpose(2, 0, 1)[None] - np.float32(114))
    x = nn.functional.conv2d(pixels, torch.from_numpy(network.weight("stem")), stride=4)
    assert float(x.min()) < 0 < float(x.max())
    expected = x + nn.functional.conv2d(torch.relu(x), torch.from_numpy(network.weight("a")))
    found = TorchEngine(network, device="cpu").feature_map(PICTURES[:1])
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-4 * float(expected.max()))
