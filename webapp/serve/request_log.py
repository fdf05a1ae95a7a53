"""A line for each request, as text or JSON: id, address, status, times; nothing of pictures, keys or queries."""

import asyncio
import json
import logging
import re
import secrets
import sys
import time
from collections.abc import MutableMapping
from typing import Any

from webapp.security import App, Receive, Scope, Send
from webapp.serve.metrics import Metrics

log = logging.getLogger("webapp.serve.requests")

_GOOD_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SECONDS_TO_SEND = 30.0  # until a client must have taken a part of the answer


class RequestLog:
    """Gives each request an id (the client's, if it is a decent one), logs and counts it, and ends slow readers."""

    def __init__(self, app: App, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        number = given.decode() if _GOOD_ID.fullmatch(given) else secrets.token_hex(8)
        state = scope.setdefault("state", {})
        state["request_id"], state["log"] = number, {}
        status, size, start = 0, 0, time.perf_counter()

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", number.encode())]
            size += len(message.get("body", b""))
            await asyncio.wait_for(send(message), _SECONDS_TO_SEND)

        try:
            await self.app(scope, receive, sending)
        except (asyncio.TimeoutError, ConnectionError):
            status = status or 499  # the client is gone; there is nobody to answer
        finally:
            seconds = time.perf_counter() - start
            route = scope.get("route")
            path = getattr(route, "path", None) or "other"
            self.metrics.requests.labels(path, _method(scope), str(status or 499)).inc()
            self.metrics.seconds.labels(path).observe(seconds)
            line = {"id": number, "method": _method(scope), "path": path, "status": status or 499,
                    "seconds": round(seconds, 4), "bytes_out": size, **state["log"]}  # fmt: skip
            log.info("request", extra={"line": line})


def _method(scope: Scope) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "other"


class LineFormatter(logging.Formatter):
    """Writes a record as one line: of words, or as JSON."""

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self.as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; line ends inside it are escaped, so that nobody can forge one."""
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        line = getattr(record, "line", None) or {"message": record.getMessage()}
        if record.exc_info:
            line = {**line, "trace": self.formatException(record.exc_info)}
        if self.as_json:
            return json.dumps({"time": when, "level": record.levelname.lower(), **line}, ensure_ascii=False)
        words = [f"{name}={value}" if name != "message" else str(value) for name, value in line.items()]
        text = " ".join(words)
        if not record.exc_info:
            text = text.replace("\r", "\\r").replace("\n", "\\n")
        return f"{when} {record.levelname.lower()} {text}"


def set_up_log(as_json: bool, quiet: bool = False) -> None:
    """Send the service's lines to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(as_json))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("webapp", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING if quiet or name.startswith("uvicorn") else logging.INFO)
