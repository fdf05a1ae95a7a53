"""Who may ask: the key, and the name that the request asks for."""

import hmac

from starlette.requests import Request

from webapp.problems import MEDIA_TYPE, Problem
from webapp.security import App, Receive, Scope, Send, host_name


def check_key(request: Request, key: str | None) -> None:
    """Raise `Problem` unless the request carries `key`, when there is one; compared in constant time."""
    if key is None:
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        given = request.headers.get("x-api-key", "")
    if not hmac.compare_digest(given.strip().encode("utf-8", "replace"), key.encode()):
        detail = "The key is wrong." if given else "This needs the key of the service."
        raise Problem("key-needed", detail, {"WWW-Authenticate": 'Bearer realm="detector"'})


class KnownHosts:
    """Lets through only requests whose Host header is one of `hosts`.

    A page of another site can let its own name point to 127.0.0.1 (DNS rebinding) and would then be of the same origin
    as a service on this machine: it asks for a host that is not known here.
    """

    def __init__(self, app: App, hosts: tuple[str, ...]) -> None:
        self.app, self.hosts = app, {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.hosts:
            await self.app(scope, receive, send)
            return
        host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
        if host_name(f"//{host}") in self.hosts:
            await self.app(scope, receive, send)
            return
        body = Problem("wrong-host", "The Host header names no host of this service.").body()
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 421, "headers": headers})
        await send({"type": "http.response.body", "body": body})
