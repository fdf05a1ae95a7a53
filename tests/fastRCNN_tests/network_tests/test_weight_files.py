"""Weight files: numpy reads what we write and we read what numpy writes; damage is noticed and named."""

import io
import json
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastRCNN.network.weight_files import WeightFile, write_weight_file
from helpers.errors import UserError

HEADER = {"format": "test", "name": "Zuckertüte 🍬"}


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {
        "conv1.weight": rng.standard_normal((4, 3, 5, 5), dtype=np.float32),
        "conv1.bias": rng.standard_normal(4, dtype=np.float32),
        "fc.weight": rng.standard_normal((7, 11)).astype(np.float16),
    }


def test_numpy_reads_what_we_write(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    write_weight_file(tmp_path / "net.npz", HEADER, arrays)
    with np.load(tmp_path / "net.npz") as loaded:
        assert json.loads(str(loaded["header"])) == HEADER
        for key, array in arrays.items():
            assert loaded[key].dtype == array.dtype
            np.testing.assert_array_equal(loaded[key], array)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_we_read_what_numpy_writes(tmp_path: Path, arrays: dict[str, np.ndarray], save: Any) -> None:
    arrays["fortran"] = np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4))
    arrays["big_endian"] = np.arange(3).astype(">f4")
    arrays["empty"] = np.zeros((0, 4), np.float32)
    arrays["single"] = np.array(2.5, np.float32)
    save(tmp_path / "net.npz", header=np.array(json.dumps(HEADER)), **arrays)
    file = WeightFile(tmp_path / "net.npz")
    assert file.header == HEADER
    assert list(file) == list(arrays) and len(file) == len(arrays)
    assert file.shapes == {key: array.shape for key, array in arrays.items()}
    for key, array in arrays.items():
        assert file[key].dtype == np.float32
        assert file[key].flags.c_contiguous and file[key].flags.aligned
        np.testing.assert_array_equal(file[key], array)


