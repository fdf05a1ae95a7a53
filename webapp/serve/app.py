"""The application: its addresses, what each takes and gives, and how faults become problem documents."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from webapp.problems import MEDIA_TYPE, Problem
from webapp.security import App, SecurityHeaders
from webapp.serve import metrics, pages
from webapp.serve.access import KnownHosts
from webapp.serve.query import DetectQuery, ReviewQuery
from webapp.serve.request_log import RequestLog
from webapp.serve.schema import (
    DETECTIONS,
    SCHEMAS,
    UPLOAD_PROBLEMS,
    form_body,
    json_of,
    picture_body,
    problems,
)
from webapp.serve.service import Service
from webapp.serve.settings import ServiceSettings
from webapp.serve.worker_process import ModelFault

log = logging.getLogger("webapp.serve")
_CAMERA = "camera=(self), geolocation=(), microphone=(), payment=(), usb=()"
_OPEN = {"/health", "/ready"}  # no key is asked for: they tell nothing of the model


def create_app(settings: ServiceSettings) -> tuple[App, Service]:
    """Return the ASGI application and the service behind it; the workers start with the application's lifespan."""
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.pool.open()
        yield
        await service.pool.close()

    api = FastAPI(
        title="Fast R-CNN detector", version="1.0.0", docs_url=None, redoc_url=None, openapi_url=None,
        lifespan=lifespan, redirect_slashes=False,
        summary="Finds objects in pictures.",
        description="The detector that the numbered scripts trained. Boxes are pixels of the upright picture, counted "
        "from 0; right and bottom belong to the box.",
    )  # fmt: skip
    _add_detection(api, service)
    _add_model(api, service)
    _add_operation(api, service)
    api.openapi = lambda: _document(api, service)  # type: ignore[method-assign]
    _add_heads(api)
    pages.add_pages(api)
    _add_faults(api)
    wrapped: Any = api
    if settings.cors_origins:
        wrapped = CORSMiddleware(
            wrapped, allow_origins=list(settings.cors_origins), allow_methods=["GET", "POST"],
            allow_headers=["authorization", "x-api-key", "content-type", "contenttype", "x-request-id"],
            expose_headers=["server-timing", "x-request-id", "retry-after"],
        )  # fmt: skip
    wrapped = KnownHosts(wrapped, settings.hosts)
    wrapped = SecurityHeaders(wrapped, {"permissions-policy": _CAMERA, "cache-control": "no-store"})
    return RequestLog(wrapped, service.metrics), service


def _add_detection(api: FastAPI, service: Service) -> None:
    shared: dict[str, Any] = {"response_class": Response, "tags": ["detection"]}

    @api.post(
        "/detect", summary="Find the objects in a picture",
        responses={200: DETECTIONS, **problems(*UPLOAD_PROBLEMS)}, openapi_extra=picture_body(), **shared,
    )  # fmt: skip
    async def detect(request: Request, query: Annotated[DetectQuery, Query()]) -> Response:
        """The picture comes in a form's field `image`, or as the body. The header `Accept: image/jpeg` or `image/png`
        asks for the picture with boxes drawn on it, at most 2000 pixels wide and high. The header `Server-Timing` of
        the answer says where the time went."""
        service.check_key(request)
        return await service.detect(request, query)

    @api.post(
        "/detect/batch", summary="Find the objects in several pictures",
        responses={200: json_of("Batch", "For each picture a status and a result or a problem."),
                   **problems(*UPLOAD_PROBLEMS)},
        openapi_extra=form_body(several=service.settings.max_batch), **shared,
    )  # fmt: skip
    async def detect_batch(request: Request, query: Annotated[DetectQuery, Query()]) -> Response:
        """The pictures come in a form's field `image`, once for each. A picture that cannot be read is a problem of
        its own and leaves the others alone."""
        service.check_key(request)
        return await service.detect_batch(request, query)

    @api.post(
        "/vott", summary="Review endpoint of VoTT 1",
        responses={200: json_of("Vott", "The regions of the frame."), **problems(*UPLOAD_PROBLEMS)},
        openapi_extra=form_body(filename="name of the frame, as VoTT sends it"), **shared,
    )  # fmt: skip
    async def vott(request: Request, query: Annotated[ReviewQuery, Query()]) -> Response:
        """Detections as VoTT 1 shows them for review; from the model's own threshold on where none is given."""
        service.check_key(request)
        return await service.vott(request, DetectQuery(**query.model_dump()))


