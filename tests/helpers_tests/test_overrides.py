"""A line of values for one data set: it counts, it is replaced, and nothing else changes."""

import runpy
from pathlib import Path

import pytest

from helpers.errors import UserError
from helpers.overrides import save_override
from tests.conftest import REPOSITORY

TEXT = 'roi_x = 1\noverrides = {\n    "a": {"roi_x": 2, "y": 3},\n}\nlimits = {}\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "PARAMETERS.py"
    path.write_text(TEXT)
    return path


def test_values_are_laid_over_what_is_given(file: Path) -> None:
    line = save_override(file, "a", {"roi_x": 0.5}, by="B3")
    assert file.read_text() == TEXT.replace("}\nlimits", f"}}\n{line}\nlimits")
    assert runpy.run_path(str(file))["overrides"] == {"a": {"roi_x": 0.5, "y": 3}}
    save_override(file, "it's new", {"roi_x": 9.0}, by="B3")
    assert runpy.run_path(str(file))["overrides"] == {"a": {"roi_x": 0.5, "y": 3}, "it's new": {"roi_x": 9.0}}


def test_an_earlier_line_is_replaced_and_a_persons_own_is_not(file: Path) -> None:
    save_override(file, "a", {"roi_x": 0.5}, by="B3")
    own = 'overrides["a"] = {"z": 1}'
    file.write_text(file.read_text() + own + "\n")
    save_override(file, "a", {"roi_x": 0.25}, by="B3")
    assert file.read_text().count("# B3") == 1 and own in file.read_text()
    assert "0.25" in file.read_text() and "0.5}" not in file.read_text()


def test_other_values_of_an_earlier_line_are_kept(file: Path) -> None:
    save_override(file, "a", {"roi_x": 0.5, "z": "rpn"}, by="B4")
    save_override(file, "a", {"roi_x": 0.25}, by="B4")
    assert runpy.run_path(str(file))["overrides"] == {"a": {"roi_x": 0.25, "y": 3, "z": "rpn"}}
    assert file.read_text().count("# B4") == 1


def test_what_is_saved_last_counts(file: Path) -> None:
    save_override(file, "a", {"roi_x": 0.5}, by="B3")
    save_override(file, "b", {"roi_x": 7.0}, by="B3")
    for by, value in (("B4", 0.25), ("B3", 0.125)):
        save_override(file, "a", {"roi_x": value}, by=by)
        assert runpy.run_path(str(file))["overrides"]["a"]["roi_x"] == value
    assert runpy.run_path(str(file))["overrides"]["b"] == {"roi_x": 7.0}


def test_a_line_that_somebody_has_changed_stays(file: Path) -> None:
    save_override(file, "a", {"roi_x": 0.5}, by="B4")
    changed = file.read_text().replace("0.5", "2 * 3")
    file.write_text(changed)
    save_override(file, "a", {"roi_x": 0.25}, by="B4")
    assert set(changed.splitlines()) < set(file.read_text().splitlines())
    assert runpy.run_path(str(file))["overrides"]["a"]["roi_x"] == 0.25


def test_a_file_without_overrides(file: Path) -> None:
    file.write_text("x = 1\n")
    with pytest.raises(UserError, match="no dictionary `overrides`"):
        save_override(file, "a", {"x": 1}, by="B3")
    assert file.read_text() == "x = 1\n"


def test_it_fits_the_real_file(tmp_path: Path) -> None:
    path = tmp_path / "PARAMETERS.py"
    path.write_bytes((REPOSITORY / "PARAMETERS.py").read_bytes())
    save_override(path, "mine", {"roi_maxAspectRatio": 3.7}, by="B3_cntkAnalyzeInputs.py --save")
    got = runpy.run_path(str(path))["get_parameters"](["--root", str(tmp_path), "--dataset", "mine"])
    assert got.roi_maxAspectRatio == 3.7
