"""The pipeline of step 3 with an engine that is written down here."""

import threading

import numpy as np
import pytest

from fastRCNN.pipeline.cntk_inputs import CntkRecord
from fastRCNN.pipeline.embed_dataset import Pace, computed, embed_dataset, embed_picture, embed_pictures
from fastRCNN.rpn.picture_area import PictureArea
from helpers.images import write_image
from helpers.write_behind import WRITERS


class SumEngine:
    """An embedding is the sum of the picture's pixels and the ROI's coordinates."""

    feature_dimension = 2

    def __init__(self):
        self.calls = self.rois = 0

    def embed(self, pictures, rois):
        self.calls += 1
        self.rois += sum(map(len, rois))
        return [
            np.stack([np.full(len(of_one), picture.sum(dtype=np.float32)), of_one.sum(axis=1)], axis=1)
            for picture, of_one in zip(pictures, rois, strict=True)
        ]


def embed_with(engine):
    """What step 3 does with each picture."""
    return lambda read: [embed_picture(engine, seen.padded, record.absolute_rois(8)) for record, seen in read]


@pytest.fixture
def records(tmp_path):
    """Return six pictures, 8 x 8, of one grey each, with the ROI 0 0 4 4 of 8."""
    made = []
    for i in range(6):
        write_image(tmp_path / f"{i}.png", np.full((8, 8, 3), i, np.uint8))
        made.append(CntkRecord(i, tmp_path / f"{i}.png", np.array([[0, 0, 0.5, 0.5]], np.float32), np.zeros(1, int)))
    return made


def test_each_roi_has_a_row_and_nothing_else_is_computed():
    engine = SumEngine()
    rois = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)
    assert embed_picture(engine, np.ones((2, 2, 3), np.uint8), rois).tolist() == [[12, 10], [12, 26]]
    assert engine.rois == 2


def test_rows_without_a_roi_are_the_embedding_of_an_empty_one():
    picture = np.ones((2, 2, 3), np.uint8)
    rows = embed_picture(SumEngine(), picture, np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32), 4)
    assert rows.tolist() == [[12, 10], [12, 26], [12, 0], [12, 0]]
    assert embed_picture(SumEngine(), picture, np.ones((3, 4), np.float32), 2).tolist() == [[12, 4], [12, 4]]


def test_every_picture_goes_to_its_own_file(records, tmp_path):
    written = {}
    outputs = [tmp_path / f"{i}.npz" for i in range(6)]
    seconds = embed_dataset(records, outputs, embed_with(SumEngine()), written.__setitem__, pad_size=8)
    assert len([each for each in seconds if each > 0]) == 6
    assert {path.name: rows.tolist() for path, rows in written.items()} == {
        f"{i}.npz": [[8 * 8 * 3 * i, 8]] for i in range(6)
    }


def test_what_computes_knows_where_the_picture_lies(tmp_path):
    write_image(tmp_path / "wide.png", np.full((4, 16, 3), 7, np.uint8))
    record = CntkRecord(0, tmp_path / "wide.png", np.zeros((0, 4)), np.zeros(0, int))
    found = {}
    compute = lambda read: [(record.index, seen.padded.shape, seen.area) for record, seen in read]  # noqa: E731
    list(embed_dataset([record], [tmp_path / "0.npz"], compute, found.__setitem__, pad_size=8))
    assert found == {tmp_path / "0.npz": (0, (8, 8, 3), PictureArea(16, 4, 0.5, 0, 3))}


def test_few_pictures_wait_to_be_written_and_what_goes_wrong_there_is_raised(records, tmp_path):
    engine, disk = SumEngine(), threading.Event()

    def write(path, rows):
        assert disk.wait(10)
        if path.name == "2.npz":
            raise OSError("disk full")

    outputs = [tmp_path / f"{i}.npz" for i in range(6)]
    run = embed_dataset(records, outputs, embed_with(engine), write, pad_size=8)
    for _ in range(WRITERS):
        next(run)
    threading.Timer(0.2, disk.set).start()
    assert engine.calls == WRITERS  # the next call waits for the disk
    with pytest.raises(OSError, match="disk full"):
        list(run)
    assert engine.calls < 6


@pytest.mark.parametrize("computing", [0, 2])
def test_several_at_once_in_threads_of_their_own_keep_their_order(records, tmp_path, computing):
    engine, written, begun = SumEngine(), {}, []
    pace = Pace(4, computing, reading=3, writing=5, begin=lambda: begun.append(threading.get_ident()))

    def compute(read):
        padded, rois = [seen.padded for _, seen in read], [record.absolute_rois(8) for record, _ in read]
        return embed_pictures(engine, padded, rois)

    outputs = [tmp_path / f"{i}.npz" for i in range(6)]
    list(embed_dataset(records, outputs, compute, written.__setitem__, pad_size=8, pace=pace))
    assert {path.name: rows.tolist() for path, rows in written.items()} == {
        f"{i}.npz": [[8 * 8 * 3 * i, 8]] for i in range(6)
    }
    assert engine.calls == 2
    assert bool(begun) == bool(computing) and threading.get_ident() not in begun


def test_what_goes_wrong_in_a_thread_that_computes_is_raised(records):
    def compute(read):
        raise ValueError(f"{len(read)} pictures")

    with pytest.raises(ValueError, match="4 pictures"):
        list(computed(records, compute, pad_size=8, pace=Pace(4, 2, reading=2)))


def test_rows_of_several_pictures_with_filler():
    pictures = [np.ones((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)]
    rois = [np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32), np.ones((4, 4), np.float32)]
    first, second = embed_pictures(SumEngine(), pictures, rois, 3)
    assert first.tolist() == [[12, 10], [12, 26], [12, 0]]
    assert second.tolist() == [[0, 4]] * 3


def test_a_cpu_takes_one_picture_and_a_gpu_several():
    class Of:
        def __init__(self, at_once):
            self.at_once = at_once

        def begin_thread(self):
            pass

    assert Pace.of(Of(1), 8) == Pace() == Pace(1, 0, 1, WRITERS)
    engine = Of(16)
    assert Pace.of(engine, 8) == Pace(16, 2, 4, 4, engine.begin_thread)
    assert Pace.of(engine, 3) == Pace(16, 2, 3, 2, engine.begin_thread)
