"""Tables: columns by name, flavours by what stands in them."""

import pytest

from tests.data_tests.annotation_formats_tests.conftest import Folder


@pytest.mark.parametrize(
    "header_and_row",
    [
        "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,100,80,cat,10,20,30,40.5",
        "filename,cell_type,xmin,xmax,ymin,ymax\r\na.jpg,cat,10,30,20,40.5\r\n",
        "image_id;class;XMin;YMin;XMax;YMax\na.jpg;cat;10;20;30;40,5",
        "\ufeffpath\tlabel\tleft\ttop\tright\tbottom\na.jpg\tcat\t10\t20\t30\t40.5",
        "image,x,y,width,height,label\na.jpg,10,20,20,20.5,cat",
        'image_name,bbox,class_name\na.jpg,"[10, 20, 20, 20.5]",cat',
        "img,x1,y1,x2,y2,object\r\r\na.jpg,30,40.5,10,20,cat\r\r\n",
        "a.jpg,10,20,30,40.5,cat\nb.jpg,,,,,",
        "a.jpg 10,20,30,40.5,0 \nb.jpg",
    ],
)
def test_all_say_the_same(folder: Folder, header_and_row: str) -> None:
    folder.add("labels.csv", header_and_row).add("_classes.txt", "cat\n")
    assert folder.boxes("csv") == [(10, 20, 30, 40.5, "cat")]


def test_google_two_or_four_corners(folder: Folder) -> None:
    rows = [
        "TRAIN, gs://x/a.jpg,cat,.1,0.2,,,0.3,0.4,,",
        "TEST,gs://x/b.jpg,,,,,,,,,",
        "VALIDATE,c.jpg,cat,0.1,0.2,0.3,0.2,0.3,0.4,0.1,0.4",
    ]
    pictures = folder.add("a.csv", "\n".join(rows)).read()
    assert {name: (picture.subset, len(picture.boxes)) for name, picture in pictures.items()} == {
        "gs://x/a.jpg": ("train", 1), "gs://x/b.jpg": ("test", 0), "c.jpg": ("val", 1)
    }  # fmt: skip
    assert all(
        box.edges == (0.1, 0.2, 0.3, 0.4) and box.relative for picture in pictures.values() for box in picture.boxes
    )


def test_google_without_the_sets(folder: Folder) -> None:
    folder.add("a.csv", "gs://x/a.jpg,cat,0.1,0.2,,,0.3,0.4,,\ngs://x/b.jpg,,,,,,,,,\n")
    assert folder.boxes() == [(0.1, 0.2, 0.3, 0.4, "cat")] and len(folder.read()) == 2


def test_openimages(folder: Folder) -> None:
    head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,"
    head += "IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n"
    folder.add("train-annotations-bbox.csv", head + "00ff,xclick,/m/0cmf2,1,0.1,0.3,0.2,0.4,1,0,1,0,-1\n")
    folder.add("class-descriptions-boxable.csv", "/m/0cmf2,Airplane\n").picture("00ff.jpg")
    (picture,) = folder.read("csv").values()
    (box,) = picture.boxes
    assert (box.label, box.edges, box.relative) == ("Airplane", (0.1, 0.2, 0.3, 0.4), True)
    assert box.marks == {"occluded", "crowd"} and picture.file == folder.root / "00ff.jpg"


def test_pixels_where_fractions_are_promised(folder: Folder) -> None:
    folder.add("a.csv", "ImageID,LabelName,XMin,XMax,YMin,YMax\na,cat,1,30,2,40\nb,cat,0,1,0,1\n")
    assert not any(box.relative for picture in folder.read().values() for box in picture.boxes)
    assert any("pixels where fractions are promised" in line for line in folder.log.headlines)


def test_damage_names_line_and_reason(folder: Folder) -> None:
    rows = [
        "a.jpg,100,80,cat,10,20,30,40",
        "b.jpg,100,80,cat,10,,30,40",
        "c.jpg,100,80,cat,10,nan,30,40",
        ",1,1,cat,1,2,3,4",
        "d.jpg,100,80,cat,1,2,3,4e99",
    ]
    folder.add("a.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\n" + "\n".join(rows))
    folder.read()
    assert [text.rsplit("/", 1)[1] for text in folder.faults] == [
        "a.csv:3: y1 is missing", "a.csv:4: y1 is no number: 'nan'", "a.csv:5: the picture's name is missing",
        "a.csv:6: y2 is no coordinate: '4e99'",
    ]  # fmt: skip
