"""From a request to an answer: upload, queue, worker, and the response."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from webapp.problems import Problem
from webapp.serve.access import check_key
from webapp.serve.metrics import Metrics
from webapp.serve.negotiation import accepted
from webapp.serve.pool import WorkerPool
from webapp.serve.query import DetectQuery
from webapp.serve.settings import ServiceSettings
from webapp.serve.uploads import MemoryBudget, Upload
from webapp.serve.worker_process import Job

_FORMS = ("application/json", "image/jpeg", "image/png")
Outcome = tuple[dict[str, Any], bytes] | Problem


class Service:
    """What the addresses of the API share."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.pool = WorkerPool(settings.model, settings.pool, self.metrics)
        self.budget = MemoryBudget(settings.uploads.memory)

    def check_key(self, request: Request) -> None:
        """Raise `Problem` unless the request may ask."""
        check_key(request, self.settings.key)

    @property
    def about(self) -> dict[str, Any]:
        """What is told of the model; `Problem` while there is none."""
        if self.pool.about is None:
            detail = f"No model yet: {self.pool.fault}" if self.pool.fault else "The model is being loaded."
            raise Problem("loading", detail, {"Retry-After": "2"})
        return self.pool.about

    async def detect(self, request: Request, query: DetectQuery) -> Response:
        """Answer one picture, as JSON or with boxes drawn on it."""
        form = self._form(request, _FORMS)
        self._check_classes(query)
        with self._upload(request) as upload:
            pictures, _ = await upload.pictures()
            if len(pictures) > 1:
                raise Problem("bad-request", "One picture is expected; /detect/batch takes several.")
            header = {"wanted": query.wanted(), "draw": form if form != "application/json" else None}
            outcome = (await self._outcomes(request, [(header, pictures[0])]))[0]
        return self._response(request, outcome)

    async def detect_batch(self, request: Request, query: DetectQuery) -> Response:
        """Answer several pictures: a result or a problem for each, in order."""
        self._form(request, _FORMS[:1])
        self._check_classes(query)
        most = self.settings.max_batch
        with self._upload(request, times=most) as upload:
            pictures, _ = await upload.pictures(form_only=True)
            if len(pictures) > most:
                raise Problem("too-large", f"{len(pictures)} pictures came; at most {most} are taken at once.")
            outcomes = await self._outcomes(request, [({"wanted": query.wanted()}, picture) for picture in pictures])
        results = [self._batch_entry(outcome) for outcome in outcomes]
        self._note(request, outcomes)
        return Response(b'{"results": [' + b", ".join(results) + b"]}", media_type="application/json")

    async def vott(self, request: Request, query: DetectQuery) -> Response:
        """Answer a frame of VoTT 1: a form with the frame's name in `filename` and its picture in `image`."""
        self._form(request, _FORMS[:1])
        self._check_classes(query)
        with self._upload(request) as upload:
            pictures, texts = await upload.pictures(form_only=True)
            threshold = self.about["threshold"] if query.threshold is None else query.threshold
            wanted = replace_format(query, "vott", texts.get("filename", "frame")[:200], threshold)
            outcome = (await self._outcomes(request, [({"wanted": wanted}, pictures[0])]))[0]
        return self._response(request, outcome)

    def _form(self, request: Request, offered: Sequence[str]) -> str:
        form = accepted(request.headers.get("accept", ""), offered)
        if form is None:
            raise Problem("not-acceptable", f"The answer can be {' or '.join(offered)}.")
        return form

    def _check_classes(self, query: DetectQuery) -> None:
        known = self.about["classes"]
        unknown = [name for name in query.classes or () if name not in known]
        if unknown:
            raise Problem("parameter", f"classes: {', '.join(map(repr, unknown))} unknown; known: {', '.join(known)}.")

    def _upload(self, request: Request, times: int = 1) -> Upload:
        limits = self.settings.uploads
        return Upload(request, limits, self.budget, min(limits.max_bytes * times, limits.memory // 2))

    async def _outcomes(self, request: Request, requests: list[tuple[dict[str, Any], bytes]]) -> list[Outcome]:
        """Return what becomes of each picture; nobody works on for a client that is gone."""
        jobs = self.pool.submit_all(requests)
        gone = asyncio.ensure_future(_disconnected(request))
        answers = asyncio.gather(*(_outcome(job) for job in jobs))
        try:
            gone.add_done_callback(lambda _: answers.cancel())
            return list(await answers)
        except asyncio.CancelledError:
            if gone.done() and not gone.cancelled():
                raise ClientDisconnect from None
            raise
        finally:
            gone.cancel()
            self.pool.forget(jobs)

    def _response(self, request: Request, outcome: Outcome) -> Response:
        self._note(request, [outcome])
        if isinstance(outcome, Problem):
            raise outcome
        header, body = outcome
        seconds = {"waiting": header["waited"], **header["seconds"]}
        timing = ", ".join(f"{name};dur={1000 * value:.1f}" for name, value in seconds.items())
        return Response(body, media_type=header["media"], headers={"Server-Timing": timing})

    def _batch_entry(self, outcome: Outcome) -> bytes:
        if isinstance(outcome, Problem):
            return json.dumps({"status": outcome.status, "problem": outcome.document()}, ensure_ascii=False).encode()
        return b'{"status": 200, "result": ' + outcome[1] + b"}"

    def _note(self, request: Request, outcomes: Sequence[Outcome]) -> None:
        """Leave for the log what it may know: numbers and times."""
        good = [outcome[0] for outcome in outcomes if not isinstance(outcome, Problem)]
        found = sum(header.get("found", 0) for header in good)
        self.metrics.found.inc(found)
        note = request.scope["state"]["log"]
        if good:
            note["found"] = found
            note["waited"] = round(max(header["waited"] for header in good), 4)
            for name in good[0]["seconds"]:
                note[name] = round(sum(header["seconds"].get(name, 0.0) for header in good), 4)


def replace_format(query: DetectQuery, form: str, name: str, threshold: float | None) -> dict[str, Any]:
    """Return what `query` wants, in another form."""
    return {**query.wanted(), "format": form, "name": name, "threshold": threshold}


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _outcome(job: Job) -> Outcome:
    try:
        return await job.future
    except Problem as problem:
        return problem
