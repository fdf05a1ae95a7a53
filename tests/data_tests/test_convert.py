"""data/convert.py as a process: what it says, what it leaves, and that nothing gets lost or followed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.annotations import read_annotation, read_labels
from tests.data_tests.annotation_formats_tests.conftest import Folder, write_picture

REPOSITORY = Path(__file__).resolve().parents[2]


def convert(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPOSITORY / "data" / "convert.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def refused(*arguments: object) -> str:
    """The message of a run that must fail with exit code 1 and one message."""
    done = convert(*arguments)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    return done.stderr


def annotation(identity: int, image: int, bbox: list[float], **more: object) -> dict[str, object]:
    return {"id": identity, "image_id": image, "category_id": 1, "bbox": bbox, **more}


@pytest.fixture
def coco_set(tmp_path: Path) -> Path:
    """Ten pictures in COCO, one of them without objects."""
    root = tmp_path / "coco set"
    images = [{"id": n, "file_name": f"p{n}.png", "width": 60, "height": 50} for n in range(10)]
    annotations = [annotation(n, n, [1.4, 2.5, 10, 20]) for n in range(9)]
    (root / "pictures").mkdir(parents=True)
    for n in range(10):
        write_picture(root / "pictures" / f"p{n}.png", 60, 50, n)
    value = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cat"}]}
    (root / "instances.json").write_text(json.dumps(value, indent=1))
    return root


def test_recognised_split_and_ready_for_the_tutorial(coco_set: Path, tmp_path: Path) -> None:
    target = tmp_path / "data" / "mine"
    done = convert(coco_set, target, "--split", "0.3", "--seed", "1")
    assert done.returncode == 0, done.stderr
    assert 'coco (COCO JSON): JSON with "images" and "annotations" in instances.json' in done.stdout
    assert "10 pictures (test 3, train 7; 1 without objects), 9 boxes of 1 class: cat 9" in done.stdout
    assert done.stdout.splitlines()[-1] == f"next: python3 run.py --dataset mine --root {tmp_path}"
    names = {
        folder: sorted(p.name for p in (target / folder).glob("*.png"))
        for folder in ("positive", "negative", "testImages")
    }
    assert names["negative"] == ["p9.png"] and len(names["positive"]) == 6 and len(names["testImages"]) == 3
    for folder in ("positive", "testImages"):
        for picture in (target / folder).glob("*.png"):
            assert read_annotation(picture, 60, 50).boxes.tolist() == [[1, 3, 10, 22]]  # edges 1.4 2.5 11.4 22.5


def test_written_in_the_order_of_the_issue(coco_set: Path, tmp_path: Path) -> None:
    done = convert("--from", "coco", coco_set, "--to", "yolo", tmp_path / "yolo", "--no-pictures")
    assert done.returncode == 0, done.stderr
    assert (
        not list((tmp_path / "yolo").rglob("*.png"))
        and len(list((tmp_path / "yolo").rglob("labels/train/*.txt"))) == 10
    )


def test_an_existing_folder_is_never_overwritten(coco_set: Path, tmp_path: Path) -> None:
    target = tmp_path / "there"
    target.mkdir()
    (target / "mine.txt").write_text("precious")
    assert "not empty. Nothing was written" in refused(coco_set, target)
    done = convert(coco_set, target, "--overwrite")
    assert done.returncode == 0 and (tmp_path / "there.before-1" / "mine.txt").read_text() == "precious"
    assert not (target / "mine.txt").exists()


@pytest.mark.parametrize("target", ["coco set", ".", "out.json"])
def test_targets_that_cannot_be_meant(coco_set: Path, tmp_path: Path, target: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    refused(coco_set, tmp_path / target)
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_left_behind_when_something_is_wrong(coco_set: Path, tmp_path: Path) -> None:
    (coco_set / "pictures" / "p3.png").write_bytes(b"no picture at all")
    (coco_set / "pictures" / "p4.png").unlink()
    text = refused(coco_set, tmp_path / "out")
    assert f"{coco_set / 'pictures' / 'p3.png'}: " in text and "the picture p4.png is not there" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coco set"]
    done = convert(coco_set, tmp_path / "out", "--skip-faulty")
    assert done.returncode == 0 and "left out, faulty: p3.png" in done.stdout and "8 pictures" in done.stdout
    report = (tmp_path / "out" / "conversion_report.tsv").read_text(encoding="utf-8")
    assert "p4.png\tleft out, faulty" in report


def test_one_bad_annotation_does_not_spoil_the_rest(coco_set: Path, tmp_path: Path) -> None:
    value = json.loads((coco_set / "instances.json").read_text())
    value["annotations"] += [annotation(50, 2, [1, 2, "wide", 4])]
    (coco_set / "instances.json").write_text(json.dumps(value))
    assert "bbox is no number: 'wide'" in refused(coco_set, tmp_path / "out")
    done = convert(coco_set, tmp_path / "out", "--skip-faulty")
    assert done.returncode == 0 and "9 pictures" in done.stdout and not list((tmp_path / "out").rglob("p2.*"))


@pytest.mark.parametrize(
    ("option", "labels"), [("keep", ["cat", "cat"]), ("exclude", ["cat", "EXCLUDE"]), ("drop", ["cat"])]
)
def test_difficult_and_crowds(coco_set: Path, tmp_path: Path, option: str, labels: list[str]) -> None:
    value = json.loads((coco_set / "instances.json").read_text())
    value["annotations"] += [annotation(50, 0, [30, 2, 9, 9], iscrowd=1)]
    (coco_set / "instances.json").write_text(json.dumps(value))
    done = convert(coco_set, tmp_path / "out", "--difficult", option)
    assert read_labels(tmp_path / "out" / "positive" / "p0.bboxes.labels.tsv") == labels
    assert "1 x crowd box" in done.stdout
    convert(coco_set, tmp_path / "datumaro", "--to", "datumaro", "--difficult", "drop")  # which knows crowds
    assert '"is_crowd": true' in (tmp_path / "datumaro" / "annotations" / "default.json").read_text()


def test_no_path_leads_out_of_the_source(coco_set: Path, tmp_path: Path) -> None:
    write_picture(tmp_path / "secret.png", 60, 50)
    value = json.loads((coco_set / "instances.json").read_text())
    value["images"][0]["file_name"] = "../secret.png"
    value["images"][1]["file_name"] = str(tmp_path / "secret.png")
    value["images"][2]["file_name"] = "linked.png"
    (coco_set / "linked.png").symlink_to(tmp_path / "secret.png")
    (coco_set / "instances.json").write_text(json.dumps(value))
    text = refused(coco_set, tmp_path / "out")
    assert text.count("is not there") == 3


def test_pictures_elsewhere(coco_set: Path, tmp_path: Path) -> None:
    (coco_set / "pictures").rename(tmp_path / "pictures elsewhere")
    assert "none of the 10 pictures lies in" in refused(coco_set, tmp_path / "out")
    done = convert(coco_set / "instances.json", tmp_path / "out", "--pictures", tmp_path / "pictures elsewhere")
    assert done.returncode == 0 and len(list((tmp_path / "out").rglob("*.png"))) == 10


def test_labels_that_look_alike_are_said(coco_set: Path, tmp_path: Path) -> None:
    value = json.loads((coco_set / "instances.json").read_text())
    value["categories"].append({"id": 2, "name": "Cat"})
    value["annotations"][0]["category_id"] = 2
    (coco_set / "instances.json").write_text(json.dumps(value))
    assert (
        "labels that look alike, and stay different classes: 'Cat', 'cat'" in convert(coco_set, tmp_path / "out").stdout
    )


def test_links_that_are_not_followed_are_named(coco_set: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (coco_set / "pictures").rename(elsewhere)
    (coco_set / "pictures").symlink_to(elsewhere)
    told = f"{coco_set / 'pictures'} is a link to {elsewhere.resolve()}, and links are not followed"
    assert told in refused(coco_set, tmp_path / "out")
    assert convert(coco_set, tmp_path / "out", "--pictures", coco_set / "pictures").returncode == 0
    (coco_set / "pictures").unlink()
    (coco_set / "pictures").mkdir()
    for path in elsewhere.iterdir():
        (coco_set / "pictures" / path.name).symlink_to(path)
    (coco_set / "pictures" / "p0.png").unlink()
    (elsewhere / "p0.png").rename(coco_set / "pictures" / "p0.png")
    text = refused(coco_set, tmp_path / "out2")
    assert text.count("is not there") == 9
    assert text.count("p1.png (and 8 more) is a link to") == 1
    (coco_set / "instances.json").rename(tmp_path / "instances.json")
    (coco_set / "annotations.json").symlink_to(tmp_path / "instances.json")
    assert "no annotations of a known format" in (text := refused(coco_set, tmp_path / "out2")) and "is a link" in text


def test_a_name_cannot_write_outside_the_target(tmp_path: Path) -> None:
    box = {"coordinates": {"x": 5, "y": 5, "width": 4, "height": 4}, "label": "../../evil \udc00"}
    names = [
        "x" * 300 + ".jpg",
        "half \ud83d.jpg",
        "../../evil.jpg",
        "/etc/evil.jpg",
        "C:\\evil.jpg",
        "a\tb.jpg",
        "con.jpg",
        "..",
        "a/b.jpg",
        "c/b.jpg",
    ]
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.json").write_text(json.dumps([{"image": name, "annotations": [box]} for name in names]))
    for target_format in ("tutorial", "voc", "yolo", "supervisely:x", "labelme", "cntk", "vott:cntk"):
        done = convert(
            tmp_path / "s", tmp_path / "deep" / "er" / "out", "--to", target_format, "--no-pictures", "--overwrite"
        )
        assert done.returncode == (1 if ":x" in target_format or target_format == "yolo" else 0), done.stderr
    outside = [path for path in tmp_path.rglob("*evil*") if "out" not in path.relative_to(tmp_path).as_posix()]
    assert not outside and not (tmp_path.parent / "evil.jpg").exists()
    stems = sorted(path.name for path in (tmp_path / "deep" / "er" / "out.before-1" / "positive").glob("*.bboxes.tsv"))
    assert (
        len(stems) == len(names)
        and "a_b.bboxes.tsv" in stems
        and "c_b.bboxes.tsv" in stems
        and "_con.bboxes.tsv" in stems
    )


def test_several_formats_are_not_guessed_at(coco_set: Path, tmp_path: Path) -> None:
    (coco_set / "a.csv").write_text("filename,width,height,class,xmin,ymin,xmax,ymax\np0.png,60,50,cat,1,2,3,4\n")
    text = refused(coco_set, tmp_path / "out")
    assert "annotations of 2 formats" in text and "csv: a.csv" in text and "--from" in text
    assert convert(coco_set, tmp_path / "out", "--from", "coco").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "out"], "no such file or folder"),
        (["coco set", "out", "--from", "cocoo"], "cocoo: no such format. There are tutorial"),
        (["coco set", "out", "--to", "csv:xls"], "csv has the flavours tf, keras-frcnn"),
        (["coco set", "out", "--split", "20"], "expected a share between 0 and 1"),
        (["coco set/pictures", "out"], "no annotations of a known format"),
        (["coco set", "out", "--from", "voc"], "no Pascal VOC XML file in it"),
    ],
)
def test_mistakes(coco_set: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    paths = [tmp_path / argument if index < 2 else argument for index, argument in enumerate(arguments)]
    assert message in refused(*paths)
    assert not (tmp_path / "out").exists()


def test_a_size_that_is_needed_and_unknown(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "s")
    folder.root.mkdir()
    folder.add("data.yaml", "names: [a]").add("labels/a.txt", "0 0.5 0.5 0.2 0.4")
    text = refused(folder.root, tmp_path / "out", "--no-pictures")
    assert "size unknown of 1 picture(s): images/a.jpg" in text and "--pictures DIR" in text
    folder.add("image_sizes.csv", "image,width,height\na.jpg,100,80\n")
    assert convert(folder.root, tmp_path / "out", "--no-pictures").returncode == 0
    assert (tmp_path / "out" / "positive" / "a.bboxes.tsv").read_text() == "40\t24\t59\t55\n"


def test_a_picture_in_another_size_than_annotated(coco_set: Path, tmp_path: Path) -> None:
    write_picture(coco_set / "pictures" / "p0.png", 30, 25)
    write_picture(coco_set / "pictures" / "p1.png", 61, 50)
    text = refused(coco_set, tmp_path / "out")
    assert "p0.png: annotated at 60x50 pixels, but the picture has 30x25" in text and "p1.png" not in text


def test_objects_that_are_no_boxes_do_not_become_negatives(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "s")
    folder.root.mkdir()
    image = '<image id="{0}" name="{0}.png" width="60" height="50">{1}</image>'
    shapes = ['<points label="a" points="1,2"/>', '<box label="a" xtl="1" ytl="1" xbr="9" ybr="9"/>', ""]
    folder.add(
        "a.xml", f"<annotations>{''.join(image.format(n, shape) for n, shape in enumerate(shapes))}</annotations>"
    )
    for n in range(3):
        folder.picture(f"{n}.png", 60, 50, n)
    done = convert(folder.root, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out" / "negative").iterdir()] == ["2.png"]
    assert "picture left out: it shows objects, but none that became a box (in 1 picture(s): 0.png)" in done.stdout


def test_boxes_at_the_border_and_beyond(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "s")
    folder.root.mkdir()
    boxes = [[-5, 40, 20, 30], [70, 10, 5, 5], [10, 10, 0.4, 20], [0, 0, 60, 50]]
    value = {
        "images": [{"id": 1, "file_name": "a.png", "width": 60, "height": 50}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [annotation(n, 1, box) for n, box in enumerate(boxes)],
    }  # fmt: skip
    folder.add("a.json", value).picture("a.png", 60, 50)
    done = convert(folder.root, tmp_path / "out")
    assert (tmp_path / "out" / "positive" / "a.bboxes.tsv").read_text() == "0\t40\t14\t49\n0\t0\t59\t49\n"
    for remark in ("cut at its border", "box left out: outside the picture", "less than two whole pixels"):
        assert (
            f"1 x box {'reached beyond the picture, ' if 'cut' in remark else ''}" in done.stdout
            and remark in done.stdout
        )


def test_help_has_examples_and_all_formats() -> None:
    text = convert("--help").stdout
    assert "python data/convert.py data/grocery --to yolo" in text
    assert all(f"\n  {name} " in text for name in ("tutorial", "voc", "coco", "yolo", "cvat", "labelstudio", "cntk"))


@pytest.mark.skipif(os.name == "nt", reason="file modes")
def test_a_target_that_cannot_be_written(coco_set: Path, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "Permission denied" in refused(coco_set, tmp_path / "closed" / "out")
