"""The annotation page as a program of its own, for tests."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]


class Program:
    """A running A1_annotateImages.py: its address, and questions without a browser."""

    def __init__(self, process: subprocess.Popen, address: str) -> None:
        self.process, self.address = process, address

    def ask(self, name: str, **question: Any) -> tuple[int, dict]:
        """POST a question; return status and content."""
        return request(f"{self.address}api/{name}", json.dumps(question).encode(), {"Content-Type": "application/json"})

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


def request(address: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, dict]:
    """Return status and JSON content ({} for anything else) of an answer."""
    asked = urllib.request.Request(address, body, headers or {})
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            status, data = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, data = error.code, error.read()
    try:
        return status, json.loads(data)
    except ValueError:
        return status, {}


@contextmanager
def running(root: Path, dataset: str, *options: str, script: str = "A1_annotateImages.py") -> Iterator[Program]:
    """Start the script on a free port; it is ended afterwards."""
    command = [sys.executable, str(REPOSITORY / script), "--root", str(root), "--dataset", dataset, "--no-browser"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (root / "stderr.txt").open("w") as errors:
        process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        )
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+/\S+/", line):
                yield Program(process, found[0])
                break
        else:
            raise AssertionError(f"no address in {lines}: {(root / 'stderr.txt').read_text()}")
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
