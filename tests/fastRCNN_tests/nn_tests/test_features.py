"""What the frozen layers give is that of the picture, mirrored where it is said so."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.nn.features import FrozenFeatures
from fastRCNN.nn.network import TrainableNetwork
from fastRCNN.nn.sampling import TrainingPicture
from helpers.images import write_image


@pytest.mark.parametrize("limit", [1e9, 0.0])
def test_rows_are_the_pooled_rois_of_the_picture_and_of_its_mirror_image(tmp_path: Path, limit):
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8)
    write_image(tmp_path / "p.png", image)
    rois = np.array([[0, 0, 63, 100], [70, 20, 120, 60], [0, 0, 63, 100]], np.float32)
    picture = TrainingPicture(tmp_path / "p.png", rois, np.array([0, 1, 0]))
    network = he_initialised(0, spec=cntk_shape(widths=(8,) * 5, hidden=8))
    trainable = TrainableNetwork(network, ("__background__", "a"), device="cpu")
    features = FrozenFeatures(trainable, [picture], pad_size=128, flips=True, memory_limit=limit)
    assert list(features.fill()) == [(0, False), (0, True)]
    engine = TorchEngine(network, device="cpu")
    for flip, shown, places in (
        (False, image, rois),
        (True, np.ascontiguousarray(image[:, ::-1]), [[64, 0, 127, 100], [7, 20, 57, 60], [64, 0, 127, 100]]),
    ):
        expected = engine.pool(engine.feature_map([shown])[0].numpy(), np.array(places, np.float32)).reshape(3, -1)
        found = features.rows(0, flip, np.array([2, 1]))
        np.testing.assert_array_equal(found, expected[[2, 1]])
    features.close()
