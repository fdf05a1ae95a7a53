"""ROIs that the network proposes: in pixels of the picture, with their rows, and as files."""

import dataclasses

import numpy as np
import pytest

from fastRCNN.boxes.tiles import Tiling
from fastRCNN.engines.torch_engine import TorchEngine
from fastRCNN.network.alexnet import cntk_shape, he_initialised
from fastRCNN.pipeline.proposed_rois import (
    ProposedRois,
    Proposer,
    objectness_file,
    proposer_of,
    read_objectness,
    write_proposed,
)
from fastRCNN.pipeline.seen_picture import SeenPicture
from fastRCNN.rpn.picture_area import PictureArea
from fastRCNN.rpn.propose import propose_rois
from helpers.annotations import read_rois
from helpers.errors import UserError
from helpers.images import pad_to_square
from tests.fastRCNN_tests.rpn_tests.drawn_network import faster_network

CLASSES = ("__background__", "cup", "bowl")


def test_rois_and_their_rows() -> None:
    network = faster_network(CLASSES)
    images = [np.random.default_rng(n).integers(0, 256, (90, 120, 3)).astype(np.uint8) for n in range(2)]
    padded = [pad_to_square(image, 200)[0] for image in images]
    areas = [PictureArea.of(120, 90, 200)] * 2
    engine, propose = TorchEngine(network, device="cpu"), proposer_of(network, "net.npz")
    assert propose.most == 300
    maps = engine.feature_map(padded)
    plain = propose_rois(engine, maps, areas, network.spec)
    for number, (proposed, rows) in enumerate(
        propose.with_rows(engine, [SeenPicture.of(image, 200) for image in images])
    ):
        found = plain[number]
        assert len(proposed.rois) == len(found.boxes) == len(rows) > 10 and rows.shape[1] == 15
        # 25 rows of padding above, scale 200 / 120: within half a pixel of the picture, and inside of it
        np.testing.assert_allclose(proposed.rois, (found.boxes - [0, 25, 0, 25]) * 0.6, atol=0.61)
        assert proposed.rois.dtype == np.int32 and (proposed.rois >= 0).all()
        assert (proposed.rois[:, 2] < 120).all() and (proposed.rois[:, 3] < 90).all()
        np.testing.assert_array_equal(proposed.objectness, found.scores)
        placed = np.rint(proposed.rois * (200 / 120)) + [0, 25, 0, 25]
        expected = engine.embed([padded[number]], [placed.astype(np.float32)])[0]
        np.testing.assert_allclose(rows, expected, atol=1e-4 * np.abs(expected).max())


def test_proposals_of_all_views_are_merged() -> None:
    """The whole picture and two tiles, 0 to 99 and 60 to 159; NMS at 0.7."""
    network = faster_network(CLASSES)
    propose = proposer_of(network, "net.npz")
    seen = SeenPicture.of(np.zeros((100, 160, 3), np.uint8), 100, Tiling("auto"))
    assert seen.tiles.tolist() == [[0, 0, 99, 99], [60, 0, 159, 99]]

    def view(rois, scores):
        return ProposedRois(np.array(rois, np.int32), np.array(scores)), np.array(scores, np.float32)[:, None] * 10

    views = [
        view([[0, 0, 159, 99], [20, 20, 29, 29]], [0.5, 0.3]),
        view([[20, 20, 29, 30], [70, 10, 99, 40], [0, 0, 30, 99]], [0.6, 0.9, 0.4]),  # the second ends at its border
        view([[70, 10, 110, 40], [60, 10, 80, 40], [140, 50, 159, 99]], [0.7, 0.8, 0.2]),
    ]
    proposed, rows = propose.merged(views, seen)
    assert proposed.rois.tolist() == [
        [70, 10, 110, 40], [20, 20, 29, 30], [0, 0, 159, 99], [0, 0, 30, 99], [140, 50, 159, 99]
    ]  # fmt: skip
    assert proposed.objectness.tolist() == [0.7, 0.6, 0.5, 0.4, 0.2]
    np.testing.assert_allclose(rows[:, 0], [7, 6, 5, 4, 2])
    assert network.spec.rpn is not None
    two = dataclasses.replace(network.spec, rpn=dataclasses.replace(network.spec.rpn, after_nms=2))
    best, rows = Proposer(two).merged(views, seen)
    assert best.rois.tolist() == proposed.rois[:2].tolist() and len(rows) == 2


def test_rois_of_a_cut_picture() -> None:
    network = faster_network(CLASSES)
    engine, propose = TorchEngine(network, device="cpu"), proposer_of(network, "net.npz")
    image = np.random.default_rng(0).integers(0, 256, (200, 320, 3)).astype(np.uint8)
    seen = SeenPicture.of(image, 200, Tiling("auto"))
    ((proposed, rows),) = propose.with_rows(engine, [seen])
    assert 10 < len(proposed.rois) == len(rows) <= propose.most and rows.shape[1] == 15
    assert proposed.rois[:, 2].max() <= 319 and proposed.rois[:, 3].max() <= 199 and proposed.rois.min() >= 0
    np.testing.assert_array_equal(propose.of_picture(engine, seen).rois, proposed.rois)
    whole = SeenPicture.of(image, 200)
    np.testing.assert_array_equal(propose.of_picture(engine, whole).rois, propose.with_rows(engine, [whole])[0][0].rois)


def test_a_network_that_does_not_propose() -> None:
    network = he_initialised(0, spec=cntk_shape(widths=(4, 4, 4, 4, 4), hidden=8))
    with pytest.raises(UserError, match=r"net.npz: this network does not propose regions. .* --classifier faster"):
        proposer_of(network, "net.npz")
    with pytest.raises(UserError, match="does not propose regions"):
        Proposer(network.spec)


def test_files(tmp_path) -> None:
    file = tmp_path / "positive" / "a.b.roi.txt"
    proposed = ProposedRois(np.array([[1, 2, 30, 40], [0, 0, 5, 5]], np.int32), np.array([1 - 2**-53, 1e-300]))
    write_proposed(file, proposed)
    assert objectness_file(file) == tmp_path / "positive" / "a.b.objectness.txt"
    assert objectness_file(file).read_text() == "0.9999999999999999\n1e-300\n"
    np.testing.assert_array_equal(read_rois(file), proposed.rois)
    np.testing.assert_array_equal(read_objectness(file, 2), proposed.objectness)
    write_proposed(file, ProposedRois(np.zeros((0, 4), np.int32), np.zeros(0)))
    assert len(read_rois(file)) == len(read_objectness(file, 0)) == 0


def test_what_is_wrong_with_files(tmp_path) -> None:
    file = tmp_path / "a.roi.txt"
    with pytest.raises(UserError, match=r"a.objectness.txt: not there yet. Run 3_runCntk.py"):
        read_objectness(file, 1)
    (tmp_path / "a.objectness.txt").write_text("0.5\nhigh\n")
    with pytest.raises(UserError, match=r"a.objectness.txt:2: expected a number, found 'high'"):
        read_objectness(file, 2)
    with pytest.raises(UserError, match=r"expected 3 numbers as a.roi.txt has ROIs, found 2"):
        read_objectness(file, 3)
