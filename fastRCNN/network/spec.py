"""The header of a weight file as an object: trunk, ROI pooling, head and, where the network proposes regions itself,
what does that; read from JSON and written to it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastRCNN.network.header_checks import expect, json_object, number, three_numbers
from fastRCNN.network.layer_lists import layers_as_json, read_layers
from fastRCNN.network.layers import (
    HEAD_LAYERS,
    TRUNK_LAYERS,
    Conv,
    Dropout,
    Layer,
    Linear,
    Lrn,
    MaxPool,
    Relu,
    Shape,
    every_layer,
    first_centre,
    through,
    weights_of,
)
from fastRCNN.network.rpn_spec import RpnSpec

FORMAT = "fast-rcnn-tutorial network"
# Version 1 knows these layers, convolutions in the trunk and linear ones in the head; version 2 knows them all;
# version 3 also knows a region proposal network.
VERSIONS = (1, 2, 3)
_TRUNK_1, _HEAD_1 = (Conv, Relu, Lrn, MaxPool), (Linear, Relu, Dropout)
_KEYS = {"format", "version", "input", "trunk", "pooling", "head", "source", "source_sha256", "notes", "classes"}
_RPN = "rpn"
_PICTURE = Shape(3)
POOLING_KINDS = ("max", "align")


@dataclass(frozen=True)
class PictureInput:
    """What the first layer sees: (pixel - mean) * scale, channels in this order."""

    channels: str = "BGR"
    mean: tuple[float, float, float] = (114.0, 114.0, 114.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class NetworkSpec:
    """The header of a weight file."""

    trunk: tuple[Layer, ...]
    head: tuple[Layer, ...]
    input: PictureInput = PictureInput()
    pooling_size: int = 6
    spatial_scale: float = 0.0625
    pooling_kind: str = "max"  # CNTK's ROI pooling; "align": ROI align, for maps with numbers below 0 too
    source: str = ""
    source_sha256: str | None = None
    classes: tuple[str, ...] | None = None  # of the last linear layer's outputs, when that is a classifier
    notes: dict[str, Any] = field(default_factory=dict)
    rpn: RpnSpec | None = None  # the last layer then gives a score for each class, then four offsets for each

    @property
    def map_shape(self) -> Shape:
        """What the trunk gives for a picture of any size."""
        return through(self.trunk, _PICTURE)

    @property
    def pooled_shape(self) -> Shape:
        """What ROI pooling gives for a ROI."""
        return Shape(self.map_shape.channels, self.pooling_size)

    @property
    def trunk_channels(self) -> int:
        """Channels of the trunk's last layer."""
        return self.map_shape.channels

    @property
    def feature_dimension(self) -> int:
        """Numbers per ROI that the head gives."""
        return through(self.head, self.pooled_shape).numbers

    @property
    def stride(self) -> int:
        """Pixels of the picture for one step on the map."""
        return math.prod(layer.shrinks for layer in self.trunk)

    @property
    def first_centre(self) -> float:
        """The pixel that the map's first cell is centred on; the next are `stride` pixels further each."""
        return first_centre(self.trunk)

    @property
    def version(self) -> int:
        """The oldest version of the format that can say it, so that older readers read what they know."""
        if self.rpn is not None:
            return 3
        old = self.pooling_kind == "max" and all(isinstance(layer, _TRUNK_1) for layer in self.trunk)
        old = old and not any(layer.extra for layer in self.trunk if isinstance(layer, Conv))
        return 1 if old and self.head and all(isinstance(layer, _HEAD_1) for layer in self.head) else 2

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Layer name -> shape of its weight, in the order in which a picture passes; the bias has (out,)."""
        of_rpn = self.rpn.weight_shapes(self.map_shape) if self.rpn is not None else {}
        return weights_of(self.trunk, _PICTURE) | of_rpn | weights_of(self.head, self.pooled_shape)

    def to_header(self) -> dict[str, Any]:
        """The header as it stands in the file, as JSON's types."""
        header: dict[str, Any] = {
            "format": FORMAT,
            "version": self.version,
            "input": {
                "channels": self.input.channels,
                "mean": list(self.input.mean),
                "scale": list(self.input.scale),
            },
            "trunk": layers_as_json(self.trunk),
            "pooling": {"size": self.pooling_size, "spatial_scale": self.spatial_scale},
            "head": layers_as_json(self.head),
            "source": self.source,
            "source_sha256": self.source_sha256,
            "notes": dict(self.notes),
        }
        if self.pooling_kind != "max":
            header["pooling"]["kind"] = self.pooling_kind
        if self.classes is not None:
            header["classes"] = list(self.classes)
        if self.rpn is not None:
            header[_RPN] = self.rpn.to_header()
        return header

    @classmethod
    def from_header(cls, header: Mapping[str, Any], *, where: str = "header") -> "NetworkSpec":
        """Check `header` and make the description of it; `where` (a file) begins every complaint."""
        expect(header.get("format") == FORMAT, where, f"the format {FORMAT!r}", header.get("format"))
        version = header.get("version")
        known = version in VERSIONS and not isinstance(version, bool)
        expect(known, where, f"version {VERSIONS[0]} to {VERSIONS[-1]}, those known here", version)
        keys = _KEYS if version in (1, 2) else _KEYS | {_RPN}
        expect(header.keys() <= keys, where, f"the keys {sorted(keys)}", sorted(header.keys() - keys))
        given = json_object(header.get("input"), f"{where}: input", {"channels", "mean", "scale"})
        pooling = _pooling(
            header.get("pooling"), f"{where}: pooling", kinds=POOLING_KINDS[: 1 if version == 1 else None]
        )
        expect(given["channels"] in ("BGR", "RGB"), f"{where}: input channels", "'BGR' or 'RGB'", given["channels"])
        classes, notes, sha256 = header.get("classes"), header.get("notes", {}), header.get("source_sha256")
        expect(
            classes is None or (isinstance(classes, list) and all(isinstance(name, str) for name in classes)),
            f"{where}: classes", "a list of names", classes,
        )  # fmt: skip
        expect(isinstance(notes, Mapping), f"{where}: notes", "an object", notes)
        expect(sha256 is None or isinstance(sha256, str), f"{where}: source_sha256", "text or null", sha256)
        spec = cls(
            trunk=read_layers(header.get("trunk"), f"{where}: trunk", _TRUNK_1 if version == 1 else TRUNK_LAYERS),
            head=read_layers(header.get("head"), f"{where}: head", _HEAD_1 if version == 1 else HEAD_LAYERS),
            input=PictureInput(
                given["channels"],
                three_numbers(given["mean"], f"{where}: input mean"),
                three_numbers(given["scale"], f"{where}: input scale"),
            ),
            pooling_size=number(pooling["size"], int, f"{where}: pooling size", above=0),
            spatial_scale=number(pooling["spatial_scale"], float, f"{where}: pooling spatial_scale", above=0),
            pooling_kind=pooling["kind"],
            source=str(header.get("source", "")),
            source_sha256=sha256,
            classes=None if classes is None else tuple(classes),
            notes=dict(notes),
            rpn=RpnSpec.from_header(header[_RPN], f"{where}: rpn") if _RPN in header else None,
        )
        spec._check_chain(where)
        return spec

    def _check_chain(self, where: str) -> None:
        """The layers fit each other: names are unique, shapes agree, classes match the last layer."""
        of_trunk, of_head = (
            [name for layer in every_layer(part) if (name := getattr(layer, "name", None)) is not None]
            for part in (self.trunk, self.head)
        )
        expect(bool(of_trunk), f"{where}: trunk", "at least one conv layer", "none")
        # the pooled numbers themselves may describe a ROI; layers without weights alone do not make sense
        expect(bool(of_head) or not self.head, f"{where}: head", "no layer, or a linear or conv layer", "none")
        of_rpn = [] if self.rpn is None else list(self.rpn.weight_shapes(self.map_shape))
        names = [*of_trunk, *of_rpn, *of_head]
        expect(len(set(names)) == len(names), f"{where}: layers", "a name of its own for each", names)
        channels = through(self.trunk, _PICTURE, where).channels
        numbers = through(self.head, Shape(channels, self.pooling_size), where).numbers
        if self.classes is not None:
            each = 1 if self.rpn is None else 5
            wanted = f"as many as the last layer's outputs, {numbers}{' / 5' if self.rpn else ''}"
            expect(each * len(self.classes) == numbers, f"{where}: classes", wanted, len(self.classes))


def _pooling(value: Any, where: str, *, kinds: Sequence[str]) -> Mapping[str, Any]:
    """Return the object "pooling" with its kind, which need not be given."""
    given = {"kind": "max", **value} if isinstance(value, Mapping) else value
    found = json_object(given, where, {"size", "spatial_scale", "kind"})
    expect(found["kind"] in kinds, f"{where} kind", f"one of {list(kinds)}", found["kind"])
    return found
