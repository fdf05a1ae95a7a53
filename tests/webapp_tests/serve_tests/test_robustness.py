"""A small version of benchmarks/fuzz_service.py: damaged pictures and schemathesis; the whole is that program."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.fuzz_service import CONFIGURATION, OTHERS, bombs, mutated

KEY = "a-key-for-these-tests"


def test_damaged_pictures(client, picture_kinds):
    rng = np.random.default_rng(1)
    whole = list(picture_kinds.values())
    for data in (*OTHERS, *bombs(), *(mutated(whole[number % 4], rng) for number in range(120))):
        answer = client.post("/detect", content=data)
        assert answer.status_code in (200, 400, 413, 415), answer.text
        if answer.status_code != 200:
            assert answer.json()["detail"]
    assert client.get("/health").json()["restarts"] == 0


def test_mutants_differ(picture_kinds):
    data = picture_kinds["image/png"]
    rng = np.random.default_rng(0)
    made = {mutated(data, rng) for _ in range(50)}
    assert len(made) > 45
    assert any(cv2.imdecode(np.frombuffer(each, np.uint8), 1) is None for each in made if each)


def test_schemathesis(service_with_key):
    pytest.importorskip("schemathesis")
    ended = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION), "run",
         service_with_key.url + "/openapi.json", "--checks", "all", "--max-examples", "15", "--seed", "0", "--no-color",
         "-H", f"Authorization: Bearer {KEY}", "--exclude-path", "/reload"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-3000:]
    assert json.loads(service_with_key.get("/health")[1])["restarts"] == 0
    assert Path(CONFIGURATION).is_file()
