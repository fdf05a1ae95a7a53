"""Pictures from files, pipes and standard input, each read once; no result overwrites one."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from helpers.errors import UserError
from helpers.images import write_image
from helpers.picture_sources import check_destinations, open_sources

REPOSITORY = Path(__file__).resolve().parents[2]
PICTURE = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    write_image(path, PICTURE)
    return path


def test_a_file_is_read_when_it_is_wanted(file: Path) -> None:
    (source,) = open_sources([str(file), str(file)])
    assert (source.name, source.stem, source.content) == (str(file), "a", None)
    np.testing.assert_array_equal(source.read(), PICTURE)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_once(file: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(file.read_bytes()))
    writer.start()
    (source,) = open_sources([str(pipe)])
    writer.join()
    for _ in range(2):
        np.testing.assert_array_equal(source.read(), PICTURE)


def test_standard_input(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes()), encoding="utf-8"))
    (source,) = open_sources(["-"])
    assert (source.name, source.stem) == ("standard input", "stdin")
    np.testing.assert_array_equal(source.read(), PICTURE)
    with pytest.raises(UserError, match=r"standard input: nothing came \(0 bytes\)"):
        open_sources(["-"])


def test_what_is_no_picture_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such picture"):
        open_sources([str(tmp_path / "none.jpg")])
    with pytest.raises(UserError, match=str(tmp_path)):
        open_sources([str(tmp_path)])


def test_bytes_that_are_no_text_have_a_name_for_results(file: Path) -> None:
    odd = os.fsdecode(os.fsencode(file.parent) + b"/caf\xe9.png")
    file.rename(odd)
    (source,) = open_sources([odd])
    assert source.name.endswith("caf\\xe9.png") and source.stem == "caf\\xe9"
    source.name.encode()
    np.testing.assert_array_equal(source.read(), PICTURE)


def test_results_never_overwrite_a_picture(file: Path, tmp_path: Path) -> None:
    sources = open_sources([str(file)])
    check_destinations(sources, [tmp_path / "b.png"])
    (tmp_path / "link.json").symlink_to(file)
    for where in (tmp_path / "." / "a.png", tmp_path / "link.json"):
        with pytest.raises(UserError, match=r"this is the picture .*a\.png"):
            check_destinations(sources, [where])


@pytest.mark.skipif(os.name == "nt", reason="needs a shell with <(...)")
def test_a_pipe_of_the_shell(file: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); " + (
        "from helpers.picture_sources import open_sources; print(open_sources(sys.argv[1:])[0].read().sum())"
    )
    done = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" <(cat "$2")', sys.executable, program, str(file)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) == PICTURE.sum()
