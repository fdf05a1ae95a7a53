"""Tables, timings, and how a script ends."""

import errno

import pytest

from helpers.artifacts import atomic_write
from helpers.console import in_words, run_script, table, timing_summary
from helpers.errors import UserError, raise_collected


def test_table():
    assert table(["a", "bb"], [["x", 1], ["yyy", 22]]).splitlines() == ["a    bb", "---  --", "x     1", "yyy  22"]
    assert table(["a"], []).splitlines() == ["a", "-"]


def test_timings_by_hand():
    assert timing_summary([0.1, 0.2, 0.3]) == "median 200 ms, std 82 ms, 90th percentile 280 ms per picture"
    assert timing_summary([]) == "none, nothing was left to compute"
    assert timing_summary([1.631]) == "1631 ms for one picture"


def test_times_in_words():
    assert [in_words(seconds) for seconds in (0, 44.6, 89, 600, 5400, 86400)] == [
        "1 s", "45 s", "1 min", "10 min", "1.5 h", "24 h",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("raised", "status"),
    [(UserError("it is broken, mend it"), "error: it is broken, mend it"), (KeyboardInterrupt(), 130)],
)
def test_a_script_ends_without_a_traceback(raised, status):
    def main():
        raise raised

    with pytest.raises(SystemExit) as leaving:
        run_script(main)
    assert leaving.value.code == status


def test_read_only_folder_is_one_line(tmp_path):
    def main():
        (tmp_path / "none" / "file").write_text("x")

    with pytest.raises(SystemExit) as leaving:
        run_script(main)
    assert "none/file: No such file" in str(leaving.value.code)


def test_faults_are_collected_and_cut():
    raise_collected([], "none")
    with pytest.raises(UserError) as error:
        raise_collected([f"fault {n}" for n in range(30)], "30 faults:", "Mend them.")
    lines = str(error.value).splitlines()
    assert lines[0] == "30 faults:"
    assert lines[-2:] == ["  ... and 10 more", "Mend them."]


def test_a_full_disk_says_which_file_and_what_to_do(tmp_path):
    path = tmp_path / "0.dat.npz"

    def main():
        with atomic_write(path):
            raise OSError(errno.ENOSPC, "No space left on device")  # as NumPy and write() raise it: without a name

    with pytest.raises(SystemExit) as left:
        run_script(main)
    assert str(left.value) == (
        f"error: {path}: No space left on device. Make room, then run the same command again: what was finished is kept"
    )
    assert list(tmp_path.iterdir()) == []
