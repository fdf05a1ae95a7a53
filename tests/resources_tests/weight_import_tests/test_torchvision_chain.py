"""torchvision's alexnet, saved by PyTorch and run by the same modules as well."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from fastRCNN.network.alexnet import torchvision_shape
from fastRCNN.network.network import load_network
from resources.import_network import import_file
from resources.weight_import.files import sha256_of

WIDTHS, HIDDEN, LABELS = (8, 12, 16, 12, 10), 24, 10  # as in conftest.py


class TorchvisionAlexNet(nn.Module):
    """torchvision's alexnet: the same modules, so the same names in its dictionary of tensors."""

    def __init__(self) -> None:
        super().__init__()
        one, two, three, four, five = WIDTHS
        self.features = nn.Sequential(
            nn.Conv2d(3, one, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(one, two, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            nn.Conv2d(two, three, 3, padding=1), nn.ReLU(),
            nn.Conv2d(three, four, 3, padding=1), nn.ReLU(),
            nn.Conv2d(four, five, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(five * 36, HIDDEN), nn.ReLU(),
            nn.Dropout(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, LABELS),
        )  # fmt: skip


@pytest.fixture
def theirs() -> TorchvisionAlexNet:
    torch.manual_seed(3)
    return TorchvisionAlexNet().eval()


@pytest.mark.parametrize("layout", ["today's", "2017's", "checkpoint"])
def test_torchvision_file_gives_the_same_numbers(
    tmp_path: Path, theirs: TorchvisionAlexNet, picture: np.ndarray, slim: SimpleNamespace, layout: str
) -> None:
    path, state = tmp_path / "alexnet.pth", theirs.state_dict()
    if layout == "checkpoint":
        state = {"epoch": 90, "state_dict": {"module." + name: tensor for name, tensor in state.items()}}
    torch.save(state, path, _use_new_zipfile_serialization=layout != "2017's")

    import_file(path, tmp_path / "ours.npz")
    network = load_network(tmp_path / "ours.npz")

    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    rgb = (picture[:, :, ::-1] / 255 - mean) / deviation
    with torch.inference_mode():
        x = torch.from_numpy(rgb.transpose(2, 0, 1)[None]).float()
        trunk = theirs.features[:-1](x)
        fc7 = theirs.classifier[:6](theirs.avgpool(theirs.features(x)).flatten(1))
    slim.assert_close(slim.run_ours(network, picture), [trunk[0].numpy(), fc7[0].numpy()])
    assert network.spec.source_sha256 == sha256_of(path)
    shape = torchvision_shape(widths=WIDTHS, hidden=HIDDEN)
    assert (network.spec.trunk, network.spec.head) == (shape.trunk, shape.head)
    assert (network.spec.pooling_size, network.spec.spatial_scale) == (6, 1 / 16)


def test_torchvision_file_faults(tmp_path: Path, theirs: TorchvisionAlexNet, slim: SimpleNamespace) -> None:
    path, state = tmp_path / "alexnet.pth", theirs.state_dict()
    torch.save({"conv1.weight": torch.zeros(2)}, path)
    slim.expect_fault(path, r"expected one of: torchvision's alexnet or vgg \(features\.0\.weight.*Found conv1\.weight")
    torch.save([1, 2], path)
    slim.expect_fault(path, "expected one of: torchvision's alexnet.*Found no tensor")
    torch.save({name: tensor for name, tensor in state.items() if name != "features.3.weight"}, path)
    slim.expect_fault(path, r"expected torchvision's alexnet .* with the tensor 'features\.3\.weight'")
    torch.save({**state, "features.3.bias": torch.full((12,), float("nan"))}, path)
    slim.expect_fault(path, r"conv2\.bias: expected numbers, found NaN")
    torch.save({**state, "classifier.4.weight": torch.zeros(HIDDEN, HIDDEN + 1)}, path)
    slim.expect_fault(path, r"fc7\.weight: expected shape \(24, 24\).*found \(24, 25\)")
    torch.save(theirs, path)  # a pickled module would run code
    slim.expect_fault(path, "PyTorch cannot load tensors from it.*never loaded")
    torch.save(state, path)
    for kept in (4, 3000, path.stat().st_size - 3000):
        path.write_bytes(path.read_bytes()[:kept])
        slim.expect_fault(path, "PyTorch cannot load tensors from it: it is damaged, was cut short")
        torch.save(state, path)
