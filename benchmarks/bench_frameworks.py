"""FastAPI on uvicorn beside Flask behind waitress: what the choice for the service rests on.

    python benchmarks/bench_frameworks.py        (pip install flask waitress first; wrk from Debian)

The same small service twice: a body of 100 KiB comes, half a millisecond is waited, a little JSON goes out. Start-up,
memory, packages; requests a second with 4 and 64 clients, alone and while 100 other clients send a body byte by byte.
"""

import contextlib
import importlib.util
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.timing import markdown_table  # noqa: E402

FASTAPI = """
import asyncio, sys, uvicorn
from fastapi import FastAPI, Request
app = FastAPI()
@app.post("/detect")
async def detect(request: Request):
    body = await request.body()
    await asyncio.sleep(0.0005)
    return {"bytes": len(body)}
@app.get("/ready")
async def ready():
    return {}
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", http="h11")
"""
FLASK = """
import sys, time, waitress
from flask import Flask, request
app = Flask("bench")
@app.post("/detect")
def detect():
    body = request.get_data()
    time.sleep(0.0005)
    return {"bytes": len(body)}
@app.get("/ready")
def ready():
    return {}
waitress.serve(app, port=int(sys.argv[1]), threads=8, connection_limit=1000)
"""
LUA = """
wrk.method = "POST"
wrk.body = string.rep("x", 100 * 1024)
function done(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT {\\"rate\\": %f, \\"p99\\": %f, \\"errors\\": %d}\\n",
    summary.requests / summary.duration * 1e6, latency:percentile(99) / 1e3,
    e.status + e.connect + e.read + e.write + e.timeout))
end
"""


def packages(*names: str) -> set[str]:
    """Return `names` and all that they need."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = re.split(r"[^\w.-]", left.pop())[0].lower()
        if name in found:
            continue
        try:
            needed = requires(name) or []
        except PackageNotFoundError:  # needed on other systems only
            continue
        found.add(name)
        left += [each for each in needed if "extra ==" not in each]
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def slow_clients(port: int, number: int) -> Iterator[None]:
    """Send a body byte by byte from so many clients."""
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(number)]
    for client in clients:
        client.sendall(b"POST /detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
    over = threading.Event()

    def drip() -> None:
        while not over.wait(0.5):
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    yield
    over.set()
    thread.join()
    for client in clients:
        client.close()


def load(port: int, clients: int, script: Path) -> dict[str, float]:
    command = ["wrk", "-t1", f"-c{clients}", "-d4s", "-s", str(script), f"http://127.0.0.1:{port}/detect"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result: dict[str, float] = json.loads(said.split("RESULT ")[1])
    return result


def measure(program: str, script: Path) -> list[str]:
    """Return the cells of a program's row."""
    port = free_port()
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", program, str(port)], stderr=subprocess.DEVNULL)
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            break
        time.sleep(0.005)
    ready = time.perf_counter() - start
    cells = [f"{ready:.2f}"]
    for clients, slow in ((4, 0), (64, 0), (64, 100)):
        with slow_clients(port, slow):
            found = load(port, clients, script)
        cells.append(f"{found['rate']:.0f} (p99 {found['p99']:.0f} ms, {found['errors']:.0f} errors)")
    memory = re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[0]
    process.terminate()
    process.wait()
    return [cells[0], f"{int(memory) / 1024:.0f}", *cells[1:]]


def main() -> None:
    """Print the table."""
    missing = [name for name in ("flask", "waitress", "fastapi", "uvicorn") if not importlib.util.find_spec(name)]
    if missing or not shutil.which("wrk"):
        sys.exit(f"error: missing: {', '.join(missing) or 'wrk'} (pip install flask waitress; apt-get install wrk)")
    contenders = {
        "FastAPI, uvicorn": (FASTAPI, ("fastapi", "uvicorn", "python-multipart")),
        "Flask, waitress": (FLASK, ("flask", "waitress")),
    }
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(LUA)
        rows = [
            [name, len(packages(*needed)), *measure(program, script)] for name, (program, needed) in contenders.items()
        ]
    heads = ["", "packages", "listens after, s", "peak MiB", "4 clients, requests/s", "64 clients",
             "64, and 100 slow ones"]  # fmt: skip
    print(markdown_table(heads, rows))


if __name__ == "__main__":
    main()
