"""Installing Pascal VOC from archives of the miniature devkit."""

import hashlib
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from fastRCNN.datasets import pascal_voc
from fastRCNN.datasets.precomputed_rois import PrecomputedRois
from helpers.errors import UserError
from resources import install_pascal_voc
from resources.install_pascal_voc import PARTS, main
from resources.miniature_sets.voc import CLASSES, draw_devkit


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the miniature's archives under the published names; `PARTS` expects them."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    draw_devkit(tmp_path / "drawn")
    wanted = {"2007": "VOCdevkit/VOC2007", "2012": "VOCdevkit/VOC2012", "boxes": "selective_search_data"}
    parts = {}
    for name, part in PARTS.items():
        archives = []
        for published in part.archives:
            path = folder / published.name
            with tarfile.open(path, "w:gz" if path.suffix == ".tgz" else "w") as archive:
                archive.add(tmp_path / "drawn" / wanted[name], wanted[name])
            archives.append(replace(published, digest=hashlib.md5(path.read_bytes()).hexdigest()))
        counts = {"VOC2007/ImageSets/Main/trainval.txt": 14, "VOC2007/ImageSets/Main/test.txt": 8,
                  "VOC2012/ImageSets/Main/trainval.txt": 7}  # fmt: skip
        parts[name] = replace(part, archives=tuple(archives), lists={key: counts[key] for key in part.lists})
    monkeypatch.setattr(install_pascal_voc, "PARTS", parts)
    return folder


def test_everything(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["2007", "2012", "boxes", "--from", str(source), "--root", str(tmp_path)]
    main(arguments)
    devkit = tmp_path / "resources" / "pascalVocData" / "VOCdevkit"
    train = pascal_voc.read(devkit, "train", CLASSES, {"train": "2007_trainval+2012_trainval"})
    assert len(train) == 21
    assert all(key in PrecomputedRois(devkit) for key in train.keys)
    assert capsys.readouterr().out.count("complete") == 3
    main(arguments)
    assert capsys.readouterr().out.count("there already, and complete") == 3
    (devkit / "VOC2007" / "Annotations" / "000005.xml").unlink()
    main(arguments)
    assert "1 files unpacked" in capsys.readouterr().out
    assert len(list(source.iterdir())) == 4  # what the user downloaded stays


def test_what_is_wrong(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"2013: no such part; there are: 2007, 2012, boxes"):
        main(["2013"])
    with pytest.raises(UserError, match="no such folder"):
        main(["--from", str(tmp_path / "none")])
    archive = source / "VOCtrainval_06-Nov-2007.tar"
    archive.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(UserError, match="expected the md5"):
        main(["2007", "--from", str(source), "--root", str(tmp_path)])
    main(["2007", "--from", str(source), "--root", str(tmp_path), "--unchecked"])


def test_lists_are_counted(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = install_pascal_voc.PARTS["2012"]
    longer = {"2012": replace(part, lists=dict.fromkeys(part.lists, 8))}
    monkeypatch.setattr(install_pascal_voc, "PARTS", longer)
    with pytest.raises(UserError, match=r"trainval\.txt: 7 pictures, expected 8"):
        main(["2012", "--from", str(source), "--root", str(tmp_path)])


def test_published_counts_and_checksums() -> None:
    """As the VOC papers and torchvision's `voc.py` state them."""
    assert sum(PARTS["2007"].lists.values()) == 9963
    assert PARTS["2012"].archives[0].digest == "6cd6e144f989b92b3379bac3b3de84fd"
