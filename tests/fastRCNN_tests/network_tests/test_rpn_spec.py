"""The region proposal network in a header: read, written, refused; and its weights in the file."""

import copy
import json
from pathlib import Path

import pytest

from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.network.layers import Linear, Shape
from fastRCNN.network.network import load_network, save_network
from fastRCNN.network.rpn_spec import RpnSpec
from fastRCNN.network.spec import NetworkSpec
from helpers.errors import UserError
from tests.fastRCNN_tests.rpn_tests.drawn_network import ANCHORS, faster_spec

HEADER = {
    "channels": 5, "anchors": [[-8, -8, 23, 23], [0, -8.5, 15, 24.5]], "before_nms": 100, "after_nms": 10,
    "nms_threshold": 0.6, "min_side": 4,
}  # fmt: skip


def test_reads_what_it_writes() -> None:
    spec = RpnSpec.from_header(HEADER, "file: rpn")
    assert spec == RpnSpec(((-8, -8, 23, 23), (0, -8.5, 15, 24.5)), 5, 100, 10, 0.6, 4)
    assert RpnSpec.from_header(json.loads(json.dumps(spec.to_header())), "again") == spec


def test_published_numbers() -> None:
    spec = RpnSpec(ANCHORS)
    assert (spec.channels, spec.before_nms, spec.after_nms, spec.nms_threshold, spec.min_side) == (
        256, 6000, 300, 0.7, 16,
    )  # fmt: skip


def test_shapes_of_weights() -> None:
    shapes = RpnSpec.from_header(HEADER, "rpn").weight_shapes(Shape(7))
    assert shapes == {"rpn_conv": (5, 7, 3, 3), "rpn_cls": (4, 5, 1, 1), "rpn_box": (8, 5, 1, 1)}


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("channels", 0, "file: rpn: channels: expected a whole number above 0, found 0"),
        ("anchors", [], r"file: rpn: anchors: expected a list of boxes, found \[\]"),
        ("anchors", [[0, 0, 1]], "file: rpn: anchor 0: expected four numbers x1 y1 x2 y2"),
        ("anchors", [[0, 0, 9, 9], [5, 0, 4, 9]], "file: rpn: anchor 1: expected x1 <= x2 and y1 <= y2"),
        ("nms_threshold", 1.5, "file: rpn: nms_threshold: expected a number from 0 to 1, found 1.5"),
        ("after_nms", True, "file: rpn: after_nms: expected a whole number above 0, found True"),
        ("min_side", -1, "file: rpn: min_side: expected a number of 0"),
        ("stride", 16, "file: rpn: expected an object with"),
    ],
)
def test_refuses(key: str, value: object, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        RpnSpec.from_header({**HEADER, key: value}, "file: rpn")


def test_a_network_with_it(tmp_path: Path) -> None:
    network = he_initialised(1, spec=faster_spec(("__background__", "cup")))
    path = tmp_path / "faster.npz"
    save_network(path, network.spec.to_header(), network.arrays)
    loaded = load_network(path)
    assert loaded.spec == network.spec and loaded.spec.rpn == network.spec.rpn
    assert list(loaded.arrays)[10:18] == [
        *(f"{name}.{part}" for name in ("rpn_conv", "rpn_cls", "rpn_box") for part in ("weight", "bias")),
        "fc6.weight", "fc6.bias",
    ]  # fmt: skip
    assert loaded.shape("rpn_conv")[1] == loaded.spec.trunk_channels


def test_only_the_new_version_knows_it() -> None:
    assert cntk_shape().version == 1
    header = faster_spec(("__background__", "cup")).to_header()
    assert header["version"] == 3
    with pytest.raises(UserError, match=r"expected the keys .* found \['rpn'\]"):
        NetworkSpec.from_header({**header, "version": 2})
    assert NetworkSpec.from_header({**cntk_shape().to_header(), "version": 3}) == cntk_shape()


def test_the_last_layer_scores_and_moves() -> None:
    header = faster_spec(("__background__", "cup")).to_header()
    wrong = copy.deepcopy(header)
    wrong["head"][-1]["out"] = 2  # scores alone
    with pytest.raises(UserError, match="as many as the last layer's outputs, 2 / 5"):
        NetworkSpec.from_header(wrong)


def test_names_are_its_own() -> None:
    header = faster_spec(("__background__", "cup")).to_header()
    header["head"][0]["name"] = "rpn_cls"
    with pytest.raises(UserError, match="a name of its own for each"):
        NetworkSpec.from_header(header)


def test_spec_of_tests_is_what_it_says() -> None:
    spec = faster_spec(("__background__", "cup", "bowl"))
    assert isinstance(spec.head[-1], Linear) and spec.head[-1].out == 15 and spec.feature_dimension == 15
