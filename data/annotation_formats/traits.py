"""What a format can hold and what it asks for; from this a conversion knows what gets lost, and says so."""

from dataclasses import dataclass

from data.annotation_formats.record import MARKS

PIXELS, FRACTIONS = "pixels", "fractions"
EXTRAS = (*MARKS, "attributes", "tracks", "subsets")


@dataclass(frozen=True)
class Traits:
    """`holds`: which of `EXTRAS` a format has a place for. The others are for writing."""

    holds: frozenset[str] = frozenset()
    units: str = PIXELS
    size_required: bool = False  # it cannot be written without the size of each picture
    inside: bool = False  # boxes must not reach beyond the picture
    whole_pixels: bool = False  # x1 < x2 and y1 < y2 in whole pixels
    empty_pictures: bool = True  # a picture without objects has a place
    one_line_labels: bool = False  # labels end with their line, blanks around them are nothing
    only_train_and_test: bool = False


def holding(*extras: str) -> frozenset[str]:
    """`extras`, checked against `EXTRAS`."""
    unknown = set(extras) - set(EXTRAS)
    if unknown:
        raise ValueError(f"unknown extras: {sorted(unknown)}")
    return frozenset(extras)
