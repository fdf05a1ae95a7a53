"""What the frozen layers give is that of the picture, mirrored where it is said so."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.nn.features import FrozenFeatures, _MapFile
from fastRCNN.nn.network import TrainableNetwork
from fastRCNN.nn.sampling import TrainingPicture
from fastRCNN.run_context import RunContext
from helpers.images import write_image


@pytest.mark.parametrize(("limit", "of_gpu"), [(1e9, 0.0), (0.0, 0.0), (1e9, 1e9)])
def test_rows_are_the_pooled_rois_of_the_picture_and_of_its_mirror_image(tmp_path: Path, limit, of_gpu):
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8)
    write_image(tmp_path / "p.png", image)
    rois = np.array([[0, 0, 63, 100], [70, 20, 120, 60], [0, 0, 63, 100]], np.float32)
    picture = TrainingPicture(tmp_path / "p.png", rois, np.array([0, 1, 0]))
    network = he_initialised(0, spec=cntk_shape(widths=(8,) * 5, hidden=8))
    trainable = TrainableNetwork(network, ("__background__", "a"), context=RunContext(device="cpu"))
    features = FrozenFeatures(trainable, [picture], pad_size=128, flips=True, memory_limit=limit, device_limit=of_gpu)
    assert features.keeps_pooled == (limit > 0)
    assert list(features.fill()) == [(0, False), (0, True)]
    engine = TorchEngine(network, device="cpu")
    for flip, shown, places in (
        (False, image, rois),
        (True, np.ascontiguousarray(image[:, ::-1]), [[64, 0, 127, 100], [7, 20, 57, 60], [64, 0, 127, 100]]),
    ):
        expected = engine.pool(engine.feature_map([shown])[0].numpy(), np.array(places, np.float32)).reshape(3, -1)
        found = features.rows(0, flip, np.array([2, 1])).numpy()
        np.testing.assert_array_equal(found, expected[[2, 1]])
    features.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux lists them")
def test_many_maps_need_one_open_file(tmp_path: Path):
    """Of any number of pictures, all in the file; and it is gone afterwards."""
    pictures = []
    for number in range(12):
        write_image(tmp_path / f"{number}.png", np.full((64, 64, 3), 20 * number, np.uint8))
        pictures.append(TrainingPicture(tmp_path / f"{number}.png", np.array([[0, 0, 63, 63]], np.float32), np.ones(1)))
    trainable = TrainableNetwork(
        he_initialised(0, spec=cntk_shape(widths=(8,) * 5, hidden=8)), ("b", "a"), context=RunContext(device="cpu")
    )
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    features = FrozenFeatures(trainable, pictures, pad_size=64, memory_limit=0, folder=tmp_path / "maps")
    list(features.fill())
    for number in range(12):
        expected = trainable.frozen_map(np.full((64, 64, 3), 20 * number, np.uint8))
        np.testing.assert_array_equal(features.map(number, False), expected)
    assert len(list(Path("/proc/self/fd").iterdir())) <= open_before + 2  # the file, and its mapping
    assert len(list((tmp_path / "maps").iterdir())) == 1
    features.close()
    assert list((tmp_path / "maps").iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


def test_a_full_disk_is_an_error_that_names_what_could_not_be_written(tmp_path: Path, monkeypatch):
    """Written, not mapped: a mapping of a full disk kills the process without a word."""
    file = _MapFile(tmp_path)
    file.append(np.ones((2, 3, 3), np.float32))
    monkeypatch.setattr(file._file, "write", lambda data: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match=r"No space left.*\.tmp-map-"):
        file.append(np.ones((2, 3, 3), np.float32))
    file.close()
