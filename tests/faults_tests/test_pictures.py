"""Odd and damaged pictures, and their names: rows 13 to 18."""

import io
import shutil

import numpy as np
import pytest

from helpers.images import read_image, write_image
from tests.faults_tests.conftest import Scripts

Image = pytest.importorskip("PIL.Image")


def saved(picture, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def turned(orientation: int) -> bytes:
    """A JPEG of 120 x 90 pixels when it is turned upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    size = (90, 120) if orientation >= 5 else (120, 90)
    return saved(Image.new("RGB", size, (90, 80, 70)), "JPEG", exif=exif)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_row_13_orientation(scripts: Scripts, orientation: int) -> None:
    scripts.picture.unlink()
    scripts.picture.with_suffix(".jpg").write_bytes(turned(orientation))
    scripts.works("1_computeRois.py")
    rois = np.loadtxt(scripts.proc / "rois" / "positive" / "0.roi.txt", ndmin=2)
    assert rois[:, 2].max() <= 119 and rois[:, 3].max() <= 89


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "I;16", "1", "LA", "CMYK"])
def test_row_14_kinds_of_pictures(scripts: Scripts, mode: str) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"
    odd = Image.new(mode, (120, 90)) if mode == "I;16" else Image.new("RGB", (120, 90), (200, 90, 20)).convert(mode)
    scripts.picture.unlink()
    scripts.picture.with_suffix(f".{kind.lower()}").write_bytes(saved(odd, kind))
    scripts.works("1_computeRois.py")


def test_row_14_sizes_of_pictures(scripts: Scripts) -> None:
    write_image(scripts.data / "negative" / "point.png", np.zeros((1, 1, 3), np.uint8))
    write_image(scripts.data / "negative" / "line.png", np.zeros((1, 3000, 3), np.uint8))
    scripts.works("1_computeRois.py", "2_cntkGenerateInputs.py")
    bomb = saved(Image.new("1", (30_000, 30_000)), "PNG")
    (scripts.data / "negative" / "bomb.png").write_bytes(bomb)
    scripts.fails("1_computeRois.py", "bomb.png", "megapixels")


DAMAGED = {
    "nothing": b"",
    "text": b"this is a letter, not a picture\n" * 100,
    "cut": saved(Image.effect_noise((120, 90), 80).convert("RGB"), "JPEG")[:-900],
    "half a header": saved(Image.new("RGB", (120, 90)), "PNG")[:20],
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_row_15_damaged_pictures_are_named_before_step_1_begins(scripts: Scripts, kind: str) -> None:
    (scripts.data / "negative" / "bad.jpg").write_bytes(DAMAGED[kind])
    scripts.fails("1_computeRois.py", "bad.jpg")
    assert not (scripts.proc / "rois").exists()


def test_row_15_a_picture_by_another_ending(scripts: Scripts) -> None:
    shutil.move(scripts.picture, scripts.picture.with_suffix(".jpg"))  # a PNG named .jpg
    scripts.works("1_computeRois.py", "2_cntkGenerateInputs.py")


def test_row_16_names(scripts: Scripts) -> None:
    names = ("UPPER.PNG", "a b.png", "Äpfel.png", "crab🦀.png", "dots.in.name.png")
    for name in names:
        shutil.copy(scripts.picture, scripts.data / "negative" / name)
    scripts.works("1_computeRois.py", "2_cntkGenerateInputs.py")
    listed = (scripts.proc / "cntkFiles" / "train.txt").read_text(encoding="utf-8")
    assert all(f"/{name}\t0" in listed for name in names)


def test_row_16_names_that_cannot_be_used(scripts: Scripts) -> None:
    shutil.copy(scripts.picture, scripts.data / "negative" / "4.jpeg")
    scripts.fails("1_computeRois.py", "4.jpeg", "4.png", "same stem")
    (scripts.data / "negative" / "4.jpeg").rename(scripts.data / "negative" / "with\ttab.png")
    scripts.fails("1_computeRois.py", "tab")


def test_row_17_folders(scripts: Scripts) -> None:
    scripts.options[3] = "tyni"
    scripts.fails("1_computeRois.py", "tyni", "no such data set", "tiny")
    scripts.options[3] = "tiny"
    shutil.rmtree(scripts.data / "testImages")
    scripts.fails("1_computeRois.py", "testImages", "missing")
    (scripts.data / "testImages").mkdir()
    scripts.fails("1_computeRois.py", "testImages", "no picture")
    shutil.rmtree(scripts.data / "positive")
    (scripts.data / "positive").mkdir()
    scripts.fails("1_computeRois.py", "positive", "no annotated object")
    scripts.fails("1_computeRois.py --set datasetPath=nowhere", "nowhere", "Check datasetPath")
    (scripts.data / "positive").rmdir()
    (scripts.data / "a.xml").write_text("<annotation/>")
    scripts.fails("1_computeRois.py", "positive", "data/convert.py")


def test_row_18_pictures_in_which_nothing_is_proposed(scripts: Scripts) -> None:
    write_image(scripts.picture, np.full((90, 120, 3), 127, np.uint8))
    scripts.works("1_computeRois.py --set grid_nrScales=0")
    rois = scripts.proc / "rois" / "positive" / "0.roi.txt"
    assert rois.read_text() == "0 0 119 89\n"
    scripts.works("2_cntkGenerateInputs.py --set grid_nrScales=0")


def test_row_18_rois_of_an_older_picture(scripts: Scripts) -> None:
    scripts.works("1_computeRois.py")
    write_image(scripts.data / "negative" / "4.png", read_image(scripts.data / "negative" / "4.png")[:40, :40])
    scripts.fails("2_cntkGenerateInputs.py", "negative/4", "1_computeRois.py")
    scripts.works("1_computeRois.py", "2_cntkGenerateInputs.py")
