"""The service as a process: signals, slow and rude clients, what it says and leaves."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

KEY = "a-key-for-these-tests"
posix = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs the signals and the /proc of Linux")


def send_all(service, picture: bytes, number: int, **headers: str) -> list[int]:
    """Send `picture` from `number` clients at once; return the statuses."""
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(service.get("/detect", picture, **headers)[0]))
        for _ in range(number)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


@posix
def test_a_day_in_its_life(start, picture, finished):
    """One process for many checks: it takes seconds to start."""
    service = start("--log-format", "json", FASTRCNN_API_KEY=KEY).wait_until_ready()
    key = {"X_API_Key": KEY}
    status, expected = service.get("/detect", picture, **key)
    assert status == 200
    flat = cv2.imencode(".png", np.zeros((4, 48, 3), np.uint8))[1].tobytes()
    assert service.get("/detect", flat, **key)[0] == 200, "no ROI passes the filter: a line of a worker in the log"

    # a worker is killed while pictures wait: all are answered, and the death is counted
    before = service.workers()
    threading.Timer(0.05, lambda: os.kill(before[0], signal.SIGKILL)).start()
    assert send_all(service, picture, 6, **key) == [200] * 6
    while json.loads(service.get("/health")[1])["restarts"] != 1:
        time.sleep(0.05)
    assert service.workers() != before

    # SIGHUP under load: no request fails
    service.process.send_signal(signal.SIGHUP)
    while b'reloads_total{outcome="done"} 1.0' not in service.get("/metrics", **key)[1]:
        assert service.get("/detect", picture, **key) == (200, expected)

    # a model that is damaged is not taken; the one before goes on
    network = finished.root / "proc/tiny/models/frcn_svm.npz"
    kept = network.read_bytes()
    try:
        network.write_bytes(b"damaged")
        status, body = service.get("/reload", b"", **key)
    finally:
        network.write_bytes(kept)
    assert status == 409
    assert json.loads(body)["type"] == "/docs#reload-failed"
    assert service.get("/detect", picture, **key) == (200, expected)

    # SIGTERM in mid-request: the request is answered, then it ends with 0, and its workers with it
    workers, statuses = service.workers(), []
    asking = threading.Thread(target=lambda: statuses.append(service.get("/detect", picture, **key)))
    slow = socket.create_connection(("127.0.0.1", service.port))
    slow.sendall(
        f"POST /detect HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\nContent-Length: {len(picture)}\r\n"
        "Connection: close\r\n\r\n".encode()
        + picture[:100]
    )
    asking.start()
    time.sleep(0.1)
    service.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    slow.sendall(picture[100:])
    answer = b"".join(iter(lambda: slow.recv(65536), b""))
    slow.close()
    asking.join()
    assert answer.startswith(b"HTTP/1.1 200"), answer[:300]
    assert statuses == [(200, expected)]
    assert service.stop() == 0
    for worker in workers:
        assert (
            not Path(f"/proc/{worker}").exists()
            or "Z" in Path(f"/proc/{worker}/stat").read_text(encoding="utf-8").split()[2]
        )

    # what it logged: a JSON line each, with id and times, without keys, pictures and paths of clients
    lines = [json.loads(line) for line in Path(service.log.name).read_text(encoding="utf-8").splitlines()]
    detections = [line for line in lines if line.get("path") == "/detect" and line["status"] == 200]
    assert len(detections) >= 8
    assert {"id", "seconds", "network", "decoding", "waited", "found"} <= set(detections[0])
    assert KEY not in Path(service.log.name).read_text(encoding="utf-8")
    messages = [line.get("message", "") for line in lines]
    assert any("ended" in message for message in messages)
    assert any("No ROI passed" in message for message in messages), "workers write such lines as well"
    written = {path.name for path in finished.root.iterdir() if not path.match("service-*.log")}
    assert written <= {"data", "proc", "results"}


@posix
def test_slow_and_rude_clients_hold_nobody_up(start, picture):
    service = start("--upload-seconds", "1", "--queue", "2").wait_until_ready()
    address = ("127.0.0.1", service.port)
    with contextlib.ExitStack() as clients:
        silent = [clients.enter_context(socket.create_connection(address)) for _ in range(40)]
        dripping = [clients.enter_context(socket.create_connection(address)) for _ in range(40)]
        for each in dripping:
            each.sendall(b"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n\xff\xd8")
        for nonsense in (b"\x16\x03\x01\x02\x00\x01", b"GET /\r\n\r\n", b"POST /detect HTTP/1.1\r\n" * 3000):
            with socket.create_connection(address) as rude:
                rude.sendall(nonsense)
                said = everything(rude)  # nothing, where it hung up on more than it wanted to read
                assert b"/docs#bad-request" in said or (not said and len(nonsense) > 1000)
        assert service.get("/detect", picture)[0] == 200, "answered while eighty slow clients wait"
        late = everything(dripping[0])
        assert late.startswith(b"HTTP/1.1 408")
        assert b"/docs#too-slow" in late
        statuses = send_all(service, picture, 24)
        assert set(statuses) <= {200, 503}
        assert 503 in statuses
        assert service.get("/detect", picture)[0] == 200
        assert everything(silent[0]) == b"", "who says nothing is left alone, then hung up on"
    descriptors = Path(f"/proc/{service.process.pid}/fd")
    end = time.monotonic() + 30
    while len(list(descriptors.iterdir())) > 40:
        assert time.monotonic() < end, "connections of clients that are gone stay open"
        time.sleep(0.1)
    assert service.stop() == 0


def everything(client: socket.socket) -> bytes:
    """Return what comes until the other side hangs up."""
    client.settimeout(60)
    try:
        return b"".join(iter(lambda: client.recv(65536), b""))
    except ConnectionResetError:  # it was not interested in the rest
        return b""


def script(*options: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(Path(__file__).resolve().parents[3] / "7_serve.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=120)


def test_it_does_not_start_without_a_model(tmp_path):
    ended = script("--root", str(tmp_path), "--dataset", "none", "--port", "0")
    assert ended.returncode == 1
    assert re.search(r"error: .*detector_svm\.json: not there yet. Run the steps", ended.stderr)
    assert "Traceback" not in ended.stderr


def test_an_address_that_is_taken(finished):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = script("--root", str(finished.root), "--dataset", "tiny", "--port", port)
    assert ended.returncode == 1
    assert f"--port {port}: cannot listen there" in ended.stderr


def test_settings_of_training_cannot_be_changed(finished):
    ended = script("--root", str(finished.root), "--dataset", "tiny", "--set", "cntk_nrRois=10")
    assert ended.returncode == 1
    assert "--set cntk_nrRois: the detector is used as it was trained" in ended.stderr


def test_a_missing_package_is_named(tmp_path):
    (tmp_path / "fastapi.py").write_text("raise ModuleNotFoundError(\"No module named 'fastapi'\", name='fastapi')")
    ended = script("--help", PYTHONPATH=str(tmp_path))
    assert ended.returncode == 1
    assert "the service needs the package fastapi" in ended.stderr
    assert "pip install" in ended.stderr
