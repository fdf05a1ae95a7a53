"""The client examples, run as a user would run them, against a service that asks for a key."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

CLIENTS = Path(__file__).resolve().parents[3] / "webapp" / "clients"
KEY = "a-key-for-these-tests"


def needs(program: str):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


def call(command: list[str], key: str = KEY) -> subprocess.CompletedProcess:
    environment = {**os.environ, "FASTRCNN_API_KEY": key}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


@pytest.fixture
def photo(finished) -> str:
    return str(finished.root / "data" / "tiny" / "testImages" / "6.png")


@pytest.fixture
def expected(service_with_key, photo) -> list[dict]:
    status, body = service_with_key.get("/detect?threshold=0.5", Path(photo).read_bytes(), X_API_Key=KEY)
    assert status == 200
    found = json.loads(body)
    assert {each["label"] for each in found} == {"disc", "square"}
    return found


@needs("curl")
def test_curl(service_with_key, photo, expected, tmp_path):
    drawn = tmp_path / "drawn.jpg"
    ended = call(["sh", str(CLIENTS / "detect.sh"), photo, service_with_key.url, str(drawn)])
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == expected
    assert cv2.imread(str(drawn)).shape == (90, 120, 3)
    refused = call(["sh", str(CLIENTS / "detect.sh"), photo, service_with_key.url], key="")
    assert refused.returncode != 0
    assert "key-needed" in refused.stdout


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([sys.executable, str(CLIENTS / "detect.py")], id="python"),
        pytest.param(["node", str(CLIENTS / "detect.mjs")], id="javascript", marks=needs("node")),
    ],
)
def test_python_and_javascript(service_with_key, photo, expected, command, tmp_path):
    ended = call([*command, photo, service_with_key.url])
    assert ended.returncode == 0, ended.stderr
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert [(line[0], float(line[1]), *map(int, line[2:])) for line in lines] == [tuple(e.values()) for e in expected]
    refused = call([*command, photo, service_with_key.url], key="")
    assert refused.returncode == 1
    assert "Key needed" in refused.stderr
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    refused = call([*command, str(text), service_with_key.url])
    assert "Not a picture" in refused.stderr
