"""The notebook is made of the tutorial's text: nothing is missing, cells run in order, and what they show is kept."""

import base64
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.errors import UserError
from tests.conftest import REPOSITORY, Runner

sys.path.insert(0, str(REPOSITORY / "docs"))

import make_notebook
import notebook_tools
from make_notebook import cells, executed, notebook, renewed

TUTORIAL = (REPOSITORY / "docs" / "TUTORIAL.md").read_text(encoding="utf-8")


def test_the_notebook_is_the_tutorials_text_and_commands() -> None:
    content = json.loads((REPOSITORY / "docs" / "tutorial.ipynb").read_text(encoding="utf-8"))
    there = [(cell["cell_type"], "".join(cell["source"])) for cell in content["cells"]]
    now = cells(TUTORIAL)
    assert there == now, "run docs/make_notebook.py --text, or without it where code changed"
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    shown = [cell for cell in code[1:] if not "".join(cell["source"]).startswith("run(")]  # some only log
    assert all(cell["outputs"] for cell in shown), "it has been run"


def test_every_step_has_its_command_and_a_cell_to_play_in() -> None:
    found = cells(TUTORIAL)
    code = "\n".join(source for kind, source in found if kind == "code")
    for script in Runner.steps:
        assert f'run("{script}"' in code
    assert sum(source.startswith("**Play.**") for _, source in found) == len(make_notebook.PLAY) == 7
    assert "<!--" not in "".join(source for _, source in found)
    for kind, source in found:
        if kind == "code":
            compile(source, "<cell>", "exec")


def test_faster_rcnn_is_trained_on_a_few_pictures_in_a_folder_of_its_own(tmp_path, monkeypatch) -> None:
    found = cells(TUTORIAL)
    begin = next(place for place, (_, source) in enumerate(found) if source.startswith(f"## {make_notebook.FASTER}"))
    lines = [line for kind, source in found[begin:] if kind == "code" for line in source.splitlines()]
    commands = [line for line in lines if line.startswith("run(")]
    assert len(commands) == 7 and all(line.endswith("*SHORT, root=FEW)") for line in commands)
    assert not any("root=" in source for _, source in found[:begin])
    monkeypatch.setattr(notebook_tools, "ROOT", tmp_path)
    monkeypatch.setattr(notebook_tools, "DATA", REPOSITORY / "data" / "grocery")
    for _ in range(2):
        folder = notebook_tools.few_pictures(train=2, test=1)
    assert folder == tmp_path / "proc" / "notebook"
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path.suffix == ".jpg")
    of_set = "data/grocery"
    assert names == [
        f"{of_set}/{each}.jpg" for each in ("positive/train_00", "positive/train_01", "testImages/test_00")
    ]
    assert len(list(folder.rglob("*.tsv"))) == 6 and (folder / of_set / "negative").is_dir()


def test_cells_share_their_names_and_give_text_values_and_pictures(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((20, 30, 3), 200, np.uint8))
    picture = f"from notebook_tools import show\nshow({str(tmp_path / 'a.png')!r})"
    sources = [("code", "x = 2\nprint('a')"), ("code", "x + 1"), ("code", picture), ("markdown", "b")]
    first, second, third, text = executed(sources)
    assert first["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "a\n"}]
    assert second["outputs"][0]["text"] == "3\n" and second["execution_count"] == 2
    data = base64.b64decode(third["outputs"][0]["data"]["image/jpeg"])
    assert cv2.imdecode(np.frombuffer(data, np.uint8), 1).shape == (20, 30, 3)
    assert "outputs" not in text and notebook_tools.on_show == []
    assert json.loads(notebook([first, text]))["nbformat"] == 4


def test_a_cell_that_fails_is_named() -> None:
    with pytest.raises(RuntimeError, match="this cell failed:\n1 / 0"):
        executed([("code", "1 / 0")])


def test_a_script_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(notebook_tools, "ROOT", tmp_path)
    with pytest.raises(RuntimeError, match=r"1_computeRois\.py ended with 1:\n.*no such data set"):
        notebook_tools.run("1_computeRois.py")


def test_new_text_keeps_what_unchanged_cells_gave() -> None:
    old = executed([("markdown", "a"), ("code", "print(1)"), ("code", "print(2)")])
    new = renewed([("markdown", "b"), ("code", "print(2)"), ("code", "print(1)")], old)
    assert [cell.get("outputs", [{}])[0].get("text", cell["source"]) for cell in new] == ["b", "2\n", "1\n"]
    assert [cell.get("execution_count") for cell in new] == [None, 1, 2]
    with pytest.raises(UserError, match="not in the notebook yet:\nprint\\(3\\)"):
        renewed([("code", "print(3)")], old)
