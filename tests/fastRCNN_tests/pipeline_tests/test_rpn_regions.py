"""Which network proposes: of the user's own training, the bundled one, or a detector's part."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from fastRCNN.network.network import save_network
from fastRCNN.pipeline import rpn_regions
from fastRCNN.pipeline.rpn_regions import (
    network_among,
    network_of_regions,
    part_of_regions,
    regions_by,
    warn_of_what_it_has_seen,
)
from helpers.artifacts import Artifacts
from helpers.errors import UserError
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in the place of the bundled network, which looks at pictures at two sizes."""
    network = faster_network(("__background__", "cup"))
    assert network.spec.rpn is not None
    rpn = dataclasses.replace(network.spec.rpn, sides=(128, 64))
    file = tmp_path / "bundled.npz"
    save_network(file, dataclasses.replace(network.spec, rpn=rpn).to_header(), network.arrays)
    monkeypatch.setattr(rpn_regions, "BUNDLED", file)
    return file


def test_the_own_training_comes_first(bundled: Path, tmp_path: Path) -> None:
    of = Artifacts(tmp_path, "d")
    assert network_of_regions(of, "fast") is None and network_of_regions(of, "rpn") == bundled
    own = of.model_file("faster")
    own.parent.mkdir(parents=True)
    own.touch()
    assert network_of_regions(of, "rpn") == own and part_of_regions(of, "rpn") == own


def test_a_network_that_was_trained_here_has_seen_what_is_left_out(
    bundled: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    of = Artifacts(tmp_path, "mine")
    warn_of_what_it_has_seen(of, "rpn")
    own = of.model_file("faster")
    own.parent.mkdir(parents=True)
    own.write_bytes(b"")
    warn_of_what_it_has_seen(of, "fast")
    assert not caplog.messages
    warn_of_what_it_has_seen(of, "rpn+fast")
    assert [message.split(" proposes ")[0] for message in caplog.messages] == [str(own)]


def test_a_detector_keeps_a_copy(bundled: Path, tmp_path: Path) -> None:
    of = Artifacts(tmp_path, "d")
    of.proposals_file.parent.mkdir(parents=True)
    of.proposals_file.write_text("of an older version")
    assert part_of_regions(of, "fast") is None and part_of_regions(of, "rpn") == of.proposals_file
    assert of.proposals_file.read_bytes() == bundled.read_bytes()


def test_what_a_detector_consists_of_decides(bundled: Path, tmp_path: Path) -> None:
    of = Artifacts(tmp_path, "d")
    own, copy = of.model_file("faster"), of.proposals_file
    own.parent.mkdir(parents=True)
    assert network_among(of, "fast", None) is None and network_among(of, "rpn", None) == bundled
    own.touch()
    copy.touch()
    assert network_among(of, "rpn", [copy]) == copy and network_among(of, "rpn", [own]) == own
    assert network_among(of, "rpn", None) == copy


def test_regions_at_the_sizes_that_the_network_says(bundled: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    regions = regions_by(bundled, pad_size=500, device="cpu")
    assert regions is not None and regions_by(None, pad_size=500) is None
    boxes, objectness = regions(image)
    assert boxes.dtype == np.int32 and len(boxes) == len(objectness) > 5
    assert objectness[0] == objectness.max() and ((objectness > 0) & (objectness < 1)).all()
    again = regions_by(bundled, pad_size=900, device="cpu")  # the padded square has no part in it
    assert again is not None
    np.testing.assert_array_equal(boxes, again(image)[0])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"gone.npz: not there. ss_method rpn and rpn.fast take .* 3_runCntk.py --classifier faster"
    ):
        regions_by(tmp_path / "gone.npz", pad_size=500)
