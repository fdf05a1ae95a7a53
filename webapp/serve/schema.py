"""The parts of the OpenAPI document that the code does not say by itself: bodies, answers, problems."""

from typing import Any

from webapp.problems import KINDS, MEDIA_TYPE
from webapp.serve.uploads import PICTURE_TYPES

_READ = ("image/jpeg", "image/png", "image/webp", "image/bmp")
_BINARY = {"type": "string", "format": "binary"}
_NUMBER, _INTEGER, _TEXT = {"type": "number"}, {"type": "integer"}, {"type": "string"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_BOX = {"left": _INTEGER, "top": _INTEGER, "right": _INTEGER, "bottom": _INTEGER}
_V2 = _object(label=_TEXT, score=_NUMBER, **_BOX)
_FRACTIONS = _object(left=_NUMBER, top=_NUMBER, width=_NUMBER, height=_NUMBER)
SCHEMAS: dict[str, Any] = {
    "Problem": {
        **_object(type=_TEXT, title=_TEXT, status=_INTEGER, detail=_TEXT),
        "description": "RFC 9457. `type` leads to the documentation of this kind of problem.",
    },
    "Tutorial": _list(_object(**dict.fromkeys(("label", "score", "nms", "left", "top", "right", "bottom"), _TEXT))),
    "V2": _list(_V2),
    "Coco": _list(_object(image_id=_INTEGER, category_id=_INTEGER, bbox=_list(_NUMBER), score=_NUMBER)),
    "CustomVision": _object(
        predictions=_list(_object(probability=_NUMBER, tagId=_TEXT, tagName=_TEXT, boundingBox=_FRACTIONS))
    ),
    "Details": _object(
        width=_INTEGER,
        height=_INTEGER,
        seconds={"type": "object", "additionalProperties": _NUMBER},
        detections=_list(_V2),
        rois=_list(_list(_INTEGER)),
    ),
    "Vott": _object(
        frames={"type": "object", "additionalProperties": {"type": "object"}},
        classes={"type": "object", "additionalProperties": _INTEGER},
    ),
    "Model": {"type": "object", "description": "What the model was trained on, when, and how good it is."},
    "Classes": _object(classes=_list(_object(name=_TEXT, number=_INTEGER, color=_TEXT))),
    "Batch": _object(
        results=_list({"type": "object", "properties": {"status": _INTEGER}, "required": ["status"]})
    ),
    "Health": _object(status=_TEXT, workers=_INTEGER, waiting=_INTEGER, restarts=_INTEGER),
    "Ready": _object(ready={"type": "boolean"}),
}  # fmt: skip


def reference(name: str) -> dict[str, str]:
    """Return a reference to one of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def json_of(name: str, description: str) -> dict[str, Any]:
    """Return an answer as JSON."""
    return {"description": description, "content": {"application/json": {"schema": reference(name)}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the answers of `statuses`, each a problem document."""
    return {
        status: {
            "description": "; ".join(kind.title for kind in KINDS.values() if kind.status == status),
            "content": {MEDIA_TYPE: {"schema": reference("Problem")}},
            **({"headers": {"Retry-After": {"schema": _INTEGER}}} if status == 503 else {}),
        }
        for status in statuses
    }


DETECTIONS = {
    "description": "What was found, in the form asked for; or the picture with boxes drawn on it.",
    "content": {
        "application/json": {
            "schema": {"anyOf": [reference(n) for n in ("V2", "Tutorial", "Coco", "CustomVision", "Details")]}
        },
        "image/jpeg": {"schema": _BINARY},
        "image/png": {"schema": _BINARY},
    },
}
UPLOAD_PROBLEMS = (400, 401, 405, 406, 408, 413, 415, 422, 500, 503)


def form(several: int = 0, **texts: str) -> dict[str, Any]:
    """Return the body of a form with one picture, or at most `several`, and fields of text with their descriptions."""
    fields: dict[str, Any] = {name: {"description": text} for name, text in texts.items()}  # any text
    fields["image"] = {"type": "array", "items": _BINARY, "minItems": 1, "maxItems": several} if several else _BINARY
    return {
        "schema": {"type": "object", "properties": fields, "required": ["image"]},
        "encoding": {"image": {"contentType": ", ".join(_READ)}},
    }


def picture_body() -> dict[str, Any]:
    """Return the request body of one picture: a form, or its bytes as they are."""
    kinds = {kind: {"schema": _BINARY} for kind in PICTURE_TYPES if kind != "image/x-ms-bmp"}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": form(), **kinds}}}


def form_body(several: int = 0, **texts: str) -> dict[str, Any]:
    """Return the request body of a form."""
    return {"requestBody": {"required": True, "content": {"multipart/form-data": form(several, **texts)}}}
