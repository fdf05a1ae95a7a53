"""Headers of tables: which column holds what, by its name and never by its place."""

import re
from dataclasses import dataclass
from typing import ClassVar

_NAMES = {
    "name": (
        "filename", "file", "filepath", "image", "imageid", "imagename", "imagepath", "path", "img", "imgname",
        "imgid", "imagefile", "imagefilename", "imgpath", "picture", "photo", "uri", "imageuri", "imgfile",
        "imagefilepath", "id",
    ),
    "label": (
        "class", "label", "labelname", "classname", "category", "categoryname", "name", "tag", "object", "celltype",
        "type", "target", "objectclass", "species", "classes", "labels", "classid", "categoryid", "labelid",
    ),
    "x1": ("xmin", "x1", "left", "xtl", "minx", "bboxxmin", "bboxx1", "xleft", "bxmin", "x0", "startx", "roix1"),
    "y1": ("ymin", "y1", "top", "ytl", "miny", "bboxymin", "bboxy1", "ytop", "bymin", "y0", "starty", "roiy1"),
    "x2": ("xmax", "x2", "right", "xbr", "maxx", "bboxxmax", "bboxx2", "xright", "bxmax", "endx", "roix2"),
    "y2": ("ymax", "y2", "bottom", "ybr", "maxy", "bboxymax", "bboxy2", "ybottom", "bymax", "endy", "roiy2"),
    "x": ("x", "bboxx", "bx", "xcoord"),
    "y": ("y", "bboxy", "by", "ycoord"),
    "box_width": ("w", "bboxwidth", "bboxw", "boxwidth", "bw", "objectwidth"),
    "box_height": ("h", "bboxheight", "bboxh", "boxheight", "bh", "objectheight"),
    "width": ("width", "imagewidth", "imgwidth", "imgw", "imagew", "originalwidth"),
    "height": ("height", "imageheight", "imgheight", "imgh", "imageh", "originalheight"),
    "bbox": ("bbox", "box", "boundingbox"),
    "subset": ("split", "subset", "set", "usage", "mluse"),
    "occluded": ("isoccluded", "occluded"),
    "truncated": ("istruncated", "truncated"),
    "crowd": ("isgroupof", "iscrowd"),
    "difficult": ("difficult",),
}  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """Column numbers by meaning, always with a name and the sides of a box; `others` are those without a meaning."""

    OPENIMAGES: ClassVar[tuple[str, ...]] = (
        "ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax",
        "IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside",
    )  # fmt: skip

    at: dict[str, int]
    others: dict[str, int]

    def field(self, row: list[str], meaning: str) -> str:
        """The text in the column with this meaning, "" where there is none."""
        index = self.at.get(meaning, len(row))
        return row[index].strip() if index < len(row) else ""

    def filled(self, row: list[str], meaning: str) -> bool:
        """Whether the column is there and not empty."""
        return self.field(row, meaning) != ""


def columns_of(header: list[str]) -> Columns | None:
    """The columns of a header, None where it is no header of a table of boxes."""
    plain = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in header]
    at = {}
    for meaning, names in _NAMES.items():
        found = [plain.index(name) for name in names if name in plain]
        if found:
            at[meaning] = found[0]
    has_corners = {"x1", "y1", "x2", "y2"} <= at.keys()
    if not has_corners and {"x1", "y1"} <= at.keys():  # left, top with a width
        at |= {"x": at["x1"], "y": at["y1"]}
    if not has_corners and {"x", "y", "width", "height"} <= at.keys() and not {"box_width", "box_height"} <= at.keys():
        at |= {"box_width": at.pop("width"), "box_height": at.pop("height")}
    has_sides = {"x", "y", "box_width", "box_height"} <= at.keys()
    if not (has_corners or has_sides or "bbox" in at):
        return None
    if "name" not in at:
        return None
    if at.get("label") == at["name"]:
        del at["label"]
    if "label" not in at:  # the one column that has no other meaning
        spare = [index for index in range(len(header)) if index not in at.values()]
        if len(spare) == 1:
            at["label"] = spare[0]
    skipped = ("source", "confidence", "isdepiction", "isinside")
    others = {
        header[i].strip(): i for i, name in enumerate(plain) if i not in at.values() and name and name not in skipped
    }
    return Columns(at, others)
