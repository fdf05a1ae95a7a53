"""Step 6 with pictures and results that are no plain files, and with pictures that fail."""

import io
import json
import os
import sys
import threading
from pathlib import Path

import pytest

from tests.conftest import Runner


def picture_of(runner: Runner, name: str = "5.png") -> Path:
    return runner.root / "data" / "tiny" / "testImages" / name


@pytest.fixture
def expected(finished: Runner, capsys: pytest.CaptureFixture[str]) -> str:
    """What step 6 prints for a picture file."""
    capsys.readouterr()
    finished("6_scoreImage.py", str(picture_of(finished)))
    return capsys.readouterr().out


def test_a_picture_from_standard_input(finished: Runner, expected, monkeypatch, capsys, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(picture_of(finished).read_bytes()), encoding="utf-8"))
    finished("6_scoreImage.py", "-", "--pictures", str(tmp_path))
    assert capsys.readouterr().out == expected
    assert [path.name for path in tmp_path.iterdir()] == ["stdin.jpg"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pictures_and_results_through_pipes(finished: Runner, expected: str, tmp_path: Path) -> None:
    source, sink = tmp_path / "in", tmp_path / "out"
    os.mkfifo(source)
    os.mkfifo(sink)
    got: list[str] = []
    threads = [
        threading.Thread(target=lambda: source.write_bytes(picture_of(finished).read_bytes())),
        threading.Thread(target=lambda: got.append(sink.read_text(encoding="utf-8"))),
    ]
    for thread in threads:
        thread.start()
    finished("6_scoreImage.py", str(source), "--json", str(sink))
    for thread in threads:
        thread.join()
    assert got == [expected]
    assert sink.is_fifo()


def test_a_link_stays_a_link(finished: Runner, expected: str, tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    finished("6_scoreImage.py", str(picture_of(finished)), "--json", str(tmp_path / "link.json"))
    assert (tmp_path / "link.json").is_symlink() and (tmp_path / "real.json").read_text() == expected


def test_one_damaged_picture_does_not_cost_the_others(finished: Runner, capsys, tmp_path: Path) -> None:
    whole = picture_of(finished).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    good, results = picture_of(finished, "6.png"), tmp_path / "found.json"
    with pytest.raises(SystemExit) as leaving:
        finished("6_scoreImage.py", str(tmp_path / "cut.png"), str(good), "--format", "v2", "--json", str(results))
    assert "1 picture(s) could not be scored" in str(leaving.value.code) and "cut.png" in str(leaving.value.code)
    assert list(json.loads(results.read_text())) == [str(good)]


@pytest.mark.parametrize("option", ["--json", "--tsv", "--pictures"])
def test_results_never_overwrite_a_picture(finished: Runner, option: str, tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(picture_of(finished).read_bytes())
    where = tmp_path if option == "--pictures" else picture
    with pytest.raises(SystemExit) as leaving:
        finished("6_scoreImage.py", str(picture), option, str(where))
    assert "results would overwrite" in str(leaving.value.code)
    assert picture.read_bytes() == picture_of(finished).read_bytes()


def test_json_stays_json_where_the_terminal_lacks_letters(finished: Runner, monkeypatch, tmp_path: Path) -> None:
    picture = tmp_path / "ключ.png"
    picture.write_bytes(picture_of(finished).read_bytes())
    printed = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", printed)
    finished("6_scoreImage.py", str(picture), str(picture_of(finished)))
    printed.seek(0)
    assert list(json.loads(printed.read())) == [str(picture), str(picture_of(finished))]


def test_json_to_a_dash_is_stdout(finished: Runner, expected: str, capsys, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    finished("6_scoreImage.py", str(picture_of(finished)), "--json", "-")
    assert capsys.readouterr().out == expected and not list(tmp_path.iterdir())
