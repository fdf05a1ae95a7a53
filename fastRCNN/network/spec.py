"""The header of a weight file as an object: trunk, ROI pooling and head, read from JSON and written to it."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastRCNN.network.layers import (
    HEAD_LAYERS,
    TRUNK_LAYERS,
    Conv,
    Layer,
    Linear,
    expect,
    json_object,
    number,
    read_layers,
    three_numbers,
)

FORMAT = "fast-rcnn-tutorial network"
VERSION = 1
_KEYS = {"format", "version", "input", "trunk", "pooling", "head", "source", "source_sha256", "notes", "classes"}


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
    source: str = ""
    source_sha256: str | None = None
    classes: tuple[str, ...] | None = None  # of the last linear layer's outputs, when that is a classifier
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def trunk_channels(self) -> int:
        """Channels of the trunk's last layer."""
        return [layer.out for layer in self.trunk if isinstance(layer, Conv)][-1]

    @property
    def feature_dimension(self) -> int:
        """Numbers per ROI that the head gives."""
        return [layer.out for layer in self.head if isinstance(layer, Linear)][-1]

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Layer name -> shape of its weight, in the order in which a picture passes; the bias has (out,)."""
        shapes: dict[str, tuple[int, ...]] = {}
        channels = 3
        for layer in self.trunk:
            if isinstance(layer, Conv):
                shapes[layer.name] = (layer.out, channels // layer.groups, layer.kernel, layer.kernel)
                channels = layer.out
        inputs = channels * self.pooling_size**2
        for layer in self.head:
            if isinstance(layer, Linear):
                shapes[layer.name] = (layer.out, inputs)
                inputs = layer.out
        return shapes

    def to_header(self) -> dict[str, Any]:
        """The header as it stands in the file, as JSON's types."""
        header: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "input": {
                "channels": self.input.channels,
                "mean": list(self.input.mean),
                "scale": list(self.input.scale),
            },
            "trunk": [{"type": layer.type, **dataclasses.asdict(layer)} for layer in self.trunk],
            "pooling": {"size": self.pooling_size, "spatial_scale": self.spatial_scale},
            "head": [{"type": layer.type, **dataclasses.asdict(layer)} for layer in self.head],
            "source": self.source,
            "source_sha256": self.source_sha256,
            "notes": dict(self.notes),
        }
        if self.classes is not None:
            header["classes"] = list(self.classes)
        return header

    @classmethod
    def from_header(cls, header: Mapping[str, Any], *, where: str = "header") -> "NetworkSpec":
        """Check `header` and make the description of it; `where` (a file) begins every complaint."""
        expect(header.get("format") == FORMAT, where, f"the format {FORMAT!r}", header.get("format"))
        expect(header.get("version") == VERSION, where, f"version {VERSION}, the one known here", header.get("version"))
        expect(header.keys() <= _KEYS, where, f"the keys {sorted(_KEYS)}", sorted(header.keys() - _KEYS))
        given = json_object(header.get("input"), f"{where}: input", {"channels", "mean", "scale"})
        pooling = json_object(header.get("pooling"), f"{where}: pooling", {"size", "spatial_scale"})
        expect(given["channels"] in ("BGR", "RGB"), f"{where}: input channels", "'BGR' or 'RGB'", given["channels"])
        classes, notes, sha256 = header.get("classes"), header.get("notes", {}), header.get("source_sha256")
        expect(
            classes is None or (isinstance(classes, list) and all(isinstance(name, str) for name in classes)),
            f"{where}: classes", "a list of names", classes,
        )  # fmt: skip
        expect(isinstance(notes, Mapping), f"{where}: notes", "an object", notes)
        expect(sha256 is None or isinstance(sha256, str), f"{where}: source_sha256", "text or null", sha256)
        spec = cls(
            trunk=read_layers(header.get("trunk"), f"{where}: trunk", TRUNK_LAYERS),
            head=read_layers(header.get("head"), f"{where}: head", HEAD_LAYERS),
            input=PictureInput(
                given["channels"],
                three_numbers(given["mean"], f"{where}: input mean"),
                three_numbers(given["scale"], f"{where}: input scale"),
            ),
            pooling_size=number(pooling["size"], int, f"{where}: pooling size", above=0),
            spatial_scale=number(pooling["spatial_scale"], float, f"{where}: pooling spatial_scale", above=0),
            source=str(header.get("source", "")),
            source_sha256=sha256,
            classes=None if classes is None else tuple(classes),
            notes=dict(notes),
        )
        spec._check_chain(where)
        return spec

    def _check_chain(self, where: str) -> None:
        """The layers fit each other: channels divide into groups, names are unique, classes match the last layer."""
        convs = [layer for layer in self.trunk if isinstance(layer, Conv)]
        linears = [layer for layer in self.head if isinstance(layer, Linear)]
        expect(bool(convs), f"{where}: trunk", "at least one conv layer", "none")
        expect(bool(linears), f"{where}: head", "at least one linear layer", "none")
        names = [layer.name for layer in convs] + [layer.name for layer in linears]
        expect(len(set(names)) == len(names), f"{where}: layers", "a name of its own for each", names)
        channels = 3
        for conv in convs:
            fits = channels % conv.groups == 0 and conv.out % conv.groups == 0
            wanted = f"groups that divide {channels} and {conv.out} channels"
            expect(fits, f"{where}: {conv.name}", wanted, conv.groups)
            channels = conv.out
        if self.classes is not None:
            wanted = f"as many as the last layer's outputs, {self.feature_dimension}"
            expect(len(self.classes) == self.feature_dimension, f"{where}: classes", wanted, len(self.classes))
