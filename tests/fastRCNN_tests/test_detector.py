"""The settings that a detector is loaded with."""

import json

import pytest

from fastRCNN.detector import DetectorSettings
from helpers.errors import UserError
from PARAMETERS import get_parameters


def test_settings_come_back_as_they_were(tmp_path):
    p = get_parameters(["--set", "cntk_precision=bfloat16", "--seed", "4", "--set", "cntk_nrRois=77"])
    settings = DetectorSettings.choose(p, ("__background__", "orange"))
    assert (settings.cntk_precision, settings.seed, settings.cntk_nrRois) == ("bfloat16", 4, 77)
    settings.save(tmp_path / "s.json")
    again = DetectorSettings.load(tmp_path / "s.json")
    assert (again.cntk_precision, again.seed, again.classes) == ("bfloat16", 4, ("__background__", "orange"))
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "s.json").read_bytes()


def test_settings_without_a_precision_are_of_float32(tmp_path):
    DetectorSettings(("__background__", "orange")).save(tmp_path / "s.json")
    content = json.loads((tmp_path / "s.json").read_text())
    del content["cntk_precision"]
    (tmp_path / "s.json").write_text(json.dumps(content))
    assert DetectorSettings.load(tmp_path / "s.json").cntk_precision == "float32"
    (tmp_path / "s.json").write_text("{}")
    with pytest.raises(UserError, match="damaged"):
        DetectorSettings.load(tmp_path / "s.json")
