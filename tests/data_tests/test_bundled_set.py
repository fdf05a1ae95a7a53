"""The pictures and annotations in data/grocery are what README.md promises."""

from collections import Counter
from pathlib import Path

import box_statistics
import contact_sheet
import cv2
import numpy as np
import pytest
from plan import plan
from storage import recipe, recipe_of

GROCERY = Path(__file__).resolve().parents[2] / "data" / "grocery"
CLASSES = {"orange", "eggBox", "joghurt", "ketchup", "squash", "mushroom", "water", "mustard"}
ANNOTATED = [p for p in plan() if p.folder != "negative"]


def _lines(planned, ending):
    content = (GROCERY / planned.folder / (planned.stem + ending)).read_bytes().decode()
    assert content.endswith("\n") and "\r" not in content
    return content.splitlines()


def test_the_folders_hold_the_planned_pictures_and_nothing_else():
    expected = {f"{p.name}.jpg" for p in plan()}
    expected |= {p.name + ending for p in ANNOTATED for ending in (".bboxes.tsv", ".bboxes.labels.tsv")}
    assert {f.relative_to(GROCERY).as_posix() for f in GROCERY.rglob("*") if f.is_file()} == expected
    assert sum(f.stat().st_size for f in GROCERY.rglob("*")) < 8 * 2**20


def test_every_picture_is_750_by_1000_and_tells_how_it_was_made():
    recipes = set()
    for planned in plan():
        path = GROCERY / planned.folder / f"{planned.stem}.jpg"
        assert cv2.imread(str(path)).shape == (1000, 750, 3)
        samples = int(recipe_of(path).rsplit(", ", 1)[1].split()[0])
        assert recipe_of(path) == recipe(planned, 750, 1000, samples)
        recipes.add(samples)
    assert len(recipes) == 1


@pytest.mark.parametrize("planned", ANNOTATED, ids=lambda p: p.stem)
def test_annotations_are_well_formed_and_complete(planned):
    rows = [[int(v) for v in line.split("\t")] for line in _lines(planned, ".bboxes.tsv")]
    labels = _lines(planned, ".bboxes.labels.tsv")
    assert len(rows) == len(labels)
    for x1, y1, x2, y2 in rows:
        assert 0 <= x1 < x2 < 750 and 0 <= y1 < y2 < 1000
    assert set(labels) <= CLASSES | {"EXCLUDE"}
    if planned.view != "crowded":
        assert Counter(labels) == Counter({**dict.fromkeys(CLASSES, 1), "squash": 2})
    else:
        assert len(labels) > 9


def test_the_hard_test_pictures_are_hard():
    def picture(number):
        return cv2.imread(str(GROCERY / f"testImages/test_{number:02d}.jpg"))

    usual = np.median([picture(n).mean() for n in range(7)])
    assert picture(9).mean() < 0.75 * usual
    assert {p.stem: p.view for p in plan() if p.view != "usual"} == {
        "test_07": "crowded",
        "test_08": "tilted",
        "test_09": "dim",
    }


def test_statistics_by_hand():
    # 10 x 20 pixels of a 100 x 200 picture: inclusive corners.
    assert box_statistics.measure(np.array([[5, 5, 14, 24]]), 100, 200).tolist() == [[0.1, 0.1, 0.01, 0.5]]
    lines = box_statistics.table({"a": {"orange": np.array([[0.1, 0.1, 0.01, 0.5]])}})
    assert lines[1].split() == ["orange", "width", "a", "1"] + ["0.100"] * 5


def test_statistics_program(capsys, tmp_path):
    assert box_statistics.main([str(GROCERY)]) == 0
    assert "squash" in capsys.readouterr().out
    assert box_statistics.main([str(tmp_path)]) == 1
    assert "no annotated pictures" in capsys.readouterr().err


def test_contact_sheet_program(capsys, tmp_path):
    output = tmp_path / "sheet.png"
    arguments = [str(GROCERY), str(output), "--columns", "2", "--width", "60", "--only", "negative"]
    assert contact_sheet.main(arguments) == 0
    assert cv2.imread(str(output)).shape == (240, 120, 3)
    assert contact_sheet.main([str(tmp_path), str(output)]) == 1
    assert "no pictures" in capsys.readouterr().err
