"""torchvision's ResNets and VGG16: files of its layout, run by independent modules as well."""

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.layers import Shape
from fastRCNN.network.network import Network, load_network
from fastRCNN.network.roi_pooling import roi_pool
from resources.import_network import import_file
from resources.weight_import.chain import Cut

_FILE = Path(__file__).with_name("modules.py")
_SPEC = importlib.util.spec_from_file_location("published_modules", _FILE)
modules = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(modules)

ROIS = np.array([[0, 0, 159, 159], [16, 32, 100, 150], [40, 8, 60, 30]], np.float32)
NETWORKS = {
    "resnet50": lambda: modules.ResNet((3, 4, 6, 3), 8, 10),
    "resnet101": lambda: modules.ResNet((3, 4, 23, 3), 4, 10),
    "resnet18": lambda: modules.ResNet((2, 2, 2, 2), 8, 10, basic=True),
    "vgg16": lambda: modules.Vgg16(4, 24, 10),
}


@pytest.fixture
def small() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (160, 160, 3), dtype=np.uint8)


def expected_of(module: nn.Module, network: Network, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The map, and the rows of `ROIS`; VGG16's max pooling of 14 x 14 is taken over by ROI pooling of 7 x 7."""
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    rgb = (picture[:, :, ::-1] / 255 - mean) / deviation
    with torch.inference_mode():
        feature_map = module.trunk(torch.from_numpy(rgb.transpose(2, 0, 1)[None].copy()).float())
        pooled = torch.from_numpy(roi_pool(feature_map[0].numpy(), ROIS, size=network.spec.pooling_size))
        if hasattr(module, "features"):
            return feature_map[0].numpy(), module.classifier[:5](pooled.flatten(1)).numpy()
        return feature_map[0].numpy(), module.head(pooled).numpy()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_of_torchvisions_layout_gives_the_same_numbers(
    tmp_path: Path, small: np.ndarray, slim: SimpleNamespace, name: str
) -> None:
    module = modules.randomised(NETWORKS[name]())
    torch.save(module.state_dict(), tmp_path / f"{name}.pth")
    import_file(tmp_path / f"{name}.pth", tmp_path / "ours.npz")
    network = load_network(tmp_path / "ours.npz")
    with TorchEngine(network, device="cpu") as engine:
        maps = engine.feature_map([small])
        (rows,) = engine.head(maps, [ROIS])
    slim.assert_close([maps[0].numpy(), rows], expected_of(module, network, small))
    assert (network.spec.stride, network.spec.pooling_kind) == (16, "max")
    assert network.spec.pooling_size == (7 if name == "vgg16" else 14)
    assert not any(layer.type == "scale" for layer in network.spec.trunk), "folded into the convolutions"


def test_sizes_of_the_published_networks() -> None:
    """Made without numbers: the shapes alone, of layers as wide as the published ones."""
    from fastRCNN.network.spec import NetworkSpec, PictureInput
    from resources.weight_import.chain import network_of
    from resources.weight_import.torchvision_resnet import steps

    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in modules.ResNet((3, 4, 6, 3)).state_dict().items()}
    zeros = {key: np.broadcast_to(np.float32(1), shape) for key, shape in shapes.items()}
    spec: NetworkSpec = network_of(
        steps(zeros), picture_input=PictureInput(), source="", sha256="", where=Path("resnet50.pth")
    ).spec
    assert (spec.map_shape, spec.pooled_shape, spec.feature_dimension) == (Shape(1024), Shape(1024, 14), 2048)


def test_the_pooled_map_alone(tmp_path: Path, small: np.ndarray) -> None:
    module = modules.randomised(NETWORKS["resnet18"]())
    torch.save(module.state_dict(), tmp_path / "resnet18.pth")
    import_file(tmp_path / "resnet18.pth", tmp_path / "ours.npz", cut=Cut("map", "align", 6))
    network = load_network(tmp_path / "ours.npz")
    assert (network.spec.head, network.spec.pooling_kind, network.spec.feature_dimension) == ((), "align", 32 * 36)
    with TorchEngine(network, device="cpu") as engine:
        assert engine.embed([small], [ROIS])[0].shape == (3, 1152)


def test_faults(tmp_path: Path, slim: SimpleNamespace) -> None:
    state = modules.randomised(NETWORKS["resnet18"]()).state_dict()
    path = tmp_path / "net.pth"
    torch.save({key: value for key, value in state.items() if key != "layer2.0.bn1.running_var"}, path)
    slim.expect_fault(path, r"expected torchvision's resnet .* with the tensor 'layer2\.0\.bn1\.running_var'")
    short = {key: value for key, value in state.items() if not key.startswith("layer4")}
    torch.save(short, path)
    slim.expect_fault(path, r"with the tensor 'layer4\.0\.conv1\.weight'")
    torch.save({**state, "bn1.running_var": torch.full((8,), float("nan"))}, path)
    slim.expect_fault(path, r"conv1\.weight: expected numbers, found NaN")


def test_the_modules_here_are_torchvisions() -> None:
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:  # PyPI's build needs the CUDA libraries of PyTorch's
        pytest.skip(f"torchvision cannot be imported ({type(error).__name__})")
    for ours, theirs in (
        (modules.ResNet((3, 4, 6, 3)), models.resnet50()),
        (modules.ResNet((3, 4, 23, 3)), models.resnet101()),
        (modules.ResNet((2, 2, 2, 2), basic=True), models.resnet18()),
        (modules.Vgg16(), models.vgg16()),
    ):
        theirs.load_state_dict(modules.randomised(ours).state_dict())
        x = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 3, 224, 224)).astype(np.float32))
        with torch.inference_mode():
            features = ours.trunk(x)
            last = ours.head(features) if hasattr(ours, "fc") else ours.features[-1](features)
            wanted = theirs.eval()(x) if hasattr(ours, "fc") else theirs.features(x)
            found = ours.fc(last) if hasattr(ours, "fc") else last
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    assert "torchvision" in sys.modules
