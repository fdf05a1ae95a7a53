"""npz files: what numpy reads, aligned, the same bytes for the same content, old or new but never half."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.npz import data_offset, is_intact, write_npz

ARRAYS = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3), "b/weight": np.array([True, False]), "empty": np.zeros((0, 4)),
    "number": np.array(3.5), "half": np.arange(3, dtype=np.float16), "text": np.array(["text", "x"]),
}  # fmt: skip


def test_numpy_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.npz"
    write_npz(path, ARRAYS)
    with np.load(path) as found:
        assert found.files == list(ARRAYS), "in their order"
        for key, array in ARRAYS.items():
            np.testing.assert_array_equal(found[key], array)
            assert (found[key].dtype, found[key].shape) == (array.dtype, array.shape)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_other_layouts_in_memory_become_rows(tmp_path: Path) -> None:
    square = np.arange(12).reshape(3, 4)
    write_npz(tmp_path / "a.npz", {"turned": square.T, "every_other": square[:, ::2]})
    with np.load(tmp_path / "a.npz") as found:
        np.testing.assert_array_equal(found["turned"], square.T)
        np.testing.assert_array_equal(found["every_other"], square[:, ::2])
        assert found["turned"].flags.c_contiguous


@given(names=st.lists(st.text("abcü.", min_size=1, max_size=70), min_size=1, max_size=4, unique=True))
def test_every_array_begins_at_a_multiple_of_64(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "aligned.npz"
    array = np.arange(5, dtype=np.float32)
    write_npz(path, dict.fromkeys(names, array))
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            with archive.open(info) as member:
                np.lib.format.read_magic(member)
                np.lib.format.read_array_header_1_0(member)
                start = data_offset(path, info) + member.tell()
            assert start % 64 == 0
            assert path.read_bytes()[start : start + array.nbytes] == array.tobytes()


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        write_npz(tmp_path / name, ARRAYS)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_what_is_intact(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_npz(path, {"x": np.arange(3.0), "none": np.zeros((0, 4)), "y": np.arange(5.0, 9.0)})
    assert [is_intact(path, f"{name}.npy") for name in ("x", "none", "y")] == [True] * 3
    content = bytearray(path.read_bytes())
    content[content.index(np.float64(7.0).tobytes()) + 7] ^= 1
    path.write_bytes(content)
    assert [is_intact(path, f"{name}.npy") for name in ("x", "none", "y")] == [True, True, False]


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_npz(path, {"a": np.zeros(2)})
    before = path.read_bytes()
    with pytest.raises(ValueError, match="cannot be read"):
        write_npz(path, {"a": np.ones(2), "b": _Unreadable()})  # type: ignore[dict-item]
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.npz"]


class _Unreadable:
    def __array__(self, *arguments: object, **options: object) -> None:
        raise ValueError("cannot be read")
