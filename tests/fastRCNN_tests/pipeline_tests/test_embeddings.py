"""Embedding files: what numpy writes is read, what we write numpy reads, and every broken file is named."""

import zipfile

import numpy as np
import pytest

from fastRCNN.pipeline.embeddings import EmbeddingFiles, can_be_read, read_embeddings, write_embeddings
from helpers.errors import UserError


@pytest.fixture
def array() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((7, 13)).astype(np.float32)


def test_numpy_reads_what_we_write(tmp_path, array):
    write_embeddings(tmp_path / "0.dat.npz", array)
    with np.load(tmp_path / "0.dat.npz", allow_pickle=False) as archive:
        assert archive.files == ["arr_0"]
        np.testing.assert_array_equal(archive["arr_0"], array)
        assert archive["arr_0"].dtype == np.float32
    assert zipfile.ZipFile(tmp_path / "0.dat.npz").testzip() is None  # checksums fit
    assert [path.name for path in tmp_path.iterdir()] == ["0.dat.npz"]  # no temporary file stays


def test_float16_takes_half_the_disk_and_comes_back_as_float32(tmp_path, array):
    write_embeddings(tmp_path / "0.npz", array.astype(np.float16))
    with np.load(tmp_path / "0.npz") as archive:
        assert archive["arr_0"].dtype == np.float16
    files = EmbeddingFiles([tmp_path / "0.npz"], [5])
    assert files.dimension == 13
    assert files[0].dtype == np.float32
    np.testing.assert_array_equal(files[0], array[:5].astype(np.float16).astype(np.float32))
    large = np.ones((100, 4096), np.float16)
    write_embeddings(tmp_path / "half.npz", large)
    write_embeddings(tmp_path / "full.npz", large.astype(np.float32))
    sizes = [(tmp_path / name).stat().st_size for name in ("half.npz", "full.npz")]
    assert sizes[0] == pytest.approx(sizes[1] / 2, rel=1e-3)


@pytest.mark.parametrize("wrong", [np.inf, -np.inf, np.nan])
def test_float16_that_are_not_finite(tmp_path, array, wrong):
    array[2, 3] = wrong
    write_embeddings(tmp_path / "0.npz", array.astype(np.float16))
    with pytest.raises(UserError, match=r"0\.npz: expected finite numbers, found NaN or infinity in row 2"):
        EmbeddingFiles([tmp_path / "0.npz"], [7])[0]


def test_a_flipped_bit_is_noticed_once_and_the_message_says_what_to_delete(tmp_path):
    path, rows = tmp_path / "0.dat.npz", np.random.default_rng(0).standard_normal((100, 4096)).astype(np.float32)
    write_embeddings(path, rows)
    files = EmbeddingFiles([path], [90])
    assert files[0].shape == (90, 4096)
    content = bytearray(path.read_bytes())
    content[content.index(rows[70, 4].tobytes())] ^= 1
    path.write_bytes(content)
    assert can_be_read(path) and files[0].shape == (90, 4096), "looked at once, when it is first read"
    with pytest.raises(UserError, match=r"0\.dat\.npz: damaged, .* Delete it, then run 3_runCntk\.py again"):
        EmbeddingFiles([path], [90])[0]
    np.savez_compressed(path, arr_0=rows)  # the published format: unpacking compares it
    np.testing.assert_array_equal(EmbeddingFiles([path], [90])[0], rows[:90])


def test_same_numbers_same_bytes(tmp_path, array):
    write_embeddings(tmp_path / "a.npz", array)
    write_embeddings(tmp_path / "b.npz", np.asfortranarray(array))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("shape", [(1, 1), (7, 13), (100, 4096)])
def test_our_files_are_mapped_and_aligned(tmp_path, shape):
    write_embeddings(tmp_path / "0.npz", np.ones(shape))
    mapped = read_embeddings(tmp_path / "0.npz")
    assert isinstance(mapped, np.memmap)
    assert mapped.ctypes.data % 64 == 0
    assert not mapped.flags.writeable


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_files_of_numpy_are_read(tmp_path, array, write, dtype):
    write(tmp_path / "0.npz", array.astype(dtype))
    result = read_embeddings(tmp_path / "0.npz")
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, array.astype(dtype).astype(np.float32))


def test_fortran_order_is_read(tmp_path, array):
    np.savez(tmp_path / "0.npz", np.asfortranarray(array))
    np.testing.assert_array_equal(read_embeddings(tmp_path / "0.npz"), array)


@pytest.mark.parametrize("shape", [(0, 5), (3, 0)])
def test_empty_arrays(tmp_path, shape):
    write_embeddings(tmp_path / "0.npz", np.zeros(shape))
    assert read_embeddings(tmp_path / "0.npz").shape == shape


def test_only_tables_are_written(tmp_path):
    with pytest.raises(ValueError, match=r"expected shape \(R, D\)"):
        write_embeddings(tmp_path / "0.npz", np.zeros(3))


