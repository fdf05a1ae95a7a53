"""One worker process, seen from the service: started, given pictures, heard, ended."""

import asyncio
import contextlib
import itertools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from webapp.serve.frames import frame, receive_frame
from webapp.serve.model_choice import ModelChoice

PACKAGE = __name__.rpartition(".")[0]  # "webapp.serve", or where that was installed
FOLDER = Path(__file__).resolve().parents[len(PACKAGE.split("."))]  # where Python finds it
KEY_VARIABLE = "FASTRCNN_API_KEY"
_PROGRAM = f"import sys; sys.path.insert(0, sys.argv[1]); from {PACKAGE}.worker import main; main()"
_numbers = itertools.count(1)


class ModelFault(Exception):
    """The model cannot be loaded, or does not work; the text is the worker's."""


@dataclass(eq=False)
class Job:
    """A picture to detect in: what is wanted, its bytes, and where the answer goes (header and body)."""

    header: dict[str, Any]
    body: bytes
    future: "asyncio.Future[tuple[dict[str, Any], bytes]]"
    deadline: float  # on the loop's clock: after it nobody waits for the answer any more
    queued: float = 0.0
    begun: float = 0.0
    deaths: int = 0  # of workers, while they had it
    id: int = field(default_factory=lambda: next(_numbers))


class WorkerProcess:
    """A process that runs `webapp.serve.worker`. `jobs` are those it has in hand, oldest first."""

    def __init__(self, process: asyncio.subprocess.Process, about: dict[str, Any]) -> None:
        self.process, self.about = process, about
        self.jobs: dict[int, Job] = {}
        self.batch: int = about.get("batch", 1)  # pictures that it computes at a time
        self.window = 2 * self.batch  # pictures that it has in hand: the next ones are decoded meanwhile
        self.retiring = False
        self.dead = False

    @classmethod
    async def start(
        cls, choice: ModelChoice, *, max_pixels: int, patience: float, program: str = _PROGRAM
    ) -> "WorkerProcess":
        """Return a worker that has loaded the model and tried it; `ModelFault` when it cannot.

        patience: seconds until a worker that says nothing is given up. program: the Python code that it runs.
        """
        environment = {name: value for name, value in os.environ.items() if name != KEY_VARIABLE}
        environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait must not keep a core from the service
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", program, str(FOLDER),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment, limit=1 << 20,
            )  # fmt: skip
        except OSError as fault:  # no memory, no more processes or open files allowed
            raise ModelFault(f"no worker can be started: {fault.strerror or fault}") from None
        assert process.stdin and process.stdout
        try:
            process.stdin.write(frame({"model": choice.message(), "max_pixels": max_pixels}))
            await process.stdin.drain()
            answer = await asyncio.wait_for(receive_frame(process.stdout), patience)
        except (ConnectionError, asyncio.TimeoutError, ValueError):
            answer = None
        except asyncio.CancelledError:
            _kill(process)
            raise
        if answer is None or "ready" not in answer[0]:
            with contextlib.suppress(asyncio.TimeoutError):  # it ends by itself; killing the dead confuses asyncio
                await asyncio.wait_for(process.wait(), 5 if answer else 0.1)
            _kill(process)
            await process.wait()
            said = answer[0].get("failed") if answer else None
            raise ModelFault(said or "the worker ended while it loaded the model; its messages are in the log")
        return cls(process, answer[0]["ready"])

    def send(self, job: Job) -> None:
        """Hand `job` over. The pipe takes it as the worker reads; a dead worker is noticed by `listen`."""
        assert self.process.stdin
        self.jobs[job.id] = job
        self.process.stdin.write(frame({**job.header, "id": job.id}, job.body))

    async def listen(self, on_answer: Callable[[Job, dict[str, Any], bytes], None]) -> None:
        """Hand every answer on until the process ends, however it does."""
        assert self.process.stdout
        try:
            while (message := await receive_frame(self.process.stdout)) is not None:
                job = self.jobs.pop(message[0]["id"], None)
                if job is not None:
                    on_answer(job, *message)
        except (ValueError, KeyError):
            pass  # what it says makes no sense: as good as dead
        finally:
            self.dead = True
            if self.process.returncode is None and not self.retiring:
                _kill(self.process)
        await self.process.wait()

    def retire(self) -> None:
        """Take no more; end when what is in hand is answered."""
        self.retiring = True
        if self.process.stdin and not self.process.stdin.is_closing():
            self.process.stdin.close()

    def kill(self) -> None:
        """End it now."""
        _kill(self.process)


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        try:
            process.kill()
        except ProcessLookupError:
            return
