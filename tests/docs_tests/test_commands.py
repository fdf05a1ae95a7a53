"""Every command in README.md and the tutorial names a script that is there, with options and parameters that it has."""

import io
import re
import runpy
import sys
from contextlib import redirect_stdout
from functools import cache

import pytest

from PARAMETERS import get_parameters
from tests.conftest import REPOSITORY

_COMMAND = re.compile(r"(?:^|[`\s])(?:python3?|\.venv/bin/python) ((?:[\w/]+/)?\w+\.py)((?: [^`\n#]+)?)", re.MULTILINE)
_HANDS_ON = "run.py"  # gives its options to the steps


def commands(name: str) -> list[tuple[str, list[str]]]:
    """Return (script, words behind it) of each command in the text `name`."""
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    return [(match[1], match[2].split()) for match in _COMMAND.finditer(text)]


@cache
def help_of(script: str) -> str:
    """Return what `script --help` prints, run in this process."""
    printed, before = io.StringIO(), sys.argv
    sys.argv = [script, "--help"]
    try:
        with redirect_stdout(printed), pytest.raises(SystemExit):
            runpy.run_path(str(REPOSITORY / script), run_name="__main__")
    finally:
        sys.argv = before
    return printed.getvalue()


@pytest.mark.parametrize("name", ["README.md", "docs/TUTORIAL.md"])
def test_commands_of_the_text(name: str) -> None:
    found = commands(name)
    assert len(found) > 5
    parameters = get_parameters([])
    for script, words in found:
        assert (REPOSITORY / script).is_file(), script
        for word, following in zip(words, [*words, ""][1:], strict=True):
            if word == "--set":
                assert following.strip("'\"").split("=")[0] in parameters, f"{script} {word} {following}"
            elif word.startswith("--") and script != _HANDS_ON:
                option = re.match(r"--[\w-]+", word)
                assert option and re.search(rf"{option[0]}\b", help_of(script)), f"{name}: {script} {word}"


def test_parameters_of_the_text() -> None:
    parameters = get_parameters([])
    for name in ("README.md", "docs/TUTORIAL.md"):
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        for match in re.finditer(r"--set '?(\w+)=", text):
            assert match[1] in (*parameters, "NAME"), match[0]
        for match in re.finditer(r"`((?:roi|ss|grid|cntk|nn|rpn|faster|svm|vis|train)_\w+)(?: =[^`]*)?`", text):
            assert match[1] in parameters or match[1] == "train_00", match[0]
