"""The program that draws both miniatures."""

from pathlib import Path

import pytest

from fastRCNN.datasets import coco, pascal_voc
from helpers.errors import UserError
from resources.miniature_sets.draw import main


def test_draw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path)])
    assert pascal_voc.recognises(tmp_path / "pascalVocData" / "VOCdevkit") and coco.recognises(tmp_path / "coco")
    with pytest.raises(UserError, match="there already"):
        main([str(tmp_path)])
    with pytest.raises(UserError, match="expected at least 14"):
        main([str(tmp_path / "new"), "--pictures", "3"])
