"""Runs the scripts as a user does, as processes, on a fresh data/tiny; none of them may change data/."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import REPOSITORY, Runner


class Ended(NamedTuple):
    """How a script ended."""

    status: int
    out: str
    err: str


class Scripts:
    """Runs numbered scripts on data/tiny below `root`."""

    def __init__(self, root: Path, weights: Path) -> None:
        self.root = root
        settings = {**Runner.settings, "cntk_model": weights}
        self.options = ["--root", str(root), "--dataset", "tiny", "--jobs", "1"]
        self.options += [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]

    @property
    def data(self) -> Path:
        return self.root / "data" / "tiny"

    @property
    def proc(self) -> Path:
        return self.root / "proc" / "tiny"

    @property
    def picture(self) -> Path:
        """A training picture with a disc and a square."""
        return self.data / "positive" / "0.png"

    def annotate(self, boxes: str, labels: str, picture: Path | None = None) -> None:
        """Write both annotation files of a picture, byte for byte."""
        path = picture or self.picture
        path.with_name(f"{path.stem}.bboxes.tsv").write_bytes(boxes.encode())
        path.with_name(f"{path.stem}.bboxes.labels.tsv").write_bytes(labels.encode())

    def start(self, command: str, **how) -> subprocess.Popen:
        """Start a script with options; its output is read by the caller."""
        script, *options = command.split(" ")
        arguments = [sys.executable, str(REPOSITORY / script), *self.options, *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        return subprocess.Popen(arguments, text=True, encoding="utf-8", **{**pipes, **how})

    def run(self, command: str, **how) -> Ended:
        """Run a script to its end. A traceback is a failure, and so is any change in data/."""
        before = contents(self.data)
        process = self.start(command, **how)
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in err, err
        assert contents(self.data) == before, f"{command} changed data/"
        return Ended(process.returncode, out, err)

    def works(self, *commands: str, **how) -> str:
        """Run scripts that must succeed; return what they printed."""
        printed = ""
        for command in commands:
            ended = self.run(command, **how)
            assert ended.status == 0, f"{command}: {ended.err}"
            printed += ended.out + ended.err
        return printed

    def fails(self, command: str, *words: str) -> str:
        """Run a script that must end with 1 and a message that has all `words`; return the message."""
        ended = self.run(command)
        assert ended.status == 1, f"{command}: status {ended.status}\n{ended.out}{ended.err}"
        missing = [word for word in words if word not in ended.err]
        assert not missing, f"{missing} not in: {ended.err}"
        return ended.err


def contents(folder: Path) -> dict[Path, bytes]:
    """The bytes of every file of a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} if folder.is_dir() else {}


@pytest.fixture
def scripts(tiny_root: Path, slim_weights: Path) -> Scripts:
    """Scripts on a fresh data/tiny."""
    return Scripts(tiny_root, slim_weights)


@pytest.fixture
def done(scripts: Scripts) -> Scripts:
    """Scripts on a data/tiny where steps 1 to 4 have run."""
    scripts.works("1_computeRois.py", "2_cntkGenerateInputs.py", "3_runCntk.py", "4_trainSvm.py")
    return scripts
