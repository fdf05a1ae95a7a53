"""All steps on pictures of every format that is read, and a training picture that EXIF turns."""

import json

import numpy as np
import pytest
from PIL import Image

from helpers.image_files import EXTENSIONS
from helpers.images import read_image, write_image

FORMATS = {"positive/0": ".webp", "positive/1": ".TIF", "positive/2": ".jfif", "negative/4": ".bmp",
           "testImages/5": ".jpeg",
           "testImages/6": ".tiff"}  # fmt: skip


@pytest.fixture
def mixed(run):
    """data/tiny with pictures of several formats, their annotations as they were."""
    for name, extension in FORMATS.items():
        path = run.root / "data" / "tiny" / f"{name}.png"
        image = read_image(path)
        path.unlink()
        options = {"lossless": True} if extension == ".webp" else {"quality": 95} if "j" in extension else {}
        Image.fromarray(image[:, :, ::-1]).save(path.with_suffix(extension), **options)
    turned = run.root / "data" / "tiny" / "positive" / "3.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(read_image(turned)[:, :, ::-1]).rotate(90, expand=True).save(turned, exif=exif)
    return run


def test_every_format_goes_through_all_steps(mixed, capsys):
    mixed.all_steps()
    assert "1 picture(s) are turned upright by their EXIF orientation" in capsys.readouterr().err
    result = json.loads((mixed.root / "results/tiny/evaluation_test_svm.json").read_text(encoding="utf-8"))
    assert {name: of["positives"] for name, of in result["classes"].items()} == {"disc": 2, "square": 2}
    drawn = mixed.root / "results" / "tiny" / "visualizations"
    assert {path.name for path in drawn.glob("svm_*") if path.suffix != ".tsv"} == {"svm_05.jpeg", "svm_16.tiff"}
    assert read_image(drawn / "svm_16.tiff").shape[2] == 3


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_pictures_are_written_in_every_format_that_is_read(tmp_path, extension):
    image = np.full((30, 40, 3), (200, 100, 50), np.uint8)
    write_image(tmp_path / f"a{extension}", image)
    assert abs(read_image(tmp_path / f"a{extension}").astype(int) - image).max() <= 3


def test_a_damaged_picture_stops_the_steps_or_is_left_out_by_all_of_them(run, capsys):
    path = run.root / "data" / "tiny" / "positive" / "1.png"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SystemExit) as leaving:
        run("1_computeRois.py")
    assert "1.png: the PNG picture is cut off" in str(leaving.value.code)
    for script in run.steps:
        capsys.readouterr()
        run(script, "--set", "skipDamagedPictures=True")
        assert "1 damaged picture(s) are left out:" in capsys.readouterr().err
    lines = (run.root / "proc/tiny/cntkFiles/train.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[1].rsplit("/", 1)[1] for line in lines] == ["0.png", "2.png", "3.png", "4.png"]