def test_arrays_are_mapped_and_aligned(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    path = tmp_path / "net.npz"
    write_weight_file(path, HEADER, arrays)
    weight = WeightFile(path)["conv1.weight"]
    assert weight.ctypes.data % 64 == 0
    base = weight
    while isinstance(base, np.ndarray) and base.base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


def test_writing_to_an_array_leaves_the_file_alone(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    path = tmp_path / "net.npz"
    write_weight_file(path, HEADER, arrays)
    before = path.read_bytes()
    for key in arrays:
        WeightFile(path)[key][:] = 7
    assert path.read_bytes() == before


def test_same_content_same_bytes(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    strided = {key: np.repeat(array, 2, axis=0)[::2] for key, array in arrays.items()}
    write_weight_file(tmp_path / "a.npz", HEADER, arrays)
    write_weight_file(tmp_path / "folder" / "b.npz", HEADER, strided)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "folder" / "b.npz").read_bytes()


def test_failed_writing_leaves_the_old_file(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    path = tmp_path / "net.npz"
    write_weight_file(path, HEADER, arrays)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_weight_file(path, HEADER, {**arrays, "bad": np.array([object()])})
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["net.npz"]


def test_unknown_array(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    write_weight_file(tmp_path / "net.npz", HEADER, arrays)
    file = WeightFile(tmp_path / "net.npz")
    assert file.get("conv2.weight") is None
    with pytest.raises(KeyError):
        file["conv2.weight"]


def expect_fault(path: Path, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        file = WeightFile(path)
        for key in file:
            file[key]
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, -1])
def test_file_cut_short(tmp_path: Path, arrays: dict[str, np.ndarray], kept: float) -> None:
    path = tmp_path / "net.npz"
    write_weight_file(path, HEADER, arrays)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept) if isinstance(kept, float) else kept])
    expect_fault(path, "expected a weight file .npz., found one that cannot be read")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_flipped_byte_is_noticed_or_harmless(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.npz"
    array = np.arange(40, dtype=np.float32)
    write_weight_file(path, HEADER, {"a": array})
    whole = bytearray(path.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    try:
        file = WeightFile(path)
        read = {key: file[key] for key in file}
    except UserError as error:
        assert str(path) in str(error)
    else:  # a time stamp, padding, a name: the numbers are as they were
        assert [each.tobytes() for each in read.values()] == [array.tobytes()]


def test_an_entry_that_damage_has_hidden_is_missed(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    path = tmp_path / "net.npz"
    write_weight_file(path, HEADER, arrays)
    whole = bytearray(path.read_bytes())
    first, end = whole.index(b"PK\x01\x02"), whole.rindex(b"PK\x05\x06")
    name, extra = struct.unpack_from("<HH", whole, first + 28)
    struct.pack_into("<H", whole, first + 32, end - (first + 46 + name + extra))  # its comment is all the other entries
    path.write_bytes(whole)
    with zipfile.ZipFile(path) as archive:
        assert len(archive.infolist()) < 1 + len(arrays)
    expect_fault(path, "belong to no array")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_flipped_number_is_found_by_its_checksum(tmp_path: Path, compression: int) -> None:
    path, marker = tmp_path / "net.npz", b"\x01\x02\x03\x04\x05\x06\x07\x08"
    array = np.frombuffer(marker * 20_000, np.float32)  # longer than what opening the file reads
    write_weight_file(path, HEADER, {"a": array})
    if compression == zipfile.ZIP_DEFLATED:
        np.savez_compressed(
            path, header=np.array(json.dumps(HEADER)), a=np.random.default_rng(0).random(4000, np.float32)
        )
        whole = bytearray(path.read_bytes())
        place = len(whole) // 2
    else:
        whole = bytearray(path.read_bytes())
        place = whole.rindex(marker)
    whole[place] ^= 1
    path.write_bytes(whole)
    expect_fault(path, "array 'a' is damaged")


def test_what_is_no_weight_file(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    path = tmp_path / "net.npz"
    expect_fault(path, "expected a weight file, found no such file")
    expect_fault(tmp_path, "found a folder")
    path.write_text("hello")
    expect_fault(path, "expected a weight file .npz., found one that cannot be read")
    np.savez(path, **arrays)
    expect_fault(path, r"expected a member 'header'.*found only \['conv1.bias', 'conv1.weight', 'fc.weight'\]")
    np.savez(path, header=np.array("[1, 2]"))
    expect_fault(path, "JSON, but list instead of an object")
    np.savez(path, header=np.array("{"))
    expect_fault(path, "cannot be read .Expecting property name")
    np.savez(path, header=np.array("{}"), a=np.arange(3))
    expect_fault(path, "expected float32 or float16 in 'a', found int64")
    np.savez(path, header=np.array("{}"), a=np.arange(3.0))
    expect_fault(path, "expected float32 or float16 in 'a', found float64")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    expect_fault(path, "cannot be read")


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("unpickled",))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    content.write(pickle.dumps([Bomb()]))
    for key in ("a", "header"):
        write_weight_file(path, HEADER, {})
        with zipfile.ZipFile(path, "w" if key == "header" else "a") as archive:
            archive.writestr(f"{key}.npy", content.getvalue())
        expect_fault(path, f"expected numbers in '{key}', found pickled objects, which are never loaded")


def test_a_checksum_is_compared_once_and_nobody_sees_what_another_writes(
    tmp_path: Path, arrays: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_weight_file(tmp_path / "net.npz", HEADER, arrays)
    compared: list[int] = []
    crc32 = zlib.crc32
    monkeypatch.setattr(zlib, "crc32", lambda data, *more: compared.append(len(data)) or crc32(data, *more))
    file = WeightFile(tmp_path / "net.npz")
    compared.clear()  # of the header
    first, second = file["conv1.weight"], file["conv1.weight"]
    assert len(compared) == 1
    first[:] = 0
    np.testing.assert_array_equal(second, arrays["conv1.weight"])
    np.testing.assert_array_equal(file["conv1.weight"], arrays["conv1.weight"])
    file["conv1.bias"]
    assert len(compared) == 2


def test_a_flag_that_says_encrypted_is_damage(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    write_weight_file(tmp_path / "net.npz", HEADER, arrays)
    whole = bytearray((tmp_path / "net.npz").read_bytes())
    start = whole.rindex(b"PK\x01\x02")  # the last entry of the archive's directory; its flags stand 8 bytes behind
    whole[start + 8] |= 1
    (tmp_path / "net.npz").write_bytes(whole)
    with pytest.raises(UserError, match=r"net\.npz: .*(encrypted|damaged)"):
        dict(WeightFile(tmp_path / "net.npz"))
