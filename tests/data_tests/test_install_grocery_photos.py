"""Installing the photos, against servers on this machine that behave well and badly."""

import io
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import install_grocery_photos as program
import numpy as np
import pytest

PROGRAM = Path(program.__file__)


def _jpeg(width=40, height=50):
    return cv2.imencode(".jpg", np.full((height, width, 3), 90, np.uint8))[1].tobytes()


def _archive(changes=None, folder="ObjectDetectionUsingCntk-master/data/grocery"):
    """Bytes of a zip like GitHub's, with small pictures. changes: name -> other content, or None to leave it out."""
    files = {f"{folder}/../../readme.md": b"text"}
    for name, count in program.EXPECTED.items():
        for i in range(count):
            files[f"{folder}/{name}/{i}.jpg"] = _jpeg()
            if name != "negative":
                files[f"{folder}/{name}/{i}.bboxes.tsv"] = b"1\t2\t30\t40\n0\t0\t5\t6\n"
                files[f"{folder}/{name}/{i}.bboxes.labels.tsv"] = b"orange\r\nwater"
    files.update({f"{folder}/{name}": content for name, content in (changes or {}).items()})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for name, content in files.items():
            if content is not None:
                zipped.writestr(name, content)
    return packed.getvalue()


class _Server(ThreadingHTTPServer):
    """Serves `content`. breaks_at: the first answer stops there; ranges: whether it can continue."""

    daemon_threads = True

    def __init__(self, content, breaks_at=None, ranges=True, status=200):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.content, self.breaks_at, self.ranges, self.status, self.asked = content, breaks_at, ranges, status, []

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}/master.zip"
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        if server.status != 200:
            self.send_error(server.status)
            return
        start = int(wanted.split("=")[1].rstrip("-")) if wanted and server.ranges else 0
        if start >= len(server.content):
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        stop, server.breaks_at = server.breaks_at, None
        self.wfile.write(body if stop is None else body[:stop])

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def target(tmp_path):
    return tmp_path / "data" / "groceryPhotos"


def _leftovers(target):
    return sorted(p.name for p in target.parent.iterdir() if p != target)


def test_install_then_again(target):
    with _Server(_archive()) as server:
        assert "30 pictures" in program.install(server.url, target)
        assert "already" in program.install(server.url, target)
    assert len(server.asked) == 1
    assert sorted(p.name for p in target.iterdir()) == sorted(program.EXPECTED)
    assert (target / "positive/19.jpg").read_bytes() == _jpeg()
    assert program.faults_of(target) == [] and _leftovers(target) == []


def test_install_from_a_file(target, tmp_path):
    archive = tmp_path / "my copy.zip"
    archive.write_bytes(_archive())
    program.install(archive.as_uri(), target)
    assert program.faults_of(target) == [] and archive.exists()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_continues(target, ranges):
    content = _archive()
    with _Server(content, breaks_at=7000, ranges=ranges) as server:
        with pytest.raises(program.InstallError, match=r"broke off|can not fetch"):
            program.install(server.url, target)
        assert not target.exists() and _leftovers(target) == ["groceryPhotos.zip.part"]
        program.install(server.url, target)
    assert server.asked == [None, "bytes=7000-"]
    assert program.faults_of(target) == [] and _leftovers(target) == []


def test_a_complete_download_that_was_not_unpacked_is_used(target):
    target.parent.mkdir(parents=True)
    (target.parent / "groceryPhotos.zip.part").write_bytes(_archive())
    with _Server(_archive()) as server:
        program.install(server.url, target)
    assert program.faults_of(target) == []


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"<html>not found</html>", "not a zip"),
        (_archive()[:-3000], "damaged"),
        (_archive(folder="other-master/data/fruit"), "no data/grocery"),
        (_archive({"positive/3.jpg": None}), "positive/ has 19 pictures, expected 20"),
        (_archive({"positive/3.jpg": _jpeg()[:-40]}), "positive/3.jpg is not a complete JPEG"),
        (_archive({"negative/3.jpg": b"version https://git-lfs"}), "negative/3.jpg is not a complete JPEG"),
        (
            _archive({"testImages/2.bboxes.tsv": b"1\t2\t40\t9\n0\t0\t5\t6\n"}),
            r"2.bboxes.tsv:1: \[1, 2, 40, 9\] is no box",
        ),
        (_archive({"testImages/2.bboxes.tsv": b"1\t2\t30\t9\n"}), "1 boxes but 2 labels"),
        (_archive({"testImages/2.bboxes.tsv": b"1\t2\tx\t9\n0\t0\t5\t6\n"}), "2.bboxes.tsv: invalid"),
        (_archive({"testImages/2.bboxes.tsv": None}), "annotation is missing"),
        (_archive({"testImages/2.bboxes.labels.tsv": b"orange\nwatter"}), "unknown label watter"),
    ],
)
def test_a_wrong_archive_leaves_nothing(target, content, complaint):
    with _Server(content) as server, pytest.raises(program.InstallError, match=complaint):
        program.install(server.url, target)
    assert _leftovers(target) == [] and not target.exists()


def test_names_in_the_archive_can_not_leave_the_folder(target, tmp_path):
    changes = {"positive/../../../../../evil.jpg": _jpeg(), "positive/..\\evil.jpg": _jpeg()}
    with _Server(_archive(changes)) as server:
        program.install(server.url, target)
    assert not list(tmp_path.rglob("*evil*"))


def test_a_damaged_folder_is_not_touched(target):
    (target / "positive").mkdir(parents=True)
    (target / "positive/0.jpg").write_bytes(b"mine")
    with pytest.raises(program.InstallError, match="Rename or remove"):
        program.install("http://127.0.0.1:9/", target)
    assert (target / "positive/0.jpg").read_bytes() == b"mine"


def test_server_says_no(target):
    with _Server(b"", status=404) as server, pytest.raises(program.InstallError, match="answered 404"):
        program.install(server.url, target)


def test_no_connection_is_one_line_and_exit_1(tmp_path):
    command = [sys.executable, str(PROGRAM), "--root", str(tmp_path), "--url"]
    for url, complaint in (
        ("http://127.0.0.1:9/a.zip", "without internet"),
        ("file:///nowhere.zip", "can not"),
        ("x", "x"),
    ):
        done = subprocess.run([*command, url], capture_output=True, text=True, timeout=60)
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert done.returncode == 1 and len(errors) == 1 and complaint in errors[0]
        assert "Traceback" not in done.stderr


def test_help_explains():
    done = subprocess.run([sys.executable, str(PROGRAM), "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "file:///" in done.stdout and "MIT" in done.stdout


def test_jpeg_size_reads_progressive_and_refuses_others():
    ok, progressive = cv2.imencode(".jpg", np.zeros((30, 70, 3), np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])
    assert ok and program.jpeg_size(progressive.tobytes()) == (70, 30)
    assert program.jpeg_size(b"") is None
    assert program.jpeg_size(b"\xff\xd8\xff\xd9") is None
    assert program.jpeg_size(cv2.imencode(".png", np.zeros((3, 3, 3), np.uint8))[1].tobytes()) is None
