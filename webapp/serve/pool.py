"""The workers and the queue before them.

* The queue is bounded: what does not fit is refused at once, so that whoever is accepted is answered in time.
* A worker that dies is replaced, and what it had in hand is given to the next; a picture that ended two of them is
  given up.
* A worker that takes too long over a picture is ended.
* The model is swapped without a gap: the new workers are loaded and tried before the old ones retire, and those answer
  what they have.
"""

import asyncio
import functools
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from webapp.problems import Problem
from webapp.serve.metrics import Metrics
from webapp.serve.model_choice import ModelChoice
from webapp.serve.worker_process import Job, ModelFault, WorkerProcess

log = logging.getLogger("webapp.serve")

_DEATHS = 2  # workers that a picture may end
_PAUSES = (0.0, 0.5, 2.0, 5.0, 15.0)  # seconds before a worker is started again, by how often that failed


@dataclass(frozen=True)
class PoolLimits:
    """How much is taken on: workers, waiting pictures, pixels; and seconds for a picture and for loading a model."""

    workers: int = 1
    queue: int = 16
    max_pixels: int = 50_000_000
    seconds_per_picture: float = 60.0
    seconds_to_load: float = 300.0


class WorkerPool:
    """Gives pictures to workers. All methods belong to the event loop's thread."""

    def __init__(
        self,
        choice: ModelChoice,
        limits: PoolLimits,
        metrics: Metrics,
        *,
        start: Callable[[], Awaitable[WorkerProcess]] | None = None,
    ) -> None:
        """Make a pool that serves `choice`; `start` gives a worker (for tests)."""
        self.choice, self.limits, self.metrics = choice, limits, metrics
        self._start = start or self._start_process
        self.workers: list[WorkerProcess] = []
        self.waiting: deque[Job] = deque()
        self.about: dict[str, Any] | None = None
        self.fault = ""  # why there is no model, when there is none
        self.closing = False
        self.on_first_fault: Callable[[str], None] | None = None  # called when not even the first start succeeds
        self._tasks: set[asyncio.Task[None]] = set()
        self._starts = 0  # of workers that got ready
        self._failures = 0
        self._seconds = 0.5  # that a picture takes, running mean: for Retry-After
        self._swap = asyncio.Lock()

    # ---- life

    def open(self) -> None:
        """Start the workers; returns at once, `ready` says when the first one is."""
        for _ in range(self.limits.workers):
            self._task(self._replace())
        self._task(self._watch())

    async def close(self) -> None:
        """Refuse what comes, let the workers answer what they have, end them."""
        self.closing = True
        while self.waiting:
            self._fail(self.waiting.popleft(), Problem("stopping", "The service is being stopped."))
        for worker in self.workers:
            worker.retire()
        ends = [worker.process.wait() for worker in self.workers]
        try:
            await asyncio.wait_for(asyncio.gather(*ends), 10)
        except asyncio.TimeoutError:
            for worker in self.workers:
                worker.kill()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def ready(self) -> bool:
        """Whether a worker can answer now."""
        return any(not worker.dead and not worker.retiring for worker in self.workers) and not self.closing

    # ---- work

    def submit(self, header: dict[str, Any], body: bytes) -> Job:
        """Queue a picture; its `future` gives the worker's header and body, or raises `Problem`.

        Raises `Problem` when the queue is full or no model is loaded.
        """
        return self.submit_all([(header, body)])[0]

    def submit_all(self, requests: list[tuple[dict[str, Any], bytes]]) -> list[Job]:
        """Queue several pictures, all or none."""
        if self.closing:
            raise Problem("stopping", "The service is being stopped.", {"Retry-After": "5"})
        if self.about is None:
            detail = f"No model yet: {self.fault}" if self.fault else "The model is being loaded."
            raise Problem("loading", detail, {"Retry-After": "2"})
        room = sum(worker.window - len(worker.jobs) for worker in self._able())
        if len(self.waiting) + len(requests) > self.limits.queue + max(0, room):
            self.metrics.refused.inc()
            seconds = str(max(1, round(self._seconds * len(self.waiting) / max(1, len(self.workers)))))
            raise Problem("busy", f"{len(self.waiting)} pictures are waiting already.", {"Retry-After": seconds})
        loop = asyncio.get_running_loop()
        now = loop.time()
        patience = self.limits.seconds_per_picture + self._seconds * self.limits.queue
        jobs = [Job(header, body, loop.create_future(), now + patience, now) for header, body in requests]
        self.waiting.extend(jobs)
        self._dispatch()
        return jobs

    def forget(self, jobs: list[Job]) -> None:
        """Drop pictures that nobody waits for any more: their places in the queue are free at once."""
        for job in jobs:
            if not job.future.done():
                job.future.cancel()
            if job in self.waiting:
                self.waiting.remove(job)
        self.metrics.waiting.set(len(self.waiting))

    async def reload(self) -> dict[str, Any]:
        """Load the model anew in new workers, try it, and let them take over; return what is told of it.

        Raises `ModelFault` when it cannot be used: then nothing has changed. One reload at a time.
        """
        async with self._swap:
            try:
                fresh = await self._start_all()
            except ModelFault:
                self.metrics.reloads.labels("failed").inc()
                raise
            old, self.workers = self.workers, []
            for worker in fresh:
                self._join(worker)
            for worker in old:
                worker.retire()
            self.metrics.reloads.labels("done").inc()
            log.info("the model was loaded anew: version %s", fresh[0].about["version"])
            self._dispatch()
            return fresh[0].about

    # ---- inside

    def _able(self) -> list[WorkerProcess]:
        return [w for w in self.workers if not w.dead and not w.retiring and len(w.jobs) < w.window]

    def _dispatch(self) -> None:
        now = asyncio.get_running_loop().time()
        while self.waiting and (able := self._able()):
            job = self.waiting.popleft()
            if job.future.done():  # the client is gone
                continue
            if now > job.deadline:
                self._fail(job, Problem("took-too-long", "The picture waited too long.", {"Retry-After": "5"}))
                continue
            worker = min(able, key=lambda each: len(each.jobs))
            job.begun = now
            worker.send(job)
        self.metrics.waiting.set(len(self.waiting))

    def _answered(self, worker: WorkerProcess, job: Job, header: dict[str, Any], body: bytes) -> None:
        seconds = header.get("seconds", {})
        self._seconds += 0.1 * (sum(seconds.values()) - self._seconds)
        for stage, value in seconds.items():
            self.metrics.stages.labels(stage).observe(value)
        if not job.future.done():
            if "problem" in header:
                job.future.set_exception(Problem(header["problem"], header["detail"]))
            else:
                header["waited"] = job.begun - job.queued
                job.future.set_result((header, body))
        for next_job in list(worker.jobs.values())[:1]:  # the worker takes its next picture up now
            next_job.begun = asyncio.get_running_loop().time()
        self._dispatch()

    def _join(self, worker: WorkerProcess) -> None:
        self.workers.append(worker)
        self._starts += 1
        self.about, self.fault, self._failures = worker.about, "", 0
        self.metrics.workers.set(len(self.workers))
        self._task(self._serve(worker))

    async def _serve(self, worker: WorkerProcess) -> None:
        """Hear `worker` until it ends; unless it was to, give its pictures to others and start the next."""
        await worker.listen(functools.partial(self._answered, worker))
        if worker in self.workers:
            self.workers.remove(worker)
        self.metrics.workers.set(len(self.workers))
        left = list(worker.jobs.values())
        if not worker.retiring:
            self.metrics.restarts.inc()
            log.error("a worker ended (status %s) and is started again", worker.process.returncode)
        suspects = [] if worker.retiring else left[:1] if left and left[0].deaths else left[: worker.batch]
        for job in suspects:  # the oldest ones are those it was at; who was at a death before is computed alone
            job.deaths += 1
            job.header["alone"] = True
            if job.deaths >= _DEATHS:
                self._fail(job, Problem("picture-fatal", f"The picture ended {job.deaths} workers."))
        self.waiting.extendleft(job for job in reversed(left) if not job.future.done())
        if not worker.retiring and not self.closing:
            self._task(self._replace())
        self._dispatch()

    async def _start_process(self) -> WorkerProcess:
        limits = self.limits
        return await WorkerProcess.start(self.choice, max_pixels=limits.max_pixels, patience=limits.seconds_to_load)

    async def _start_all(self) -> list[WorkerProcess]:
        """Return as many new workers as there should be; all or none."""
        first = await self._start()  # alone: if it fails, one is enough to know
        rest = await asyncio.gather(*(self._start() for _ in range(self.limits.workers - 1)), return_exceptions=True)
        workers = [first, *(each for each in rest if isinstance(each, WorkerProcess))]
        faults = [each for each in rest if isinstance(each, BaseException)]
        if faults:
            for worker in workers:
                worker.kill()
            raise ModelFault(str(faults[0]))
        return workers

    async def _replace(self) -> None:
        """Start one worker, trying again and again; pauses grow."""
        while not self.closing:
            await asyncio.sleep(_PAUSES[min(self._failures, len(_PAUSES) - 1)])
            if len(self.workers) >= self.limits.workers:  # a reload came first
                return
            try:
                worker = await self._start()
            except ModelFault as fault:
                self._failures += 1
                self.fault = str(fault)
                if not self.workers:
                    self.about = None
                if self.on_first_fault and self._starts == 0:
                    self.on_first_fault(str(fault))
                log.error("the model cannot be loaded: %s", fault)
                continue
            if len(self.workers) >= self.limits.workers or self.closing:
                worker.retire()
                return
            self._join(worker)
            self._dispatch()
            return

    async def _watch(self) -> None:
        """End workers that take too long, and forget pictures that waited too long."""
        loop = asyncio.get_running_loop()
        while not self.closing:
            await asyncio.sleep(0.5)
            now = loop.time()
            for worker in self.workers:
                job = next(iter(worker.jobs.values()), None)
                if job and now - job.begun > self.limits.seconds_per_picture:
                    log.error("a picture took longer than %g s: its worker is ended", self.limits.seconds_per_picture)
                    del worker.jobs[job.id]
                    self._fail(job, Problem("took-too-long", "The picture took too long."))
                    worker.kill()
            for job in [job for job in self.waiting if now > job.deadline or job.future.done()]:
                self.waiting.remove(job)
                self._fail(job, Problem("took-too-long", "The picture waited too long.", {"Retry-After": "5"}))

    def _fail(self, job: Job, problem: Problem) -> None:
        if not job.future.done():
            job.future.set_exception(problem)

    def _task(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
