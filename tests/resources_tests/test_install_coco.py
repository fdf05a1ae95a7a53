"""Installing COCO from archives of the miniature."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from fastRCNN.datasets import coco
from helpers.errors import UserError
from resources import install_coco
from resources.install_coco import ARCHIVES, main
from resources.miniature_sets.coco import draw_coco


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder, drawn = tmp_path / "downloads", draw_coco(tmp_path / "drawn")
    folder.mkdir()
    published = {}
    for name, each in ARCHIVES.items():
        with zipfile.ZipFile(folder / each.name, "w") as archive:
            for path in sorted((drawn / name).iterdir()):
                archive.write(path, f"{name}/{path.name}")
            if name == "annotations":
                archive.writestr("annotations/captions_val2017.json", "{}")
        published[name] = replace(each, digest=hashlib.md5((folder / each.name).read_bytes()).hexdigest())
    monkeypatch.setattr(install_coco, "ARCHIVES", published)
    monkeypatch.setattr(install_coco, "PICTURES", {"train2017": 10, "val2017": 6})
    return folder


def test_everything(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--from", str(source), "--root", str(tmp_path)])
    folder = tmp_path / "data" / "coco"
    assert [len(coco.read(folder, each)) for each in ("train", "test")] == [10, 6]
    assert not (folder / "annotations" / "captions_val2017.json").exists()
    capsys.readouterr()
    main(["val2017", "--from", str(source), "--root", str(tmp_path)])
    assert capsys.readouterr().out.count("there already, and complete") == 2


def test_what_is_wrong(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="test2017: no such list; there are: train2017, val2017"):
        main(["test2017"])
    with pytest.raises(UserError, match="no such folder"):
        main(["--from", str(tmp_path / "none")])
    monkeypatch.setattr(install_coco, "PICTURES", {"val2017": 7})
    with pytest.raises(UserError, match="6 pictures, expected 7"):
        main(["val2017", "--from", str(source), "--root", str(tmp_path)])
