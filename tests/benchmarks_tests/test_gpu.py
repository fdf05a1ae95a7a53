"""benchmarks/gpu.py on the CPU with a slim network: every part, what fails, and what time is left for."""

import json

from benchmarks import gpu
from benchmarks.gpu_setting import flop
from fastRCNN.network.alexnet import cntk_shape
from fastRCNN.network.layers import Shape

SMALL = ["--device", "cpu", "--seconds", "0.01", "--pictures", "6", "--rois", "12", "--side", "300", "--within", "500"]


def test_every_part_prints_a_table_and_its_rows_are_in_the_file(slim_weights, tmp_path, capsys):
    out = tmp_path / "gpu.json"
    options = [*SMALL, "--network", str(slim_weights), "--out", str(out), "--folder", str(tmp_path)]
    assert gpu.main(options) == 0
    found, printed = json.loads(out.read_text()), capsys.readouterr().out
    assert list(found) == ["machine", *gpu.PARTS]
    assert found["machine"]["pictures"] == 6
    for name in gpu.PARTS:
        assert f"{name}\n\n| " in printed
        for row in found[name]:
            assert "| " + " | ".join(map(str, row.values())) + " |" in printed
    for row in found["agreement"]:
        assert float(row["relative"]) < 0.02
    assert all(
        float(row["pictures a second"]) > 0 for part in ("path", "without", "nn", "faster") for row in found[part]
    )
    assert not list(tmp_path.glob("gpu-*"))


def test_one_part_that_fails_costs_no_other_its_turn(slim_weights, tmp_path, capsys, monkeypatch):
    def fails(setting):
        yield ["what"]
        raise ValueError("no such chip")

    monkeypatch.setitem(gpu.PARTS, "limits", fails)
    options = [
        *SMALL,
        "--network",
        str(slim_weights),
        "--out",
        str(tmp_path / "o.json"),
        "--parts",
        "limits",
        "agreement",
    ]
    assert gpu.main(options) == 1
    found, printed = json.loads((tmp_path / "o.json").read_text()), capsys.readouterr().out
    assert "ValueError: no such chip" in printed and "no such chip" in found["limits: failed"]
    assert len(found["agreement"]) == 4
    assert gpu.main([*options, "--within", "-1"]) == 0
    assert "limits: left out, -1 seconds are over" in capsys.readouterr().out


def test_operations_by_hand():
    spec = cntk_shape(widths=(8, 12, 12, 12, 8), hidden=16)
    first = 2 * 8 * 23**2 * 3 * 11**2  # a picture of 99 pixels has 23 windows of 11, 4 apart
    assert flop(spec, spec.trunk[:1], Shape(3, 99)) == first
    assert flop(spec, spec.head, spec.pooled_shape) == 2 * (8 * 36 * 16 + 16 * 16)
