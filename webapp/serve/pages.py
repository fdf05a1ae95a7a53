"""The page to try the detector, the documentation, and their files: read once, sent from memory."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from webapp.serve.documentation import documentation_page

STATIC = Path(__file__).resolve().parent / "static"
_TYPES = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
    ".js": "text/javascript; charset=utf-8",
}  # fmt: skip


def add_pages(api: FastAPI) -> None:
    """Add `/`, `/docs`, `/openapi.json` and `/static/...` to `api`; none of them needs a key."""
    for path in sorted(STATIC.iterdir()):
        if path.suffix in _TYPES:
            address = "/" if path.name == "index.html" else f"/static/{path.name}"
            api.router.routes.append(Route(address, _sender(path.read_bytes(), _TYPES[path.suffix])))

    async def document(_: Request) -> Response:
        return JSONResponse(api.openapi())

    async def documentation(_: Request) -> Response:
        return Response(documentation_page(api.openapi()), media_type="text/html; charset=utf-8")

    api.router.routes.append(Route("/openapi.json", document))
    api.router.routes.append(Route("/docs", documentation))


def _sender(content: bytes, kind: str) -> Callable:
    async def send(_: Request) -> Response:
        return Response(content, headers={"content-type": kind, "cache-control": "no-cache"})

    return send
