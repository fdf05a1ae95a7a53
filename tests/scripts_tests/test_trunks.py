"""Networks other than AlexNet go all the way: imported files of published layouts, slim ones, and the bundled residual
network, on a small data set."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from fastRCNN.network.layers import MaxPool, Residual
from fastRCNN.nn.trainable_layers import first_trained_layer
from resources.import_network import import_file
from resources.install_network import LEARN_FROM
from resources.weight_import.chain import Cut

BUNDLED = Path(__file__).resolve().parents[2] / "resources" / "cntk" / "Residual.npz"
IMPORTERS = Path(__file__).resolve().parents[1] / "resources_tests" / "weight_import_tests"


def module_of(name):
    spec = importlib.util.spec_from_file_location(f"for_trunks_{name}", IMPORTERS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Weight files of a ResNet, its last stage behind ROI pooling, and of EfficientNet-Lite, its pooled map itself,
    and the bundled residual network."""
    folder = tmp_path_factory.mktemp("networks")
    modules = module_of("modules")
    torch.save(modules.randomised(modules.ResNet((1, 1, 1, 1), 8, 10)).state_dict(), folder / "resnet.pth")
    torch.save(module_of("test_efficientnet_lite").slim_state(np.random.default_rng(0)), folder / "lite.pth")
    import_file(folder / "resnet.pth", folder / "resnet.npz")
    import_file(folder / "lite.pth", folder / "lite.npz", cut=Cut("map"))
    shutil.copy(BUNDLED, folder / "bundled.npz")
    return folder


@pytest.mark.parametrize("network", ["resnet", "lite", "bundled"])
@pytest.mark.parametrize("classifier", ["svm", "nn", "faster"])
def test_all_steps_with(run, networks, network, classifier):
    options = ["--classifier", classifier]
    for value in (
        "cntk_max_epochs=1",
        "faster_max_epochs=1",
        "nn_trainConvFrom=3",
        f"cntk_model={networks / network}.npz",
    ):
        options += ["--set", value]
    for script in run.steps[:5]:
        run(script, *options)
    result = json.loads((run.root / f"results/tiny/evaluation_test_{classifier}.json").read_text(encoding="utf-8"))
    assert 0 <= result["mAP_area"] <= 1


def test_what_the_published_recipes_freeze(tmp_path):
    """Of a ResNet the first convolution and the first stage; of VGG16 conv1 and conv2, two convolutions each."""
    modules = module_of("modules")
    torch.save(modules.randomised(modules.ResNet((3, 2, 1, 1), 8, 10)).state_dict(), tmp_path / "resnet.pth")
    trunk = import_file(tmp_path / "resnet.pth", tmp_path / "resnet.npz").spec
    first = first_trained_layer(trunk, LEARN_FROM["resnet50"])
    assert sum(isinstance(layer, Residual) for layer in trunk.trunk[:first]) == 3
    assert isinstance(trunk.trunk[first], Residual)
    assert LEARN_FROM["resnet101"] == LEARN_FROM["resnet50"]
    torch.save(modules.randomised(modules.Vgg16(4, 8, 5)).state_dict(), tmp_path / "vgg16.pth")
    vgg = import_file(tmp_path / "vgg16.pth", tmp_path / "vgg16.npz").spec
    first = first_trained_layer(vgg, LEARN_FROM["vgg16"])
    assert sum(isinstance(layer, MaxPool) for layer in vgg.trunk[:first]) == 2  # conv3 begins behind the second
    assert isinstance(vgg.trunk[first - 1], MaxPool)
