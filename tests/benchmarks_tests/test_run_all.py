"""benchmarks/run_all.py: programs that are missing or fail are said so, and the page is made of what programs print."""

import sys
from pathlib import Path

import pytest

from benchmarks import run_all
from benchmarks.run_all import Benchmark, Result, page, run, section, taken_apart, with_photos

BAD = """
import sys
print("half a table")
print("details", file=sys.stderr)
sys.exit("error: no such picture.")
"""
GOOD = """
print("| a | b |")
print("| --- | --- |")
print("summary: proposals | package: 200 ms | 10 ms | 20")
print("| 1 | 2 |")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    programs = {
        "good": GOOD,
        "plain": "print('1 second')",
        "bad": BAD,
        "silent": "raise SystemExit(3)",
    }
    for name, text in programs.items():
        (tmp_path / f"bench_{name}.py").write_text(text)
    return tmp_path


def test_summary_lines_are_taken_out(folder):
    result = run(Benchmark("Good", "bench_good"), folder)
    assert not result.failed
    assert result.text == "| a | b |\n| --- | --- |\n| 1 | 2 |"
    assert result.summaries == [["proposals", "package: 200 ms", "10 ms", "20"]]
    assert taken_apart("\nx\n\n") == ("x", [])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bad", "Not measured: no such picture."),
        ("silent", "Not measured: exit status 3."),
        ("gone", "Not measured: the program is not there."),
    ],
)
def test_programs_that_fail_are_said_so(folder, name, reason, capfd):
    result = run(Benchmark("Title", f"bench_{name}"), folder)
    assert result.failed and result.text == reason and result.summaries == []
    assert section(result) == f"## Title\n\n`benchmarks/bench_{name}.py`\n\n{reason}\n"
    assert ("details" in capfd.readouterr().err) == (name == "bad")  # what it said is shown as well


def test_text_without_a_table_stays_as_it_is(folder):
    assert "```\n1 second\n```" in section(run(Benchmark("Plain", "bench_plain"), folder))
    assert "```" not in section(run(Benchmark("Good", "bench_good"), folder))


def test_the_page_begins_with_the_summary():
    first = Result(Benchmark("First", "bench_first"), "| --- |", [["nms", "OpenCV: 4 ms", "1 ms", "4.0"]], False)
    second = Result(Benchmark("Second", "bench_second"), "Not measured: it failed.", [], True)
    text = page([first, second])
    places = [text.index(part) for part in ("# Benchmarks", "| what | peer | ours | times as fast |", "| nms | OpenCV",
                                            "## First", "## Second", "Not measured: it failed.")]  # fmt: skip
    assert places == sorted(places)
    assert "| what |" not in page([second])


def test_photos_are_measured_beside_the_bundled_pictures(tmp_path):
    chosen = {name: run_all.BENCHMARKS[name] for name in ("proposals", "nms")}
    assert with_photos(chosen, None) == list(chosen.values())
    assert with_photos({"nms": chosen["nms"]}, tmp_path) == [chosen["nms"]]
    titles = [benchmark.title for benchmark in with_photos(chosen, tmp_path)]
    assert titles == [
        chosen["proposals"].title,
        chosen["proposals"].title + ", on the tutorial's photos",
        chosen["nms"].title,
    ]
    photos = with_photos(chosen, tmp_path)[1]
    assert photos.command()[-4:] == ["--root", str(tmp_path), "--dataset", "groceryPhotos"]
    assert str(tmp_path) not in section(Result(photos, "x", [], False))  # a folder of this machine


def test_a_whole_run(folder, monkeypatch, capsys):
    monkeypatch.setattr(run_all, "BENCHMARKS", {n: Benchmark(n, f"bench_{n}") for n in ("good", "bad", "gone")})
    monkeypatch.setattr(run_all.run, "__defaults__", (folder,))
    output = folder / "README.md"
    monkeypatch.setattr(sys, "argv", ["run_all.py", "--output", str(output)])
    assert run_all.main() == 1
    text = output.read_text()
    assert "| proposals | package: 200 ms | 10 ms | 20 |" in text
    assert text.count("Not measured") == 2
    assert "Not measured: bench_bad, bench_gone" in capsys.readouterr().err
    output.unlink()
    monkeypatch.setattr(sys, "argv", ["run_all.py", "good", "--output", str(output)])
    assert run_all.main() == 0 and not output.exists()  # some of them are printed only


def test_an_unknown_name_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run_all.py", "nmz"])
    with pytest.raises(SystemExit) as leaving:
        run_all.main()
    assert leaving.value.code == 2 and "no such benchmark: nmz" in capsys.readouterr().err
