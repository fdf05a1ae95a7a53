"""CNTK 2.7 itself as the judge of the PyTorch engine: same weights, same ROIs, same numbers. Needs .venv-cntk."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from fastRCNN.engines.cntk_engine import CntkEngine
from fastRCNN.engines.cntk_process import missing_cntk
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.evaluation.average_precision import PictureResult, evaluate
from fastRCNN.network.alexnet import caffe_shape, cntk_shape, he_initialised, torchvision_shape
from fastRCNN.network.layers import (
    AveragePool,
    Conv,
    Dropout,
    GlobalAverage,
    Linear,
    Lrn,
    MaxPool,
    Relu,
    Relu6,
    Residual,
    Scale,
)
from fastRCNN.network.network import Network
from fastRCNN.network.roi_pooling import roi_pool
from fastRCNN.network.spec import NetworkSpec
from fastRCNN.pipeline.cntk_inputs import CntkRecord, relative_rois, write_cntk_inputs
from fastRCNN.svm.scoring import score_rois
from fastRCNN.svm.train_svms import SvmTraining, train_svms
from helpers.artifacts import Artifacts
from helpers.boxes import iou_matrix
from helpers.errors import UserError

pytestmark = [
    pytest.mark.cntk,
    pytest.mark.skipif(missing_cntk() is not None, reason=f"{missing_cntk()}: run resources/install_cntk.py"),
]
SLIM = {"widths": (8, 12, 16, 16, 12), "hidden": 32}
SIDE = 230  # pixels of the small padded pictures: a map of 13 x 13 cells of 16 pixels


@pytest.fixture(scope="module")
def small():
    """A worker with a slim network; tests that need another network start one of their own."""
    with CntkEngine(he_initialised(1, spec=cntk_shape(**SLIM)), threads=1) as engine:
        yield engine


def picture(side: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def random_rois(count: int, side: int, seed: int = 0) -> np.ndarray:
    """(count, 4) float32 inside a picture of `side`, corners at whole and half pixels."""
    corners = np.random.default_rng(seed).integers(0, 2 * side - 1, (count, 2, 2)) / 2
    return np.sort(corners, axis=1).reshape(count, 4).astype(np.float32)


def relative_difference(ours: np.ndarray, cntk: np.ndarray) -> float:
    """The largest difference, relative to the largest value."""
    assert ours.shape == cntk.shape
    return float(np.abs(ours - cntk).max() / np.abs(cntk).max())


@pytest.mark.parametrize("shape", [cntk_shape, caffe_shape, torchvision_shape])
def test_all_three_published_shapes_give_the_same_maps_and_embeddings(shape):
    # caffe_shape: groups and pooling over the edge; torchvision_shape: padded first layer, RGB, scaled input
    network = he_initialised(2, spec=shape(**SLIM))
    image, rois = picture(SIDE), random_rois(200, SIDE)
    with CntkEngine(network, threads=1) as cntk, TorchEngine(network, threads=1) as ours:
        assert relative_difference(ours.feature_map([image])[0].numpy(), cntk.feature_map([image])[0]) < 1e-5
        embedded = cntk.embed([image], [rois])[0]
        assert embedded.shape == (200, 32)
        assert cntk.feature_dimension == 32
        assert relative_difference(ours.embed([image], [rois])[0], embedded) < 1e-4


def test_full_size_network_and_picture_with_200_and_2000_rois():
    network = he_initialised(0)  # 96, 192, 384, 384, 256; 4096: the tutorial's
    image, rois = picture(1000), random_rois(2000, 1000)
    with CntkEngine(network, threads=2) as cntk, TorchEngine(network, threads=2) as ours:
        for count in (200, 2000):
            difference = relative_difference(
                ours.embed([image], [rois[:count]])[0], cntk.embed([image], [rois[:count]])[0]
            )
            print(f"{count} ROIs: largest difference / largest value = {difference:.1e}")
            assert difference < 1e-4


ODD_ROIS = {
    "whole picture": [0, 0, SIDE - 1, SIDE - 1],
    "filler": [0, 0, 0, 0],
    "one pixel": [100, 57, 100, 57],
    "last pixel": [SIDE - 1, SIDE - 1, SIDE - 1, SIDE - 1],
    "left border": [0, 40, 3, 200],
    "right border": [SIDE - 3, 40, SIDE - 1, 200],
    "empty": [100, 80, 99, 79],
    "one cell high": [3, 64, 200, 66],
    "over the right and lower border": [150, 150, 400, 300],
    "outside": [500, 500, 600, 600],
}


@pytest.mark.parametrize("name", ODD_ROIS)
def test_odd_rois_pool_and_embed_the_same(name, small):
    ours = TorchEngine(he_initialised(1, spec=cntk_shape(**SLIM)), threads=1)
    roi, image = np.array([ODD_ROIS[name]], np.float32), picture(SIDE)
    feature_map = small.feature_map([image])[0]
    np.testing.assert_array_equal(roi_pool(feature_map, roi), small.pool(feature_map, roi))
    scale = np.abs(small.embed([image], [random_rois(20, SIDE)])[0]).max()
    assert np.abs(ours.embed([image], [roi])[0] - small.embed([image], [roi])[0]).max() < 1e-4 * scale


@pytest.mark.parametrize("size", [1, 2, 6, 7])
def test_roi_pooling_is_equal_bit_for_bit(size, small):
    feature_map = np.random.default_rng(3).random((5, 13, 17), dtype=np.float32)  # as behind a ReLU: never below 0
    rois = np.concatenate([random_rois(2000, 13 * 16), [[x, x, x, x] for x in range(0, 208, 3)]])
    np.testing.assert_array_equal(roi_pool(feature_map, rois, size=size), small.pool(feature_map, rois, size=size))


def test_both_parts_one_after_the_other_give_what_they_give_in_one_command(small):
    images, rois = [picture(SIDE), picture(SIDE)[::-1].copy()], [random_rois(20, SIDE), random_rois(7, SIDE)]
    maps = small.feature_map(images)
    assert maps.shape[:2] == (2, SLIM["widths"][-1])
    for found, expected in zip(small.head(maps, rois), small.embed(images, rois), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ((Conv("a", 4, 3), Linear("b", 3)), "layer 'conv': CNTK's heads know dropout, linear, .*--engine torch"),
        ((GlobalAverage(), Linear("b", 3)), "layer 'globalaverage': CNTK's heads know"),
    ],
)
def test_heads_with_convolutions_are_refused(head, message):
    network = he_initialised(4, spec=NetworkSpec(trunk=(Conv("conv1", 8, 5, stride=4),), head=head))
    with pytest.raises(UserError, match=message):
        CntkEngine(network, threads=1)


def test_no_rois_give_no_embeddings(small):
    assert small.embed([picture(SIDE)], [np.zeros((0, 4), np.float32)])[0].shape == (0, 32)


@pytest.mark.parametrize(
    "layers",
    [
        (Lrn(size=5, alpha=0.5, beta=0.75, k=2.0),),
        (Lrn(size=3, alpha=0.1, beta=0.5, k=1.0),),
        (Lrn(size=7, alpha=0.5),),  # nearly as wide as there are channels
        (Conv("conv2", 12, 3, pad=1, groups=4),),
        (Conv("conv2", 6, 4, stride=3, pad=2, groups=2),),
        (MaxPool(3, 2, pad=1, ceil=True), MaxPool(2, 2, ceil=True)),
        (MaxPool(3, 2, ceil=True),),
        (MaxPool(3, 2),),
        (AveragePool(3, 2, pad=1),),
        (Scale("scale"), Relu6()),
        (Conv("deep", 8, 3, pad=1, groups=8),),
        (Residual((Conv("a", 4, 1), Relu(), Conv("b", 12, 3, stride=2, pad=1)), (Conv("c", 12, 1, stride=2),)), Relu()),
        (Residual((Scale("scale"), Relu(), Conv("a", 8, 3, pad=1))),),
    ],
    ids=repr,
)
def test_single_layers(layers):
    trunk = (Conv("conv1", 8, 5, stride=4), *layers)
    network = he_initialised(4, spec=NetworkSpec(trunk=trunk, head=(Linear("fc6", 3),)))
    with CntkEngine(network, threads=1) as cntk:
        ours = TorchEngine(network, threads=1)
        for side in (60, 61, 62, 63):
            found, expected = ours.feature_map([picture(side)]).numpy(), cntk.feature_map([picture(side)])
            assert relative_difference(found, expected) < 1e-5


def training_reference(network: Network, data: list, score: tuple, *, epochs: int, mb_size: int, rates: list) -> dict:
    """The tutorial's training in plain PyTorch, float64: what CNTK's learner does, written down. No dropout."""
    pictures, rois, labels = zip(*data, strict=True)
    pooled = []
    engine = TorchEngine(network, threads=1)
    for image, regions in zip(pictures, rois, strict=True):
        pooled.append(torch.from_numpy(roi_pool(engine.feature_map([image])[0].numpy(), regions)).flatten(1).double())
    weights = [torch.tensor(np.asarray(a, np.float64), requires_grad=True) for name in ("fc6", "fc7")
               for a in (network.weight(name), network.bias(name))]  # fmt: skip
    weights += [torch.tensor(np.asarray(a, np.float64), requires_grad=True) for a in score]
    running = [torch.zeros_like(weight) for weight in weights]
    for epoch in range(epochs):
        rate = rates[min(epoch, len(rates) - 1)] / 20
        for start in range(0, len(pictures), mb_size):
            x = torch.cat(pooled[start : start + mb_size])
            targets = torch.from_numpy(np.concatenate(labels[start : start + mb_size]))
            x = torch.relu(torch.nn.functional.linear(x, weights[0], weights[1]))
            x = torch.relu(torch.nn.functional.linear(x, weights[2], weights[3]))
            scores = torch.nn.functional.linear(x, weights[4], weights[5])
            torch.nn.functional.cross_entropy(scores, targets, reduction="sum").backward()
            in_batch = len(pooled[start : start + mb_size])
            momentum = math.exp(-in_batch / 10)
            for weight, mean in zip(weights, running, strict=True):
                gradient = weight.grad + in_batch * 0.0005 * weight.detach()
                mean.mul_(momentum).add_(gradient, alpha=(1 - momentum) * rate)
                weight.data -= mean
                weight.grad = None
    names = ("fc6.weight", "fc6.bias", "fc7.weight", "fc7.bias", "score.weight", "score.bias")
    return {name: weight.detach().numpy() for name, weight in zip(names, weights, strict=True)}


@pytest.mark.parametrize(("epochs", "mb_size"), [(1, 3), (3, 2)], ids=["one step", "six steps, uneven minibatches"])
def test_training_gives_the_same_weights_as_plain_pytorch(epochs, mb_size):
    shape = cntk_shape(**SLIM)
    head = tuple(layer for layer in shape.head if not isinstance(layer, Dropout))
    network = he_initialised(5, spec=dataclasses.replace(shape, head=head))
    rng = np.random.default_rng(6)
    data = []
    for seed, count in enumerate((20, 13, 1)):  # pictures of a minibatch may differ in their number of ROIs
        data.append((picture(SIDE, seed), random_rois(count, SIDE, seed), rng.integers(0, 4, count)))
    score = (rng.standard_normal((4, 32)).astype(np.float32) * 0.1, np.zeros(4, np.float32))
    classes, rates = ["__background__", "a", "b", "c"], [0.02, 0.01, 0.001]
    with CntkEngine(network, threads=1) as engine:
        first = {"score.weight": score[0], "score.bias": score[1]}
        with engine.training(classes, first_arrays=first) as training:
            for image, _, _ in data:
                training.add(image)
            for epoch in range(epochs):
                for start in range(0, 3, mb_size):
                    chosen = list(range(3))[start : start + mb_size]
                    regions, labels = [data[i][1] for i in chosen], [data[i][2] for i in chosen]
                    training.learn(chosen, regions, labels, rate=rates[epoch] / 20)
        trained = engine.network()
        assert (engine.feature_dimension, engine.classes) == (4, tuple(classes))
    expected = training_reference(network, data, score, epochs=epochs, mb_size=mb_size, rates=rates)
    before = {**{key: network.arrays[key] for key in network.arrays}, "score.weight": score[0], "score.bias": score[1]}
    for name, weight in expected.items():
        moved = np.abs(weight - before[name]).max()
        assert moved > 0
        assert np.abs(trained.arrays[name] - weight).max() < 1e-4 * np.abs(weight).max(), name
        assert np.abs(trained.arrays[name] - weight).max() < 1e-3 * moved, name  # the step itself agrees as well
    np.testing.assert_array_equal(trained.arrays["conv1.weight"], network.arrays["conv1.weight"])  # frozen
    assert Relu() in trained.spec.head


def test_ctf_deserializer_reads_the_files_of_step_2(tmp_path: Path, small):
    artifacts, nr_rois, nr_classes = Artifacts(tmp_path, "words"), 7, 3
    artifacts.image_map("train").parent.mkdir(parents=True)
    rng = np.random.default_rng(8)
    records = []
    for index, count in enumerate([7, 3, 0]):
        boxes = np.sort(rng.integers(0, 600, (count, 2, 2)), axis=1).reshape(count, 4)
        relative = relative_rois(boxes, 640, 480, 1000)
        records.append(CntkRecord(index, tmp_path / f"{index}.jpg", relative, rng.integers(0, nr_classes, count)))
    write_cntk_inputs(artifacts, "train", records, nr_rois=nr_rois, nr_classes=nr_classes)

    rois = small.read_ctf(artifacts.rois_txt("train"), "rois", 4 * nr_rois)
    labels = small.read_ctf(artifacts.roi_labels_txt("train"), "roiLabels", nr_classes * nr_rois)
    assert rois.shape == (3, 28) and labels.shape == (3, 21)
    for row, one_hot, record in zip(rois, labels, records, strict=True):
        count = len(record.rois)
        np.testing.assert_array_equal(row.reshape(-1, 4)[:count], record.rois.astype(np.float32))
        assert not row.reshape(-1, 4)[count:].any()
        wanted = np.concatenate([record.labels, np.zeros(nr_rois - count, np.int64)])
        np.testing.assert_array_equal(one_hot.reshape(nr_rois, nr_classes).argmax(1), wanted)
        assert one_hot.sum() == nr_rois


def painted(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A noisy picture with a striped (class 1) and a dotted (class 2) square on it: picture, boxes (2, 4), classes."""
    image = rng.integers(90, 150, (SIDE, SIDE, 3), dtype=np.uint8)
    boxes, sizes = np.zeros((2, 4), np.int32), rng.integers(60, 90, 2)
    for number, size in enumerate(sizes):
        x, y = rng.integers(number * 110, number * 110 + 25), rng.integers(0, SIDE - size)
        rows, columns = np.mgrid[:size, :size]
        pattern = (columns // 6) % 2 if number == 0 else ((columns // 8) % 2) * ((rows // 8) % 2)
        image[y : y + size, x : x + size] = (pattern * 200 + 20)[:, :, None]
        boxes[number] = (x, y, x + size - 1, y + size - 1)
    return image, boxes, np.array([1, 2])


def test_svms_on_the_embeddings_of_both_engines_have_the_same_map(small):
    names, rng = ("__background__", "striped", "dotted"), np.random.default_rng(9)
    pictures = [painted(rng) for _ in range(12)]
    found = []
    for image, boxes, _ in pictures:
        moved = np.repeat(boxes, 8, axis=0) + rng.integers(-20, 21, (16, 4))
        proposals = np.clip(np.concatenate([boxes, moved, random_rois(40, SIDE, int(image.sum()))]), 0, SIDE - 1)
        found.append(np.sort(proposals.reshape(-1, 2, 2), axis=1).reshape(-1, 4).astype(np.int32))
    overlaps = [
        np.pad(iou_matrix(rois, boxes), ((0, 0), (1, 0))).astype(np.float32)
        for rois, (_, boxes, _) in zip(found, pictures, strict=True)
    ]
    maps = []
    for engine in (small, TorchEngine(he_initialised(1, spec=cntk_shape(**SLIM)), threads=1)):
        rows = [
            engine.embed([image], [rois.astype(np.float32)])[0]
            for rois, (image, _, _) in zip(found, pictures, strict=True)
        ]
        model = train_svms(rows[:8], overlaps[:8], parameters=SvmTraining())
        results = [
            PictureResult(i, Path(f"{i}.png"), found[i], score_rois(rows[i], model), pictures[i][1], pictures[i][2])
            for i in range(8, 12)
        ]
        evaluation = evaluate(results, names)
        maps.append((evaluation.map_11point, evaluation.map_area))
    assert maps[0] == pytest.approx(maps[1], abs=5e-4)
    assert maps[0][0] > 0.3  # they learnt something


def test_threads_are_as_asked(small):
    assert small.process.versions["threads"] == 1