def _add_model(api: FastAPI, service: Service) -> None:
    shared: dict[str, Any] = {"response_class": Response, "tags": ["model"]}

    @api.get(
        "/model", summary="What the model was trained on, when, and how good it is",
        responses={200: json_of("Model", "The model."), **problems(401, 503)}, **shared,
    )  # fmt: skip
    async def model(request: Request) -> Response:
        """`version` changes with the files of the model. `measured` is what step 5 found, or null."""
        service.check_key(request)
        return _json({name: value for name, value in service.about.items() if name != "colors"})

    @api.get(
        "/classes", summary="The classes that can be found",
        responses={200: json_of("Classes", "The classes, with their numbers and colours."), **problems(401, 503)},
        **shared,
    )  # fmt: skip
    async def classes(request: Request) -> Response:
        """The background is class 0 and not listed."""
        service.check_key(request)
        names, colors = service.about["classes"], service.about["colors"]
        pairs = enumerate(zip(names, colors, strict=True), start=1)
        return _json({"classes": [{"name": name, "number": n, "color": color} for n, (name, color) in pairs]})

    @api.post(
        "/reload", summary="Load the model anew",
        responses={200: json_of("Model", "The model that answers from now on."), **problems(401, 403, 405, 409)},
        **shared,
    )  # fmt: skip
    async def reload(request: Request) -> Response:
        """The new model is loaded and tried before it answers; until then, and if it fails, the one before does."""
        if service.settings.key is None:
            raise Problem("forbidden", "A service without a key reloads on the signal SIGHUP only.")
        service.check_key(request)
        try:
            about = await service.pool.reload()
        except ModelFault as fault:
            raise Problem("reload-failed", f"{fault}") from None
        return _json({name: value for name, value in about.items() if name != "colors"})


def _add_operation(api: FastAPI, service: Service) -> None:
    shared: dict[str, Any] = {"response_class": Response, "tags": ["operation"]}

    @api.get("/health", summary="The service lives", responses={200: json_of("Health", "It does.")}, **shared)
    async def health() -> Response:
        """200 as long as the process answers; for a restart when it does not."""
        pool = service.pool
        restarts = int(service.metrics.restarts._value.get())
        return _json({"status": "ok", "workers": len(pool.workers), "waiting": len(pool.waiting), "restarts": restarts})

    @api.get("/ready", summary="It can detect", responses={200: json_of("Ready", "It can."), **problems(503)}, **shared)
    async def ready() -> Response:
        """200 when a worker has loaded and tried the model; for load balancers."""
        if not service.pool.ready:
            detail = f"No model yet: {service.pool.fault}" if service.pool.fault else "The model is being loaded."
            raise Problem("loading", detail, {"Retry-After": "2"})
        return _json({"ready": True})

    text = {"description": "Prometheus's text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}

    @api.get("/metrics", summary="Numbers for Prometheus", responses={200: text, **problems(401)}, **shared)
    async def numbers(request: Request) -> Response:
        """Requests, times, queue, restarts."""
        service.check_key(request)
        return Response(service.metrics.text(), headers={"content-type": metrics.CONTENT_TYPE})


def _add_heads(api: FastAPI) -> None:
    """Answer HEAD wherever GET is answered."""
    for route in [each for each in api.routes if isinstance(each, APIRoute) and "GET" in (each.methods or ())]:
        api.add_api_route(
            route.path, route.endpoint, methods=["HEAD"], include_in_schema=False, response_class=Response
        )


def _json(content: Any) -> Response:
    return Response(json.dumps(content, ensure_ascii=False).encode(), media_type="application/json")


def _document(api: FastAPI, service: Service) -> dict[str, Any]:
    """Return the OpenAPI document; as soon as the model is known, with its classes."""
    settings = service.settings
    from fastapi.openapi.utils import get_openapi

    document = get_openapi(
        title=api.title, version=api.version, summary=api.summary, description=api.description, routes=api.routes,
        tags=[{"name": "detection"}, {"name": "model"}, {"name": "operation"}],
    )  # fmt: skip
    components = document.setdefault("components", {})
    components["schemas"] = SCHEMAS
    if settings.key is not None:
        components["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
    known = (service.pool.about or {}).get("classes")
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                schema = parameter["schema"]
                if "anyOf" in schema:  # a value or nothing at all: there is no null behind a question mark
                    parameter["schema"] = schema = schema["anyOf"][0]
                if parameter["name"] == "classes" and known:
                    schema["items"]["enum"] = known
            given = operation.get("responses", {}).get("422")
            if given and "application/json" in given.get("content", {}):  # FastAPI's own form of it
                del given["content"]["application/json"]
            if settings.key is not None and path not in _OPEN:
                operation["security"] = [{"bearer": []}, {"header": []}]
    return document


def _add_faults(api: FastAPI) -> None:
    """Make every fault a problem document."""

    def answer(request: Request, problem: Problem) -> Response:
        number = request.scope.get("state", {}).get("request_id", "")
        return Response(problem.body(number), problem.status, dict(problem.headers), MEDIA_TYPE)

    @api.exception_handler(Problem)
    async def known(request: Request, problem: Problem) -> Response:
        return answer(request, problem)

    @api.exception_handler(RequestValidationError)
    async def wrong_parameter(request: Request, fault: RequestValidationError) -> Response:
        faults = [f"{'.'.join(str(part) for part in each['loc'][1:])}: {each['msg']}" for each in fault.errors()]
        return answer(request, Problem("parameter", "; ".join(faults)))

    @api.exception_handler(HTTPException)
    async def of_the_framework(request: Request, fault: HTTPException) -> Response:
        kinds = {404: "not-found", 405: "method"}
        kind = kinds.get(fault.status_code, "bad-request")
        detail = {404: "There is nothing at this address.", 405: f"{request.method} is not for this address."}
        return answer(request, Problem(kind, detail.get(fault.status_code, str(fault.detail)), fault.headers or {}))

    @api.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody hears it; the log does

    @api.exception_handler(Exception)
    async def unknown(request: Request, _: Exception) -> Response:
        return answer(request, Problem("internal", "The service failed; its log says more about this request."))
