"""Loads the service on this machine with wrk (Debian: apt-get install wrk) and prints what it bore.

    .venv/bin/python benchmarks/load_service.py [--root DIR] [--dataset NAME] [--seconds 60] [--clients 1 4 16]
                                                [--overload 64 256] [--requests 10000] [--options="--workers 2"]

The detector must be trained (steps 1 to 4). First the service and `Detector.detect` in a loop, in turns; then for each
number of clients throughput, percentiles and errors; memory; more clients than the queue takes, and how soon all is
well again. The picture is the first one of testImages.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.timing import markdown_table  # noqa: E402
from helpers.images import find_images  # noqa: E402

LOOP = """
import sys, time
from fastRCNN.detector import Detector
from helpers.images import read_image
detector, image = Detector.load(sys.argv[1]), read_image(sys.argv[2])
for line in sys.stdin:
    start = time.perf_counter()
    for _ in range(int(line)):
        detector.detect(image)
    print(time.perf_counter() - start, flush=True)
"""
LUA = """
wrk.method = "POST"
local file = io.open("{picture}", "rb")
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/octet-stream"
function done(summary, latency, requests)
  io.write(string.format('RESULT {{"requests": %d, "seconds": %f, "errors": %d, "p50": %f, "p95": %f, "p99": %f}}\\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write
    + summary.errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
"""


class Service:
    """The service as a process."""

    def __init__(self, root: Path, dataset: str, options: list[str]) -> None:
        command = [sys.executable, str(REPOSITORY / "7_serve.py"), "--root", str(root), "--dataset", dataset,
                   "--port", "0", "--quiet", *options]  # fmt: skip
        start = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        line = self.process.stdout.readline()
        self.seconds_to_listen = time.perf_counter() - start
        self.port = int(re.findall(r":(\d+)/", line)[0])
        self.url = f"http://127.0.0.1:{self.port}"
        while self.status("/ready") != 200:
            time.sleep(0.02)
        self.seconds_to_ready = time.perf_counter() - start

    def status(self, path: str, data: bytes | None = None) -> int:
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/octet-stream"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                answer.read()
                return int(answer.status)
        except urllib.error.HTTPError as fault:
            with fault:
                return fault.code

    def processes(self) -> list[int]:
        """The service and its workers."""
        number = self.process.pid
        return [number, *map(int, Path(f"/proc/{number}/task/{number}/children").read_text().split())]

    def megabytes(self) -> list[float]:
        """Resident memory of each of `processes()`."""
        texts = [Path(f"/proc/{number}/status").read_text() for number in self.processes()]
        return [int(found[1]) / 1024 for text in texts if (found := re.search(r"VmRSS:\s+(\d+)", text))]

    def descriptors(self) -> list[int]:
        """Open files of each of `processes()`."""
        return [len(list(Path(f"/proc/{number}/fd").iterdir())) for number in self.processes()]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def wrk(service: Service, picture: Path, clients: int, seconds: float) -> dict[str, float]:
    """Return what wrk counted."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(LUA.format(picture=picture))
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds:g}s", "--timeout", "60s", "-s", str(script)]
        said = subprocess.run([*command, service.url + "/detect"], capture_output=True, text=True, check=True).stdout
    result: dict[str, float] = json.loads(said.split("RESULT ")[1])
    return result


class Loop:
    """`Detector.detect` in a loop, in a process of its own."""

    def __init__(self, proc: Path, picture: Path) -> None:
        command = [sys.executable, "-c", LOOP, str(proc), str(picture)]
        environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}  # as the service's workers have it
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self, number: int) -> float:
        """Return the seconds that `number` detections take."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{number}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


async def seconds_of(port: int, picture: bytes, number: int, clients: int = 2) -> float:
    """Return the seconds until the service has answered `number` requests of `clients` clients."""
    left = number
    start = time.perf_counter()

    async def client() -> None:
        nonlocal left
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while left > 0:
            left -= 1
            status = await asked(reader, writer, picture)
            if status != 200:
                raise RuntimeError(f"status {status}")
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return time.perf_counter() - start


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, picture: bytes) -> int:
    """Send a picture and return the status of the answer."""
    head = b"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(picture)
    writer.write(head + picture)
    await writer.drain()
    answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = re.search(r"content-length: (\d+)", answer)
    await reader.readexactly(int(length[1]) if length else 0)
    return int(answer.split()[1])


async def overload(port: int, picture: bytes, clients: int, seconds: float) -> dict[int, list[float]]:
    """Ask from `clients` connections without a pause; return the milliseconds of each answer by status, 0: none."""
    times: dict[int, list[float]] = {}
    end = time.perf_counter() + seconds

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < end:
            start = time.perf_counter()
            status = await asked(reader, writer, picture)
            times.setdefault(status, []).append(1000 * (time.perf_counter() - start))
        writer.close()

    for outcome in await asyncio.gather(*(client() for _ in range(clients)), return_exceptions=True):
        if outcome is not None:
            times.setdefault(0, []).append(0.0)
    return times


def compare(service: Service, proc: Path, picture: Path, rounds: int) -> None:
    """Print how many pictures a second a loop and the service do; in turns, so that a busy minute hits both."""
    if not rounds:
        return
    loop, data, times = Loop(proc, picture), picture.read_bytes(), []
    loop.seconds(5)
    for _ in range(rounds):
        times.append((loop.seconds(20), asyncio.run(seconds_of(service.port, data, 20))))
    loop.stop()
    alone, served = 20 / np.median(times, axis=0)
    ratio = np.median([first / second for first, second in times])
    print(
        f"In turns, {rounds} x 20 pictures, medians: Detector.detect in a loop {alone:.2f} a second, the service "
        f"{served:.2f} (two clients, one worker); ratio {ratio:.2f}.\n"
    )


def disturbed(service: Service, picture: Path, seconds: float) -> None:
    """Print what four clients notice of a worker that is killed and of a model that is loaded anew: nothing."""
    worker = service.processes()[1]
    threading.Timer(seconds / 4, os.kill, (worker, signal.SIGKILL)).start()
    threading.Timer(seconds / 2, service.process.send_signal, (signal.SIGHUP,)).start()
    found = wrk(service, picture, 4, seconds)
    text, end = "", time.monotonic() + 60
    while "fastrcnn_reloads_total{" not in text and time.monotonic() < end:
        with urllib.request.urlopen(service.url + "/metrics") as answer:
            text = answer.read().decode()
        time.sleep(0.2)
    numbers = re.findall(r"^(fastrcnn_(?:worker_restarts|reloads)_total\S* \S+)", text, re.MULTILINE)
    print(
        f"Four clients for {seconds:g} s, a worker killed after {seconds / 4:g} s, SIGHUP after {seconds / 2:g} s: "
        f"{found['requests']} answers, {found['errors']} errors, slowest 1 % from {found['p99']:.0f} ms; "
        f"{', '.join(numbers)}.\n"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=REPOSITORY)
    parser.add_argument("--dataset", default="grocery")
    parser.add_argument("--rounds", type=int, default=10, help="of the comparison with Detector.detect in a loop")
    parser.add_argument("--seconds", type=float, default=60, help="for each number of clients")
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 4, 16])
    parser.add_argument("--overload", type=int, nargs="*", default=[64, 256])
    parser.add_argument("--overload-seconds", type=float, default=20)
    parser.add_argument("--disturb", type=float, default=30, metavar="SECONDS", help="of load with faults; 0: none")
    parser.add_argument("--requests", type=int, default=0, help="so many at least, for the memory")
    parser.add_argument("--options", default="", help="further options of the service, in one text")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("error: wrk is not installed (Debian, Ubuntu: apt-get install wrk)")
    root = options.root.resolve()
    picture = find_images(root / "data" / options.dataset / "testImages")[0]
    service = Service(root, options.dataset, options.options.split())
    print(f"{picture.name}, {picture.stat().st_size / 1024:.0f} KiB; {os.cpu_count()} cores\n")
    print(f"Listens after {service.seconds_to_listen:.2f} s, ready after {service.seconds_to_ready:.2f} s.\n")
    data = picture.read_bytes()
    for _ in range(20):
        service.status("/detect", data)
    memory, files, total = [service.megabytes()], service.descriptors(), 20
    compare(service, root / "proc" / options.dataset, picture, options.rounds)
    rows = []
    for clients in options.clients:
        found = wrk(service, picture, clients, options.seconds)
        rate = found["requests"] / found["seconds"]
        rows.append([f"{clients} clients", f"{rate:.2f}", f"{found['p50']:.0f}",
                     f"{found['p95']:.0f}", f"{found['p99']:.0f}", f"{found['errors']:.0f}"])  # fmt: skip
        memory.append(service.megabytes())
        total += int(found["requests"])
    print(markdown_table(["", "pictures/s", "p50, ms", "p95, ms", "p99, ms", "errors"], rows) + "\n")
    while total < options.requests:
        total += int(wrk(service, picture, 8, 30)["requests"])
        memory.append(service.megabytes())
    texts = [" + ".join(f"{value:.0f}" for value in values) for values in memory]
    print(f"Memory, service + workers, MiB, over {total} requests: {', '.join(texts)}.")
    print(f"Open files before {files}, after {service.descriptors()}.\n")
    if options.disturb:
        disturbed(service, picture, options.disturb)
    rows = []
    for clients in options.overload:
        times = asyncio.run(overload(service.port, data, clients, options.overload_seconds))
        start = time.perf_counter()
        status = service.status("/detect", data)
        recovered = time.perf_counter() - start
        good = np.array(times.get(200, [0.0]))
        refused = len(times.get(503, []))
        others = {status: len(values) for status, values in times.items() if status not in (200, 503)}
        middle, most = np.percentile(good, [50, 99])
        rate = f"{len(good) / options.overload_seconds:.2f}"
        then = f"{status} after {recovered:.2f} s"
        rows.append([clients, rate, refused, others or "none", f"{middle:.0f}", f"{most:.0f}", then])
    if rows:
        heads = ["clients", "answered/s", "refused (503)", "anything else", "p50 of answered, ms", "p99, ms", "then"]
        print(markdown_table(heads, rows) + "\n")
        print(f"Memory {' + '.join(f'{each:.0f}' for each in service.megabytes())} MiB, files {service.descriptors()}.")
    print(f"Exit status after SIGTERM: {service.stop()}.")


if __name__ == "__main__":
    main()
