"""What went wrong, as a document that programs and people can read: problem details, RFC 9457."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its status, its title, and what to do about it (for the documentation page)."""

    status: int
    title: str
    advice: str


KINDS = {
    "not-a-picture": Kind(400, "Not a picture", "Send a whole JPEG, PNG, WebP or BMP file."),
    "bad-request": Kind(400, "Not understood", "Compare the request with the examples."),
    "key-needed": Kind(401, "Key needed", "Send the header 'Authorization: Bearer KEY' or 'X-API-Key: KEY'."),
    "forbidden": Kind(403, "Not allowed here", "The service was started without this."),
    "not-found": Kind(404, "No such address", "See the list of addresses in the documentation."),
    "method": Kind(405, "Not this method", "The header Allow names the methods of this address."),
    "not-acceptable": Kind(406, "No such form of answer", "Accept application/json, image/jpeg or image/png."),
    "too-slow": Kind(408, "The picture came too slowly", "Send it faster, or a smaller one."),
    "reload-failed": Kind(409, "The new model cannot be used", "Mend it; the one before goes on answering."),
    "too-large": Kind(413, "Too large", "Send a picture of fewer bytes and pixels."),
    "media-type": Kind(415, "No such kind of picture", "Send JPEG, PNG, WebP or BMP."),
    "wrong-host": Kind(421, "Not the host that was asked for", "Name the host with --public-host at the start."),
    "parameter": Kind(422, "Wrong parameter", "The sentence names the parameter and what was expected."),
    "picture-fatal": Kind(500, "The picture ended the worker", "Report this picture; do not send it again."),
    "internal": Kind(500, "A fault of the service", "Look into its log for the request's id."),
    "busy": Kind(503, "Too busy", "Send it again after the seconds in the header Retry-After."),
    "loading": Kind(503, "The model is being loaded", "Send it again after the seconds in Retry-After."),
    "took-too-long": Kind(503, "It took too long", "Send a smaller picture, or ask again later."),
    "stopping": Kind(503, "The service is being stopped", "Send it again after the seconds in Retry-After."),
}


@dataclass
class Problem(Exception):
    """Raise it, and the client gets it: one of `KINDS`, a sentence, perhaps headers and further members."""

    kind: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind].status

    def document(self, request_id: str = "") -> dict[str, Any]:
        """Return the members of the problem details document; `type` leads to the documentation page."""
        kind = KINDS[self.kind]
        document = {"type": f"/docs#{self.kind}", "title": kind.title, "status": kind.status, "detail": self.detail}
        return {**document, **({"request_id": request_id} if request_id else {}), **self.members}

    def body(self, request_id: str = "") -> bytes:
        """Return the document as JSON."""
        return json.dumps(self.document(request_id), ensure_ascii=False).encode()
