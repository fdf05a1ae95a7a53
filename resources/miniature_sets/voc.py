"""A miniature VOCdevkit: two years, 20 classes, lists, and Selective Search boxes as in the published .mat files.

VOCdevkit/VOC2007/{Annotations,JPEGImages,ImageSets/Main,ImageSets/Layout,SegmentationClass}
VOCdevkit/VOC2012/ likewise
selective_search_data/voc_2007_trainval.mat, ...
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

from helpers.images import write_image
from resources.miniature_sets.pictures import DrawnPicture, draw_picture

CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train"),
    "tvmonitor",
)
_SEEDS = {"2007": 7, "2012": 12}
_HIDDEN = 0.5  # what shows less of itself is marked difficult


def draw_devkit(folder: Path, *, trainval: int = 14, test: int = 8, later: int = 7) -> Path:
    """Draw the devkit below `folder`: `trainval` and `test` pictures of 2007, `later` of 2012; return its folder."""
    devkit = folder / "VOCdevkit"
    lists = {"trainval": trainval, "test": test}
    _draw_year(devkit / "VOC2007", lists, lambda number: f"{2 * number + 5:06}", seed=_SEEDS["2007"])
    _draw_year(devkit / "VOC2012", {"trainval": later}, lambda number: f"2008_{3 * number + 2:06}", seed=_SEEDS["2012"])
    write_selective_search(devkit, folder / "selective_search_data")
    return devkit


def _draw_year(folder: Path, lists: Mapping[str, int], name_of, *, seed: int) -> None:
    """Draw one year: its pictures, and those of its lists that are of no use here."""
    shown: dict[str, DrawnPicture] = {}
    position = 0
    for list_name, count in lists.items():
        names = [name_of(position + number) for number in range(count)]
        for number, name in enumerate(names):
            shown[name] = draw_picture(len(CLASSES), seed=seed, index=position + number)
            _write_picture(folder, name, shown[name], position + number)
        write_list(folder, list_name, names)
        if list_name == "trainval":
            write_list(folder, "train", names[::2])
            write_list(folder, "val", names[1::2])
        for label, of_class in enumerate(CLASSES):
            write_list(folder, f"{of_class}_{list_name}", [_flagged(name, shown[name], label, n)
                                                           for n, name in enumerate(names)])  # fmt: skip
        position += count
    extra = name_of(position)  # the archives hold pictures for segmentation that no list of Main names
    _write_picture(folder, extra, draw_picture(len(CLASSES), seed=seed, index=position), position)
    write_list(folder, "trainval", list(shown)[:1], kind="Layout")
    (folder / "SegmentationClass").mkdir(exist_ok=True)


def _write_picture(folder: Path, name: str, drawn: DrawnPicture, number: int) -> None:
    write_image(folder / "JPEGImages" / f"{name}.jpg", drawn.image)
    path = folder / "Annotations" / f"{name}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(annotation(folder.name, name, drawn, difficult(drawn, number), number), encoding="utf-8")


def difficult(drawn: DrawnPicture, number: int) -> NDArray[np.bool_]:
    """Return (K,): which products of picture `number` are marked; in every ninth of them all are."""
    return (drawn.visible < _HIDDEN) | (number % 9 == 5)


def _flagged(name: str, drawn: DrawnPicture, label: int, number: int) -> str:
    """Return the line of a picture in the list of one class: 1 shown, 0 only difficult ones, -1 not."""
    of_class = drawn.classes == label
    flag = -1 if not of_class.any() else int((of_class & ~difficult(drawn, number)).any())
    return f"{name} {flag:2d}"


def annotation(folder: str, name: str, drawn: DrawnPicture, marks: NDArray[np.bool_], number: int) -> str:
    """Return the XML of picture `number`; which oddities it has follows from the number and from the year."""
    height, width = drawn.image.shape[:2]
    later = folder != "VOC2007"
    head = (
        f"<annotation>\n\t<folder>{folder}</folder>\n\t<filename>{name}.jpg</filename>\n"
        "\t<source>\n\t\t<database>drawn</database>\n\t\t<annotation>drawn</annotation>\n\t</source>\n"
        f"\t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n\t\t<depth>3</depth>\n\t</size>\n"
        f"\t<segmented>{int(number % 4 == 0)}</segmented>\n"
    )
    objects = []
    for box, label, cut, mark in zip(
        drawn.boxes.tolist(), drawn.classes.tolist(), drawn.cut.tolist(), marks.tolist(), strict=True
    ):
        sides = dict(zip(("xmin", "ymin", "xmax", "ymax"), (side + 1 for side in box), strict=True))
        text = {side: str(value) for side, value in sides.items()}
        if later and number % 3 == 1:  # as 2011_006777 has them
            text["xmin"] = f"{sides['xmin'] - 0.29999923706055:.14f}" if box[0] else text["xmin"]
        order = ("xmax", "xmin", "ymax", "ymin") if later and number % 2 else tuple(text)
        bounds = "".join(f"\t\t\t<{side}>{text[side]}</{side}>\n" for side in order)
        tags = [f"\t\t<name>{CLASSES[label]}</name>\n"]
        if not (later and number % 5 == 2):  # some later files lack them; that of a marked object is always there
            tags += [f"\t\t<pose>Unspecified</pose>\n\t\t<truncated>{int(cut)}</truncated>\n"]
        if mark or tags[1:]:
            tags.append(f"\t\t<difficult>{int(mark)}</difficult>\n")
        own = f"\t\t<bndbox>\n{bounds}\t\t</bndbox>\n"
        parts = _part(box) if CLASSES[label] == "person" else ""
        objects.append(f"\t<object>\n{''.join(tags)}{parts if later else ''}{own}{'' if later else parts}\t</object>\n")
    return f"{head}{''.join(objects)}</annotation>\n"


def _part(box: Sequence[int]) -> str:
    """Return the head of a person: a box inside the object that is no object."""
    x1, y1, x2, y2 = (side + 1 for side in box)
    inner = f"<xmin>{x1}</xmin><ymin>{y1}</ymin><xmax>{(x1 + x2) // 2}</xmax><ymax>{(y1 + y2) // 2}</ymax>"
    return f"\t\t<part>\n\t\t\t<name>head</name>\n\t\t\t<bndbox>{inner}</bndbox>\n\t\t</part>\n"


def write_list(folder: Path, name: str, lines: Sequence[str], *, kind: str = "Main") -> None:
    """Write ImageSets/<kind>/<name>.txt."""
    path = folder / "ImageSets" / kind / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_selective_search(devkit: Path, folder: Path, *, boxes_each: int = 60) -> None:
    """Write voc_<year>_<list>.mat for every list of whole pictures: cells of y1 x1 y2 x2, from 1, and the names.

    Of each picture: its annotated boxes moved about, boxes that stand twice, one two pixels wide, and random ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for year in sorted(devkit.glob("VOC????")):
        for path in sorted((year / "ImageSets" / "Main").glob("*.txt")):
            if path.stem not in ("trainval", "test"):
                continue
            names = path.read_text().split()
            boxes, images = np.empty((1, len(names)), object), np.empty((len(names), 1), object)
            for number, name in enumerate(names):
                drawn = draw_picture(len(CLASSES), seed=_SEEDS[year.name[3:]], index=_index_of(year, name))
                boxes[0, number] = proposals(drawn, boxes_each, seed=number)
                images[number, 0] = name
            file = folder / f"voc_{year.name[3:]}_{path.stem}.mat"
            savemat(file, {"boxes": boxes, "images": images}, do_compression=True)


def _index_of(year: Path, name: str) -> int:
    return (int(name) - 5) // 2 if year.name == "VOC2007" else (int(name.partition("_")[2]) - 2) // 3


def proposals(drawn: DrawnPicture, count: int, *, seed: int) -> NDArray[np.uint16]:
    """Return (R, 4) uint16 y1 x1 y2 x2, counted from 1, for a picture."""
    rng = np.random.default_rng([99, seed])
    height, width = drawn.image.shape[:2]
    near = np.repeat(drawn.boxes, 5, axis=0)
    sides = np.tile(near[:, 2:] - near[:, :2] + 1, 2)
    near = near + np.rint(rng.normal(0, 0.08, near.shape) * sides).astype(np.int64)
    corners = rng.integers(0, (width, height, width, height), (max(count - len(near), 0), 4))
    found = np.concatenate([near, near[:3], corners, [[10, 10, 11, 60]]])
    found = np.concatenate([np.minimum(found[:, :2], found[:, 2:]), np.maximum(found[:, :2], found[:, 2:])], axis=1)
    found = np.clip(found, 0, (width - 1, height - 1, width - 1, height - 1))
    return (found[:, (1, 0, 3, 2)] + 1).astype(np.uint16)
