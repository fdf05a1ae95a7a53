"""What is remembered is made once for each key, and a damaged file is as good as none."""

from pathlib import Path

from helpers.remembered import remembered


def test_once_for_each_key(tmp_path: Path) -> None:
    made: list[str] = []

    def make(value: str):
        return lambda: made.append(value) or [value, 1]

    path = tmp_path / "folder" / "value.json"
    assert remembered(path, "a", make("first")) == ["first", 1]
    assert remembered(path, "a", make("second")) == ["first", 1]
    assert remembered(path, "b", make("third")) == ["third", 1]
    for damage in ("", "{", "[]", '{"key": "b"}'):
        path.write_text(damage)
        assert remembered(path, "b", make(damage)) == [damage, 1]
    assert made == ["first", "third", "", "{", "[]", '{"key": "b"}']


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert remembered(tmp_path / "file" / "value.json", "a", lambda: 3) == 3
