"""Queue and workers, with workers that do as the pictures say: no network is loaded."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from webapp.problems import Problem
from webapp.serve.metrics import Metrics
from webapp.serve.model_choice import ModelChoice
from webapp.serve.pool import PoolLimits, WorkerPool
from webapp.serve.worker_process import FOLDER, ModelFault, WorkerProcess

# Answers a picture with its bytes; b"crash" ends it, b"sleep S" takes its time, b"bad" is a problem.
PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from webapp.serve.frames import frame, read_frame
signal.signal(signal.SIGTERM, signal.SIG_IGN)
source, target = sys.stdin.buffer, sys.stdout.buffer
first = read_frame(source)[0]
note = first["model"]["dataset"]
text = open(note).read() if os.path.exists(note) else "ready"
if text == "broken":
    target.write(frame({"failed": "the files are damaged"})); target.flush(); sys.exit()
if text == "dies":
    sys.exit(3)
target.write(frame({"ready": {"version": text, "classes": []}})); target.flush()
while (message := read_frame(source)) is not None:
    header, body = message
    if body == b"crash":
        os._exit(9)
    if body.startswith(b"sleep"):
        time.sleep(float(body.split()[1]))
    answer = {"id": header["id"], "media": "text/plain", "seconds": {"network": 0.01}}
    if body == b"bad":
        answer |= {"problem": "not-a-picture", "detail": "bad"}
    if body == b"nonsense":
        target.write(b"\\xff" * 100)
    else:
        target.write(frame(answer, text.encode() + b":" + body))
    target.flush()
"""


def run(work, tmp_path: Path, **limits) -> None:
    """Run `work(pool, note)` with an open pool; `note` is a file that says what new workers do."""

    async def main() -> None:
        note = tmp_path / "note"
        choice = ModelChoice(tmp_path, str(note))

        async def start() -> WorkerProcess:
            return await WorkerProcess.start(choice, max_pixels=1, patience=30, program=PROGRAM)

        pool = WorkerPool(choice, PoolLimits(**limits), Metrics(), start=start)
        pool.open()
        try:
            await work(pool, note)
        finally:
            await pool.close()

    asyncio.run(asyncio.wait_for(main(), 60))


async def until_ready(pool: WorkerPool, workers: int = 1) -> None:
    while len([each for each in pool.workers if not each.dead]) < workers:
        await asyncio.sleep(0.01)


async def answer(pool: WorkerPool, body: bytes) -> bytes:
    return (await pool.submit({"wanted": {}}, body).future)[1]


def test_the_repository_is_found():
    assert (FOLDER / "7_serve.py").is_file()


def test_answers_come_to_those_who_asked(tmp_path):
    async def work(pool, _):
        await until_ready(pool, 2)
        bodies = [f"picture {number}".encode() for number in range(12)]
        answers = await asyncio.gather(*(answer(pool, body) for body in bodies))
        assert answers == [b"ready:" + body for body in bodies]
        with pytest.raises(Problem, match="bad"):
            await answer(pool, b"bad")

    run(work, tmp_path, workers=2)


def test_before_a_model_is_loaded(tmp_path):
    async def work(pool, _):
        assert not pool.ready
        with pytest.raises(Problem) as refused:
            pool.submit({}, b"")
        assert refused.value.kind == "loading"
        assert "Retry-After" in refused.value.headers
        await until_ready(pool)
        assert pool.ready

    run(work, tmp_path)


def test_a_full_queue_refuses_at_once_and_recovers(tmp_path):
    async def work(pool, _):
        await until_ready(pool)
        jobs = [pool.submit({}, b"sleep 0.1") for _ in range(5)]  # two in hand, three wait
        with pytest.raises(Problem) as refused:
            pool.submit({}, b"more")
        assert refused.value.kind == "busy"
        assert int(refused.value.headers["Retry-After"]) >= 1
        with pytest.raises(Problem, match="waiting"):
            pool.submit_all([({}, b"x")] * 2)
        assert pool.metrics.refused._value.get() == 2
        await asyncio.gather(*(job.future for job in jobs))
        assert await answer(pool, b"again") == b"ready:again"

    run(work, tmp_path, queue=3)


def test_a_killed_worker_loses_no_picture(tmp_path):
    async def work(pool, _):
        await until_ready(pool)
        jobs = [pool.submit({}, f"sleep 0.2 {number}".encode()) for number in range(4)]
        await asyncio.sleep(0.1)
        os.kill(pool.workers[0].process.pid, signal.SIGKILL)
        answers = [(await job.future)[1] for job in jobs]
        assert answers == [f"ready:sleep 0.2 {number}".encode() for number in range(4)]
        assert pool.metrics.restarts._value.get() == 1
        assert jobs[0].deaths == 1

    run(work, tmp_path)