def test_a_failed_write_keeps_the_old_file(tmp_path, array, monkeypatch):
    write_embeddings(tmp_path / "0.npz", array)

    def full_disk(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "header_data_from_array_1_0", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_embeddings(tmp_path / "0.npz", array + 1)
    monkeypatch.undo()
    np.testing.assert_array_equal(read_embeddings(tmp_path / "0.npz"), array)


def test_sequence_cuts_the_filler(tmp_path, array):
    write_embeddings(tmp_path / "0.npz", array)
    np.savez_compressed(tmp_path / "1.npz", array + 1)
    files = EmbeddingFiles([tmp_path / "0.npz", str(tmp_path / "1.npz")], [3, 7])
    assert len(files) == 2
    assert files.dimension == 13
    np.testing.assert_array_equal(files[0], array[:3])
    np.testing.assert_array_equal(files[-1], array + 1)
    assert [len(item) for item in files] == [3, 7]
    assert [len(item) for item in files[:1]] == [3]
    with pytest.raises(IndexError):
        files[2]


def test_no_files():
    assert EmbeddingFiles([], []).dimension == 0
    assert list(EmbeddingFiles([], [])) == []
    with pytest.raises(ValueError, match="2 files and 1 numbers"):
        EmbeddingFiles(["a", "b"], [1])


def test_whether_a_file_can_be_read(tmp_path, array):
    path = tmp_path / "0.dat.npz"
    assert not can_be_read(path)
    write_embeddings(path, array)
    assert can_be_read(path) and can_be_read(str(path))
    path.write_bytes(path.read_bytes()[:-50])
    assert not can_be_read(path)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"0\.dat\.npz: not found.*run 3_runCntk\.py first"):
        read_embeddings(tmp_path / "0.dat.npz")


def test_too_few_rows(tmp_path, array):
    write_embeddings(tmp_path / "0.npz", array)
    with pytest.raises(UserError, match=r"0\.npz: expected at least 8 rows .* found 7"):
        EmbeddingFiles([tmp_path / "0.npz"], [8])[0]


def test_files_of_two_networks(tmp_path, array):
    write_embeddings(tmp_path / "0.npz", array)
    write_embeddings(tmp_path / "1.npz", array[:, :4])
    with pytest.raises(UserError, match=r"1\.npz: expected 13 features per ROI as in 0\.npz, found 4"):
        list(EmbeddingFiles([tmp_path / "0.npz", tmp_path / "1.npz"], [7, 7]))


def test_numbers_that_are_not_finite(tmp_path, array):
    array[5, 2] = np.nan
    write_embeddings(tmp_path / "0.npz", array)
    with pytest.raises(UserError, match=r"0\.npz: expected finite numbers, found NaN or infinity in row 5"):
        EmbeddingFiles([tmp_path / "0.npz"], [7])[0]
    assert len(EmbeddingFiles([tmp_path / "0.npz"], [5])[0]) == 5  # filler may be anything


def test_large_finite_numbers_are_fine(tmp_path):
    write_embeddings(tmp_path / "0.npz", np.full((2, 2), 1e30))
    assert EmbeddingFiles([tmp_path / "0.npz"], [2])[0].shape == (2, 2)


def test_broken_files_are_named(tmp_path, array):
    path = tmp_path / "0.npz"
    path.write_bytes(b"no zip file")
    with pytest.raises(UserError, match=r"0\.npz: not a readable npz file"):
        read_embeddings(path)
    np.savez(path, other=array)
    with pytest.raises(UserError, match=r"0\.npz: expected an array named arr_0, found other\.npy"):
        read_embeddings(path)
    np.savez(path, np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match=r"0\.npz: not a readable npz file \(Object arrays"):
        read_embeddings(path)
    np.savez(path, np.zeros(3, dtype=np.float32))
    with pytest.raises(
        UserError, match=r"0\.npz: expected an array of numbers \(ROIs, features\), found float32 \(3,\)"
    ):
        read_embeddings(path)
    np.savez(path, np.array([["a"]]))
    with pytest.raises(UserError, match=r"0\.npz: expected an array of numbers .* found <U1"):
        read_embeddings(path)


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 3), np.int64), np.zeros((2, 3), bool), np.zeros(3), np.zeros((2, 3, 1))]
)
def test_what_are_no_rows_of_numbers_is_named(tmp_path, wrong):
    path = tmp_path / "0.dat.npz"
    np.savez(path, wrong)
    with pytest.raises(UserError, match=r"expected an array of numbers \(ROIs, features\), found"):
        read_embeddings(path)


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_every_truncation_is_an_error(tmp_path, array, write):
    path = tmp_path / "0.npz"
    write(path, array)
    content = path.read_bytes()
    for length in range(0, len(content) - 1, 37):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match=r"0\.npz"):
            read_embeddings(path)
