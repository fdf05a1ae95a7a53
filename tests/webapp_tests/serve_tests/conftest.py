"""The service of a tiny detector: in this process for most tests, as a process of its own for some."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

pytest.importorskip("fastapi", reason="the service's packages are not installed (extra serve)")
from starlette.testclient import TestClient

from webapp.serve.app import create_app
from webapp.serve.model_choice import ModelChoice
from webapp.serve.settings import ServiceSettings
from webapp.serve.uploads import UploadLimits

REPOSITORY = Path(__file__).resolve().parents[3]
KEY = "a-key-for-these-tests"
PATIENCE = 120  # seconds that a slow machine may take to load the model


class RunningService:
    """`7_serve.py` as a process, and where it answers."""

    def __init__(self, root: Path, *options: str, **environment: str) -> None:
        command = [sys.executable, str(REPOSITORY / "7_serve.py"), "--root", str(root), "--dataset", "tiny",
                   "--jobs", "1", "--port", "0", *options]  # fmt: skip
        # a file for each: of two that run at once, the second would empty what the first writes to
        self.log = tempfile.NamedTemporaryFile(dir=root, prefix="service-", suffix=".log", delete=False)  # noqa: SIM115
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, env={**os.environ, **environment}, text=True
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        found = re.match(r"http://\S+:(\d+)/", line)
        assert found, f"the service said {line!r}: {self.said()}"
        self.port = int(found[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self) -> "RunningService":
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.get("/ready")[0] == 200:
                return self
            time.sleep(0.1)
        raise AssertionError(f"not ready: {self.said()}")

    def get(self, path: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Return status and body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/octet-stream", **named})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as fault:
            with fault:
                return fault.code, fault.read()

    def workers(self) -> list[int]:
        """Return the ids of the worker processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="utf-8")
        return [int(number) for number in children.split()]

    def said(self) -> str:
        self.log.flush()
        return Path(self.log.name).read_text(encoding="utf-8")

    def stop(self) -> int:
        """Return the exit status after SIGTERM."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        if self.process.stdout:
            self.process.stdout.close()
        self.log.close()
        return status


@pytest.fixture(scope="session")
def picture(finished) -> bytes:
    """A test picture of the tiny data set, a PNG."""
    return (finished.root / "data" / "tiny" / "testImages" / "5.png").read_bytes()


@pytest.fixture(scope="session")
def picture_kinds(picture) -> dict[str, bytes]:
    """The same picture in the four kinds that are read."""
    import numpy as np

    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    kinds = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/bmp": ".bmp"}
    return {kind: cv2.imencode(extension, image)[1].tobytes() for kind, extension in kinds.items()}


@pytest.fixture(scope="session")
def settings(finished) -> ServiceSettings:
    choice = ModelChoice(finished.root, "tiny", threads=1, threshold=0.5)
    return ServiceSettings(choice, uploads=UploadLimits(max_bytes=1 << 20, seconds=5), max_batch=4)


@pytest.fixture(scope="session")
def client(settings) -> Iterator[TestClient]:
    """A client of a service in this process, without a key; ready."""
    with client_of(settings) as ready:
        yield ready


@pytest.fixture(scope="session")
def client_with_key(settings) -> Iterator[TestClient]:
    """A client of a service that asks for `KEY`, and does not know it itself."""
    with client_of(replace(settings, key=KEY, hosts=("localhost",), cors_origins=("https://example.org",))) as ready:
        yield ready


@contextmanager
def client_of(settings: ServiceSettings) -> Iterator[TestClient]:
    app, _ = create_app(settings)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        end = time.monotonic() + PATIENCE
        while client.get("/ready").status_code != 200:
            assert time.monotonic() < end, "the service does not get ready"
            time.sleep(0.05)
        yield client


@pytest.fixture
def start(finished) -> Iterator:
    """Start services by options; all are stopped at the end."""
    running: list[RunningService] = []

    def begin(*options: str, **environment: str) -> RunningService:
        running.append(RunningService(finished.root, *options, **environment))
        return running[-1]

    yield begin
    for each in running:
        each.stop()


@pytest.fixture(scope="session")
def service_with_key(finished) -> Iterator[RunningService]:
    """A service as a process that asks for `KEY`; ready; tests must leave it as it is."""
    running = RunningService(finished.root, FASTRCNN_API_KEY=KEY).wait_until_ready()
    yield running
    running.stop()
