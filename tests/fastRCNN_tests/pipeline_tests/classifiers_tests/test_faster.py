"""Classifier "faster": its files, what it needs, what it refuses."""

from pathlib import Path

import numpy as np
import pytest

from fastRCNN.network.network import save_network
from fastRCNN.pipeline.classifiers import CLASSIFIERS
from fastRCNN.pipeline.proposed_rois import ProposedRois, read_objectness
from helpers.annotations import read_rois
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from PARAMETERS import get_parameters
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network

FASTER = CLASSIFIERS["faster"]
OF = Artifacts(Path("r"), "d")


def test_what_it_says() -> None:
    assert (FASTER.proposes, FASTER.trains_network, FASTER.gives_probabilities) == (True, True, True)
    assert (FASTER.may_round, FASTER.may_halve) == (True, False)
    assert [stage for stage in ("rois", "inputs", "network", "embeddings", "svm") if FASTER.does_without(stage)] == [
        "rois", "inputs", "svm",
    ]  # fmt: skip
    assert FASTER.nr_rois(get_parameters(["--set", "rpn_testAfterNms=77"])) == 77
    assert FASTER.nr_rois(get_parameters(["--compat", "tutorial", "--set", "rpn_testAfterNms=77"])) == 300  # published


def test_where_its_files_are() -> None:
    model = Path("r/proc/d/models/frcn_faster.npz")
    assert FASTER.network_files(OF) == [model] and FASTER.boxes_file(OF) == model
    first = OF.embedding_file("test", "faster", 3)
    for with_boxes in (False, True):
        assert FASTER.output_files(OF, first, "testImages/a.b", with_boxes=with_boxes) == [
            Path("r/proc/d/cntkFiles/test_faster_parsed/3.dat.npz"),
            Path("r/proc/d/cntkFiles/test_faster_parsed/3.boxes.npz"),
            Path("r/proc/d/rois_faster/testImages/a.b.roi.txt"),
            Path("r/proc/d/rois_faster/testImages/a.b.objectness.txt"),
        ]


def test_writes_and_reads(tmp_path: Path) -> None:
    of, network = Artifacts(tmp_path, "d"), faster_network(("__background__", "cup"))
    save_network(of.model_file("faster"), network.spec.to_header(), network.arrays)
    outputs = FASTER.outputs(of, 2)
    assert outputs.network() == of.model_file("faster")
    proposer = outputs.proposer("tutorial")
    assert proposer is not None and (proposer.spec, proposer.compat) == (network.spec, "tutorial")
    files = FASTER.output_files(of, of.embedding_file("test", "faster", 0), "testImages/0", with_boxes=True)
    rows = np.arange(20, dtype=np.float32).reshape(2, 10)
    proposed = ProposedRois(np.array([[0, 1, 2, 3], [4, 5, 6, 7]], np.int32), np.array([0.75, 0.5]))
    outputs.write(files, rows, proposed)
    assert all(file.is_file() for file in files)
    np.testing.assert_array_equal(outputs.read(files[0], 2), rows)
    np.testing.assert_array_equal(read_rois(FASTER.roi_file(of, "testImages/0")), proposed.rois)
    np.testing.assert_array_equal(read_objectness(FASTER.roi_file(of, "testImages/0"), 2), proposed.objectness)
    scorer = FASTER.scorer(of, 2)
    assert scorer.width == 10
    scores, offsets = scorer(rows)
    np.testing.assert_allclose(scores[:, 1], 1 / (1 + np.exp(-1)), rtol=1e-6)
    assert offsets is not None and offsets[0].tolist() == [[2, 3, 4, 5], [6, 7, 8, 9]]


def test_a_network_of_another_kind_is_named(tmp_path: Path, slim_weights: Path) -> None:
    of = Artifacts(tmp_path, "d")
    of.model_file("faster").parent.mkdir(parents=True)
    of.model_file("faster").write_bytes(slim_weights.read_bytes())
    with pytest.raises(UserError, match=r"frcn_faster.npz: this network does not propose regions"):
        FASTER.outputs(of, 2).proposer()


def test_cntk_cannot_train_it() -> None:
    with pytest.raises(UserError, match=r"--engine cntk cannot train classifier faster: .* Use --engine torch"):
        FASTER.training(get_parameters(["--engine", "cntk", "--classifier", "faster"]))
