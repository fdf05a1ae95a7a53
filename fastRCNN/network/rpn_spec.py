"""A region proposal network in the header of a weight file: its layers, its anchors, how many proposals it makes.

    map -> rpn_conv, 3 x 3, ReLU -> rpn_cls, 1 x 1: 2 A maps, background of each anchor, then object of each anchor
                                 -> rpn_box, 1 x 1: 4 A maps, tx ty tw th of the first anchor, of the second, ...

Its weights lie in the file between those of the trunk and of the head. Ren, He, Girshick, Sun: Faster R-CNN, 2015.
Letters: A anchors of a cell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastRCNN.network.header_checks import expect, json_object, number
from fastRCNN.network.layers import Conv, Layer, Relu, Shape, weights_of

Anchor = tuple[float, float, float, float]
_KEYS = {"channels", "anchors", "before_nms", "after_nms", "nms_threshold", "min_side"}
_SIDES = "sides"  # need not be there


@dataclass(frozen=True)
class RpnSpec:
    """What a network with such a part says of it; the numbers of proposals are the published ones for testing."""

    anchors: tuple[Anchor, ...]  # of the first cell: x1 y1 x2 y2 in the network's picture; of others a stride further
    channels: int = 256
    before_nms: int = 6000  # so many best scores take part in non-maximum suppression ...
    after_nms: int = 300  # ... and so many boxes are left of them, at most
    nms_threshold: float = 0.7
    min_side: float = 16.0  # pixels of the original picture
    sides: tuple[int, ...] = ()  # lengths of the picture's longer side at which it looks; (): in the padded square

    @property
    def conv(self) -> tuple[Layer, ...]:
        """What both outputs see the map through."""
        return Conv("rpn_conv", self.channels, 3, pad=1), Relu()

    @property
    def cls(self) -> tuple[Layer, ...]:
        """The scores of background and object."""
        return (Conv("rpn_cls", 2 * len(self.anchors), 1),)

    @property
    def box(self) -> tuple[Layer, ...]:
        """The offsets."""
        return (Conv("rpn_box", 4 * len(self.anchors), 1),)

    def weight_shapes(self, of_map: Shape) -> dict[str, tuple[int, ...]]:
        """Return layer name -> shape of its weight, for a trunk that gives `of_map`."""
        between = Shape(self.channels)
        return weights_of(self.conv, of_map) | weights_of(self.cls, between) | weights_of(self.box, between)

    def to_header(self) -> dict[str, Any]:
        """Its part of the header, as JSON's types."""
        header = {
            "channels": self.channels,
            "anchors": [list(anchor) for anchor in self.anchors],
            "before_nms": self.before_nms,
            "after_nms": self.after_nms,
            "nms_threshold": self.nms_threshold,
            "min_side": self.min_side,
        }
        return header | ({_SIDES: list(self.sides)} if self.sides else {})

    @classmethod
    def from_header(cls, value: Any, where: str) -> "RpnSpec":
        """Return what `value` describes, every number checked; `where` begins every complaint."""
        several = isinstance(value, Mapping) and _SIDES in value
        given: Mapping[str, Any] = json_object(value, where, _KEYS | ({_SIDES} if several else set()))
        anchors = given["anchors"]
        expect(isinstance(anchors, list) and len(anchors) > 0, f"{where}: anchors", "a list of boxes", anchors)
        threshold = number(given["nms_threshold"], float, f"{where}: nms_threshold", least=0)
        expect(threshold <= 1, f"{where}: nms_threshold", "a number from 0 to 1", threshold)
        sides = given[_SIDES] if several else []
        expect(isinstance(sides, list), f"{where}: sides", "a list of pixels", sides)
        return cls(
            anchors=tuple(_anchor(each, f"{where}: anchor {index}") for index, each in enumerate(anchors)),
            channels=number(given["channels"], int, f"{where}: channels", above=0),
            before_nms=number(given["before_nms"], int, f"{where}: before_nms", above=0),
            after_nms=number(given["after_nms"], int, f"{where}: after_nms", above=0),
            nms_threshold=threshold,
            min_side=number(given["min_side"], float, f"{where}: min_side", least=0),
            sides=tuple(number(each, int, f"{where}: sides", above=0) for each in sides),
        )


def _anchor(value: Any, where: str) -> Anchor:
    expect(isinstance(value, (list, tuple)) and len(value) == 4, where, "four numbers x1 y1 x2 y2", value)
    left, top, right, bottom = (number(each, float, where) for each in value)
    expect(left <= right and top <= bottom, where, "x1 <= x2 and y1 <= y2", value)
    return left, top, right, bottom
