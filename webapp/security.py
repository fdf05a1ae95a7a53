"""What every page of ours answers with, and whom a local page answers: ASGI middleware without a framework.

`SecurityHeaders` belongs around both, the annotation pages and the service; `LocalOnly` around what must be reached
from this machine alone.
"""

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PAGE_POLICY = (  # scripts, styles and pictures of our own only; no inline code; in nobody's frame
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",  # the address holds a key
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "geolocation=(), microphone=(), payment=(), usb=()",
}
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class SecurityHeaders:
    """Adds `HEADERS`, changed by `changes`, to every answer that does not set them itself."""

    def __init__(self, app: App, changes: Mapping[str, str] | None = None) -> None:
        self.app = app
        chosen = {**HEADERS, **(changes or {})}
        self.headers = [(name.lower().encode(), value.encode()) for name, value in chosen.items() if value]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                there = {name.lower() for name, _ in given}
                message["headers"] = given + [pair for pair in self.headers if pair[0] not in there]
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class LocalOnly:
    """Lets through only requests that carry the `key` in their path and were meant for this machine.

    * The path starts with `/<key>/`: other users of the machine, and other pages in the browser, do not know it.
    * The Host header names this machine (any port: it may come through `ssh -L`), so that no foreign name that was
      pointed at 127.0.0.1 (DNS rebinding) gets an answer.
    * An Origin header, where the browser sends one, names this machine too.

    Everything else is answered with 403 and one sentence, whether the path exists or not.
    """

    def __init__(self, app: App, key: str) -> None:
        self.app, self.key = app, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refusal = self.refusal(scope) if scope["type"] == "http" else "no such thing here"
        if refusal:
            body = json.dumps({"error": refusal}).encode()
            kind = (b"content-type", b"application/json")
            await send({"type": "http.response.start", "status": 403, "headers": [kind]})
            await send({"type": "http.response.body", "body": body})
            return
        await self.app(scope, receive, send)

    def refusal(self, scope: Scope) -> str:
        """Return why a request is refused, or ""."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if host_name(f"//{headers.get('host', '')}") not in LOCAL_NAMES:
            return "the Host header does not name this machine"
        origin = headers.get("origin")
        if origin is not None and host_name(origin) not in LOCAL_NAMES:
            return "asked for by a page of another site"
        given = scope["path"].split("/")[1] if scope["path"].count("/") >= 2 else ""
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            return "the address needs the key that the terminal shows"
        return ""


def host_name(url: str) -> str:
    """Return the host of `url` without its port, lower case; "" when there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
