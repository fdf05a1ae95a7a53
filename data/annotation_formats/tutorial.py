"""The tutorial's own layout: positive/, negative/, testImages/, and two text files beside each picture.

`<stem>.bboxes.tsv` holds x1 y1 x2 y2: whole pixels, 0-based, inclusive; `<stem>.bboxes.labels.tsv` the labels.
"""

from pathlib import Path

from data.annotation_formats import bbox_files
from data.annotation_formats.log import Log
from data.annotation_formats.output import write_text
from data.annotation_formats.record import DataSet, Picture
from data.annotation_formats.sniff import Sniffed
from data.annotation_formats.source import Source, split_ending
from data.annotation_formats.traits import Traits, holding

TITLE = "the tutorial's folders"
TRAITS = Traits(holding("subsets"), inside=True, whole_pixels=True, one_line_labels=True, only_train_and_test=True)
FOLDERS = ("positive", "negative", "testImages")


def recognise(file: Sniffed) -> str:
    """Why a file is this format's, or ""."""
    is_ours = file.name.endswith(".bboxes.tsv") and not bbox_files.has_picture_ending(file.path)
    return "*.bboxes.tsv" if is_ours else ""


def read(source: Source, log: Log, flavour: str = "") -> DataSet:
    """Read all *.bboxes.tsv with their labels, and the pictures of negative/ as pictures without objects."""
    return bbox_files.read_bbox_files(source, log)


def place(picture: Picture) -> str:
    """Where the picture goes."""
    if picture.subset == "test":
        return "testImages"
    return "positive" if picture.boxes or picture.file is None else "negative"


def write(folder: Path, data: DataSet, flavour: str = "") -> None:
    """Write the two files of each picture; a training picture without objects lies in negative/ and has none."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for picture in data.pictures:
        if place(picture) == "negative":
            continue
        stem = folder / place(picture) / split_ending(picture.name)[0]
        corners = (bbox_files.as_pixels(box) for box in picture.boxes)
        write_text(Path(f"{stem}.bboxes.tsv"), "".join("\t".join(map(str, each)) + "\n" for each in corners))
        write_text(Path(f"{stem}.bboxes.labels.tsv"), "".join(f"{box.label}\n" for box in picture.boxes))
