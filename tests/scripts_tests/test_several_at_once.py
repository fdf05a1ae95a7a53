"""Step 3 as a GPU does it, several pictures in a call and threads on all sides, here on the CPU."""

from functools import partial

import numpy as np
import pytest

from fastRCNN.engines import torch_engine
from fastRCNN.pipeline.embeddings import read_embeddings

FLOAT = ("--set", "cntk_precision=float32", "--set", "cntk_embeddingType=float32")
PAD = ("--set", "cntk_padWidth=300", "--set", "cntk_padHeight=300")
TILES = ("--set", "cntk_tiles=2", *PAD)


@pytest.mark.parametrize("more", [(), TILES, ("--compat", "tutorial")], ids=["whole", "tiles", "filler"])
def test_files_hold_what_one_picture_at_a_time_gives(run, monkeypatch, more):
    for script in run.steps[:3]:
        run(script, *FLOAT, *more)
    folder = run.root / "proc" / "tiny" / "cntkFiles"
    paths = sorted(folder.glob("*_svm_parsed/*.npz"))
    assert len(paths) == 7
    expected = [np.array(read_embeddings(path)) for path in paths]
    calls, together = [], torch_engine.TorchEngine._rows_together

    def counted(self, maps, rois):
        calls.append(len(maps))
        return together(self, maps, rois)

    monkeypatch.setattr(torch_engine.TorchEngine, "_rows_together", counted)
    monkeypatch.setattr(torch_engine, "TorchEngine", partial(torch_engine.TorchEngine, at_once=3))
    run("3_runCntk.py", *FLOAT, *more, "--restart")
    assert sorted(folder.glob("*_svm_parsed/*.npz")) == paths
    assert max(calls) == 3
    for path, rows in zip(paths, expected, strict=True):
        found = read_embeddings(path)
        assert found.shape == rows.shape
        np.testing.assert_allclose(found, rows, rtol=1e-4, atol=1e-4 * np.abs(rows).max())
