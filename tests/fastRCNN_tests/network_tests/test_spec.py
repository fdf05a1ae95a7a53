"""Headers of weight files: read, written, and refused with what was expected and found."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from fastRCNN.network.alexnet import caffe_shape, cntk_shape, torchvision_shape
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
    Shape,
)
from fastRCNN.network.spec import NetworkSpec
from helpers.errors import UserError

HEADER = {
    "format": "fast-rcnn-tutorial network",
    "version": 1,
    "input": {"channels": "RGB", "mean": [1, 2, 3.5], "scale": [1, 1, 1]},
    "trunk": [
        {"type": "conv", "name": "conv1", "out": 4, "kernel": 3},
        {"type": "relu"},
        {"type": "lrn", "size": 5, "alpha": 0.0001, "beta": 0.75, "k": 2},
        {"type": "maxpool", "kernel": 3, "stride": 2, "ceil": True},
        {"type": "conv", "name": "conv2", "out": 6, "kernel": 5, "pad": 2, "groups": 2},
    ],
    "pooling": {"size": 2, "spatial_scale": 0.5},
    "head": [
        {"type": "linear", "name": "fc6_a", "out": 5},
        {"type": "linear", "name": "fc6_b", "out": 3},
        {"type": "relu"},
        {"type": "dropout"},
    ],
    "source": "by hand",
    "source_sha256": None,
    "notes": {"seed": 4},
    "classes": ["__background__", "orange", "water"],
}


def test_reads_a_header_and_fills_in_what_is_usual() -> None:
    spec = NetworkSpec.from_header(HEADER)
    assert spec.trunk == (
        Conv("conv1", 4, 3, 1, 0, 1), Relu(), Lrn(5, 0.0001, 0.75, 2.0), MaxPool(3, 2, 0, True),
        Conv("conv2", 6, 5, 1, 2, 2),
    )  # fmt: skip
    assert spec.head == (Linear("fc6_a", 5), Linear("fc6_b", 3), Relu(), Dropout(0.5))
    assert (spec.input.channels, spec.input.mean, spec.input.scale) == ("RGB", (1.0, 2.0, 3.5), (1.0, 1.0, 1.0))
    assert (spec.pooling_size, spec.spatial_scale, spec.feature_dimension) == (2, 0.5, 3)
    assert (spec.classes, spec.notes) == (("__background__", "orange", "water"), {"seed": 4})


def test_shapes_of_weights() -> None:
    # conv2 takes 4 channels in 2 groups: 2 each; fc6_a sees 6 maps of 2 x 2
    expected = {"conv1": (4, 3, 3, 3), "conv2": (6, 2, 5, 5), "fc6_a": (5, 24), "fc6_b": (3, 5)}
    assert NetworkSpec.from_header(HEADER).weight_shapes() == expected


@pytest.mark.parametrize("shape", [cntk_shape, caffe_shape, torchvision_shape])
def test_header_survives_json(shape: Callable[[], NetworkSpec]) -> None:
    spec = shape()
    assert NetworkSpec.from_header(json.loads(json.dumps(spec.to_header()))) == spec


def changed(path: str, value: Any, header: dict[str, Any] = HEADER) -> dict[str, Any]:
    """`header` with another value at `path`; `...` takes it out."""
    result: Any = copy.deepcopy(header)
    place: Any = result
    *parents, last = path.split(".")
    for step in parents:
        place = place[int(step) if isinstance(place, list) else step]
    if value is ...:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return result


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("format", "onnx", "net.npz: expected the format 'fast-rcnn-tutorial network', found 'onnx'"),
        ("version", 4, "net.npz: expected version 1 to 3, those known here, found 4"),
        ("version", True, "net.npz: expected version 1 to 3, those known here, found True"),
        ("layers", [], r"net.npz: expected the keys .*, found \['layers'\]"),
        ("input", ..., r"net.npz: input: expected an object with \['channels', 'mean', 'scale'\], found None"),
        ("input.channels", "GBR", "input channels: expected 'BGR' or 'RGB', found 'GBR'"),
        ("input.mean", [1, 2], r"input mean: expected three numbers, found \[1, 2\]"),
        ("input.scale", [1, 2, "3"], "input scale: expected a number, found '3'"),
        ("input.scale", [1, 2, float("nan")], "input scale: expected a number, found nan"),
        ("trunk", {}, "trunk: expected a list of layers, found {}"),
        ("trunk", [], "trunk: expected at least one conv layer, found 'none'"),
        ("trunk.1", {"type": "tanh"}, r"trunk, layer 1: expected an object whose type is one of \['conv', .* 'tanh'"),
        ("trunk.1", {"type": "linear", "name": "a", "out": 1}, "trunk, layer 1: expected an object whose type"),
        ("trunk.1", "relu", "trunk, layer 1: expected an object whose type is one of"),
        ("trunk.0.kernel", ..., r"layer 0: expected the values \['kernel', 'name', 'out'\] .*found \['name', 'out'\]"),
        ("trunk.0.dilation", 2, r"trunk, layer 0: expected the values .*found \['dilation', "),
        ("trunk.0.out", 0, "trunk, layer 0: out: expected a whole number above 0, found 0"),
        ("trunk.0.out", 2.5, "trunk, layer 0: out: expected a whole number above 0, found 2.5"),
        ("trunk.0.out", True, "trunk, layer 0: out: expected a whole number above 0, found True"),
        ("trunk.0.pad", -1, "trunk, layer 0: pad: expected a whole number of 0 or more, found -1"),
        ("trunk.0.name", 7, "trunk, layer 0: name: expected text, found 7"),
        ("trunk.3.ceil", 1, "trunk, layer 3: ceil: expected true or false, found 1"),
        ("trunk.4.groups", 4, "conv2: expected groups that divide 4 and 6 channels, found 4"),
        ("trunk.4.name", "conv1", "layers: expected a name of its own for each, found .'conv1', 'conv1', "),
        ("head", [{"type": "relu"}], "head: expected no layer, or a linear or conv layer, found 'none'"),
        (
            "head.0",
            {"type": "conv", "name": "a", "out": 1, "kernel": 1},
            "head, layer 0: expected an object whose type",
        ),
        ("pooling.size", 0, "pooling size: expected a whole number above 0, found 0"),
        ("pooling.kind", "align", r"pooling kind: expected one of \['max'\], found 'align'"),
        ("pooling.sizes", 7, r"pooling: expected an object with \['kind', 'size', 'spatial_scale'\]"),
        ("pooling.spatial_scale", "1/16", "pooling spatial_scale: expected a number above 0, found '1/16'"),
        ("classes", ["__background__"], "classes: expected as many as the last layer's outputs, 3, found 1"),
        ("classes", "abc", "classes: expected a list of names, found 'abc'"),
        ("notes", [], r"notes: expected an object, found \[\]"),
        ("source_sha256", 7, "source_sha256: expected text or null, found 7"),
    ],
)
def test_refuses(path: str, value: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"^net.npz: .*{message.removeprefix('net.npz: ')}"):
        NetworkSpec.from_header(changed(path, value), where="net.npz")


def test_header_is_not_changed() -> None:
    before = copy.deepcopy(HEADER)
    spec = NetworkSpec.from_header(HEADER)
    spec.notes["seed"] = 5
    spec.to_header()["notes"]["seed"] = 6
    assert before == HEADER
    assert spec.notes == {"seed": 5}


BLOCK = Residual(
    branch=(Conv("a1", 4, 1), Relu(), Conv("a2", 4, 3, stride=2, pad=1, groups=4), Relu6(), Conv("a3", 16, 1)),
    shortcut=(Conv("a4", 16, 1, stride=2),),
)
RESNET = NetworkSpec(
    trunk=(Conv("stem", 8, 7, stride=2, pad=3), Scale("bn"), Relu(), MaxPool(3, 2, pad=1), BLOCK, Relu()),
    head=(
        Residual((Conv("b1", 16, 3, pad=1),)), Relu(), AveragePool(2, 2), GlobalAverage(), Dropout(),
        Linear("score", 3),
    ),
    pooling_size=14,
    spatial_scale=1 / 8,
    classes=("__background__", "a", "b"),
)  # fmt: skip


def test_residual_blocks_and_heads_with_convolutions_are_version_2() -> None:
    header = json.loads(json.dumps(RESNET.to_header()))
    assert header["version"] == 2
    assert header["trunk"][4]["branch"][2] == {
        "type": "conv", "name": "a2", "out": 4, "kernel": 3, "stride": 2, "pad": 1, "groups": 4
    }  # fmt: skip
    assert NetworkSpec.from_header(header) == RESNET
    assert cntk_shape().to_header()["version"] == 1, "what version 1 can say stays readable by what knows no other"
    with pytest.raises(UserError, match=r"trunk, layer 1: expected an object whose type is one of \['conv', 'lrn'"):
        NetworkSpec.from_header({**header, "version": 1})


def test_roi_align_and_a_pooled_map_without_head() -> None:
    spec = NetworkSpec(trunk=RESNET.trunk, head=(), pooling_size=7, pooling_kind="align", spatial_scale=1 / 8)
    header = json.loads(json.dumps(spec.to_header()))
    assert (header["version"], header["pooling"]["kind"]) == (2, "align")
    assert "kind" not in RESNET.to_header()["pooling"], "files of before stay as they were"
    assert NetworkSpec.from_header(header) == spec
    assert spec.feature_dimension == 16 * 7 * 7
    with pytest.raises(UserError, match=r"pooling kind: expected one of \['max', 'align'\], found 'mean'"):
        NetworkSpec.from_header(changed("pooling.kind", "mean", header))


def test_zeros_behind_the_picture_alone() -> None:
    spec = NetworkSpec(trunk=(Conv("conv1", 4, 3, stride=2, extra=1),), head=(Linear("fc", 2),), spatial_scale=0.5)
    header = json.loads(json.dumps(spec.to_header()))
    assert (header["version"], header["trunk"][0]["extra"]) == (2, 1)
    assert NetworkSpec.from_header(header) == spec
    assert Conv("a", 4, 3, stride=2, extra=1).output(Shape(3, 8)) == Shape(4, 4)
    assert "extra" not in cntk_shape().to_header()["trunk"][0], "version 1 does not know it"
    with pytest.raises(UserError, match="conv1: expected extra up to the stride, 2, found 3"):
        NetworkSpec.from_header(changed("trunk.0.extra", 3, header))


def test_where_the_first_cell_of_a_map_is_centred() -> None:
    # CNTK's AlexNet: windows of 11 pixels without pad, middle 5; pooling of 3 adds 1 * 4, then 1 * 8
    assert (cntk_shape().first_centre, cntk_shape().stride) == (17, 16)
    # torchvision's: pad 2 takes 2 off; the others keep it
    assert torchvision_shape().first_centre == 15
    # 7 x 7 with pad 3, 3 x 3 pooling with pad 1, a block that keeps it: all centred on pixel 0
    assert RESNET.first_centre == 0
    same = (Conv("a", 4, 3, stride=2, extra=1), Residual((Conv("b", 4, 5, stride=2, pad=1, extra=1),)))
    # 3 x 3 without pad: pixel 1; 5 x 5 with pad 1: one number further, which is 2 pixels
    assert NetworkSpec(trunk=same, head=()).first_centre == 3


def test_shapes_and_strides_of_residual_blocks() -> None:
    assert RESNET.weight_shapes() == {
        "stem": (8, 3, 7, 7), "bn": (8,), "a1": (4, 8, 1, 1), "a2": (4, 1, 3, 3), "a3": (16, 4, 1, 1),
        "a4": (16, 8, 1, 1), "b1": (16, 16, 3, 3), "score": (3, 16),
    }  # fmt: skip
    assert (RESNET.stride, RESNET.trunk_channels, RESNET.feature_dimension) == (8, 16, 3)
    assert RESNET.pooled_shape == Shape(16, 14)
    assert (BLOCK.shrinks, BLOCK.output(Shape(8, 25))) == (2, Shape(16, 13))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("trunk.4.shortcut", [], r"residual: expected two sides that give the same, found Shape.channels=16, "),
        ("trunk.4.branch.0", {"type": "dropout"}, "layer 4: branch, layer 0: expected an object whose type is one of"),
        ("trunk.4.branch", "conv", "layer 4: branch: expected a list of layers, found 'conv'"),
        ("trunk.4.branch.0.name", "a3", "layers: expected a name of its own for each"),
        ("trunk.4.branch.2.groups", 3, "a2: expected groups that divide 4 and 4 channels, found 3"),
        ("trunk.3", {"type": "linear", "name": "x", "out": 1}, "trunk, layer 3: expected an object whose type"),
        ("head.5.out", 2, "as many as the last layer's outputs, 2, found 3"),
        ("head.1", {"type": "tanh"}, r"head, layer 1: expected an object whose type is one of \['averagepool', 'conv'"),
    ],
)
def test_refuses_of_version_2(path: str, value: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"^net.npz: .*{message}"):
        NetworkSpec.from_header(changed(path, value, RESNET.to_header()), where="net.npz")
