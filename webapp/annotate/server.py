"""HTTP around a `Session`: the page, its files, and its questions as JSON. Everything lies below `/<key>/`."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from helpers.errors import UserError
from webapp.annotate.assistance import Assistance
from webapp.annotate.session import Session, stored_as_json
from webapp.annotate.storage import Conflict
from webapp.security import App, LocalOnly, SecurityHeaders

STATIC = Path(__file__).resolve().parent / "static"
MAX_BODY = 4 << 20  # bytes of one question
Question = Mapping[str, Any]
log = logging.getLogger(__name__)


class BadRequest(Exception):
    """The page asked in a form that is not understood."""


def make_app(session: Session, help: Assistance, key: str, quit_server: Callable[[], None]) -> App:
    """Return the ASGI application; `quit_server` is called when the page ends the session."""

    def leave(_: Question) -> Any:
        quit_server()
        return {}

    questions: dict[str, Callable[[Question], Any]] = {
        "state": lambda q: session.state(),
        "picture": lambda q: help.picture(text(q, "id")),
        "save": lambda q: session.save(text(q, "id"), boxes(q), labels(q), text(q, "version")),
        "discard": lambda q: session.discard(text(q, "id"), text(q, "version")),
        "move": lambda q: session.move(text(q, "id"), text(q, "folder"), text(q, "version")),
        "split": lambda q: session.split(number(q, "share"), int(number(q, "seed")), q.get("carryOut") is True),
        "addClass": lambda q: {"classes": session.add_class(text(q, "name"))},
        "tighten": lambda q: help.tighten(text(q, "id"), box(q)),
        "carry": lambda q: help.carry(text(q, "id")),
        "suggestions": lambda q: help.suggestions(text(q, "id")),
        "status": lambda q: help.status(),
        "train": lambda q: help.train(q.get("withShares") is True),
        "stopTraining": lambda q: help.stop_training(),
        "quit": leave,
    }
    inner = Starlette(
        routes=[
            Mount(
                f"/{key}",
                routes=[
                    Route("/", lambda request: FileResponse(STATIC / "index.html", headers=_FRESH)),
                    Route("/api/image", image_endpoint(session)),
                    *(Route(f"/api/{name}", endpoint(ask), methods=["POST"]) for name, ask in questions.items()),
                    Mount("/static", StaticFiles(directory=STATIC)),
                ],
            )
        ]
    )
    return SecurityHeaders(LocalOnly(inner, key))


_FRESH = {"cache-control": "no-store"}


def endpoint(ask: Callable[[Question], Any]) -> Callable:
    """Return an endpoint that reads a question as JSON, asks in a thread, and turns faults into sentences."""

    async def answer(request: Request) -> Response:
        try:
            question = await read_question(request)
            return JSONResponse(await run_in_threadpool(ask, question), headers=_FRESH)
        except Exception as error:
            return failure(error)

    return answer


def image_endpoint(session: Session) -> Callable:
    """Return the endpoint of pictures: GET api/image?id=...&longest=... gives JPEG."""

    async def answer(request: Request) -> Response:
        try:
            longest = request.query_params.get("longest", "1600")
            if not longest.isdecimal():
                raise BadRequest("longest: expected a whole number")
            data = await run_in_threadpool(session.jpeg, request.query_params.get("id", ""), int(longest[:6]))
        except Exception as error:
            return failure(error)
        return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600"})

    return answer


def failure(error: Exception) -> JSONResponse:
    """Return an answer for what went wrong: 400 form, 409 conflict, 422 content, 507 the disk, 500 our own fault."""
    if isinstance(error, BadRequest):
        return JSONResponse({"error": str(error)}, 400, headers=_FRESH)
    if isinstance(error, Conflict):
        return JSONResponse({"error": str(error), "current": stored_as_json(error.current)}, 409, headers=_FRESH)
    if isinstance(error, UserError):
        return JSONResponse({"error": str(error)}, 422, headers=_FRESH)
    if isinstance(error, OSError):
        reason = f"{error.filename or 'file system'}: {error.strerror or error}"
        return JSONResponse({"error": reason}, 507, headers=_FRESH)
    log.error("The page asked for something that failed.", exc_info=error)
    return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 500, headers=_FRESH)


async def read_question(request: Request) -> Question:
    """Return the JSON object of a POST; `BadRequest` for anything else."""
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise BadRequest("expected Content-Type: application/json")
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > MAX_BODY:
            raise BadRequest(f"more than {MAX_BODY} bytes")
    try:
        question = json.loads(data or b"{}")
    except ValueError as error:
        raise BadRequest(f"not JSON: {error}") from None
    if not isinstance(question, dict):
        raise BadRequest("expected a JSON object")
    return question


def text(question: Question, name: str) -> str:
    """Return a text of the question."""
    value = question.get(name)
    if not isinstance(value, str):
        raise BadRequest(f"{name}: expected a text")
    return value


def number(question: Question, name: str) -> float:
    """Return a finite number of the question."""
    value = question.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 2**31:
        raise BadRequest(f"{name}: expected a number")
    return value


def boxes(question: Question, name: str = "boxes") -> list[list[int]]:
    """Return boxes, four whole numbers each."""
    value = question.get(name)
    if not isinstance(value, list) or not all(
        isinstance(box, list) and len(box) == 4 and all(type(n) is int and abs(n) < 2**31 for n in box) for box in value
    ):
        raise BadRequest(f"{name}: expected a list of boxes, each four whole numbers")
    return value


def box(question: Question) -> list[int]:
    """Return one box."""
    [value] = boxes({"boxes": [question.get("box")]})
    return value


def labels(question: Question) -> list[str]:
    """Return labels, "" for none."""
    value = question.get("labels")
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise BadRequest("labels: expected a list of texts")
    return value