def test_a_picture_that_ends_workers_is_given_up_after_two(tmp_path):
    async def work(pool, _):
        await until_ready(pool)
        jobs = [pool.submit({}, body) for body in (b"before", b"crash", b"after")]
        assert (await jobs[0].future)[1] == b"ready:before"
        with pytest.raises(Problem) as fatal:
            await jobs[1].future
        assert fatal.value.kind == "picture-fatal"
        assert (await jobs[2].future)[1] == b"ready:after"
        assert pool.metrics.restarts._value.get() == 2

    run(work, tmp_path)


def test_a_worker_that_talks_nonsense_is_replaced(tmp_path):
    async def work(pool, _):
        await until_ready(pool)
        with pytest.raises(Problem, match="ended 2 workers"):
            await answer(pool, b"nonsense")
        assert await answer(pool, b"fine") == b"ready:fine"

    run(work, tmp_path)


def test_a_picture_that_takes_too_long_is_ended(tmp_path):
    async def work(pool, _):
        await until_ready(pool)
        slow, next_one = pool.submit({}, b"sleep 60"), pool.submit({}, b"quick")
        with pytest.raises(Problem) as late:
            await slow.future
        assert late.value.kind == "took-too-long"
        assert (await next_one.future)[1] == b"ready:quick"

    run(work, tmp_path, seconds_per_picture=0.3)


def test_nobody_works_for_a_client_that_is_gone(tmp_path):
    async def work(pool, _):
        await until_ready(pool)
        busy = [pool.submit({}, b"sleep 0.3"), pool.submit({}, b"x")]
        gone = pool.submit({}, b"crash")
        pool.forget([gone])
        assert not pool.waiting, "its place is free at once"
        with pytest.raises(asyncio.CancelledError):
            await gone.future
        for job in busy:
            await job.future
        pool.forget(busy)  # those that were answered are left alone
        assert await answer(pool, b"after") == b"ready:after"
        assert pool.metrics.restarts._value.get() == 0, "the picture went to no worker"

    run(work, tmp_path)


def test_a_reload_under_load_fails_no_request(tmp_path):
    async def work(pool, note):
        await until_ready(pool)
        note.write_text("new")
        jobs = [pool.submit({}, b"sleep 0.05") for _ in range(8)]
        about = await pool.reload()
        later = [pool.submit({}, b"later") for _ in range(3)]
        assert about["version"] == pool.about["version"] == "new"
        answers = [(await job.future)[1] for job in jobs]
        assert set(answers) <= {b"ready:sleep 0.05", b"new:sleep 0.05"}
        assert [(await job.future)[1] for job in later] == [b"new:later"] * 3
        assert pool.metrics.restarts._value.get() == 0
        while len(pool.workers) != 1:
            await asyncio.sleep(0.01)

    run(work, tmp_path)


@pytest.mark.parametrize(("text", "sentence"), [("broken", "the files are damaged"), ("dies", "ended while it loaded")])
def test_a_model_that_cannot_be_loaded_changes_nothing(tmp_path, text, sentence):
    async def work(pool, note):
        await until_ready(pool)
        note.write_text(text)
        with pytest.raises(ModelFault, match=sentence):
            await pool.reload()
        assert await answer(pool, b"still") == b"ready:still"
        assert pool.about["version"] == "ready"

    run(work, tmp_path)


def test_a_worker_that_cannot_be_started(tmp_path, monkeypatch):
    """As when no more processes or files are allowed: it is tried again, and what there is goes on."""

    async def work(pool, _):
        await until_ready(pool)
        with monkeypatch.context() as patch:
            patch.setattr("sys.executable", str(tmp_path / "nowhere"))
            with pytest.raises(ModelFault, match="no worker can be started: No such file"):
                await pool.reload()
            assert await answer(pool, b"still") == b"ready:still"
            os.kill(pool.workers[0].process.pid, signal.SIGKILL)
            while "no worker" not in pool.fault:
                await asyncio.sleep(0.01)
            with pytest.raises(Problem, match="No model yet: no worker can be started"):
                pool.submit({}, b"")
        await until_ready(pool)
        assert await answer(pool, b"again") == b"ready:again"

    run(work, tmp_path)


def test_closing_answers_what_was_begun(tmp_path):
    async def work(pool, _):
        await until_ready(pool)
        begun = [pool.submit({}, b"sleep 0.1"), pool.submit({}, b"second")]
        waiting = pool.submit({}, b"third")
        await pool.close()
        assert [(await job.future)[1] for job in begun] == [b"ready:sleep 0.1", b"ready:second"]
        with pytest.raises(Problem) as refused:
            await waiting.future
        assert refused.value.kind == "stopping"
        with pytest.raises(Problem):
            pool.submit({}, b"late")

    run(work, tmp_path)
