import asyncio

import pytest

from webapp.security import LocalOnly, SecurityHeaders, host_name

KEY = "Ab3-x_9"


async def page(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"referrer-policy", b"origin")]})
    await send({"type": "http.response.body", "body": b"secret"})


def answer(app, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    sent = []

    async def send(message):
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(app({"type": "http", "path": path, "headers": pairs}, None, send))
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, sent[1]["body"]


@pytest.mark.parametrize("host", ["localhost:8642", "127.0.0.1:9000", "[::1]:8642", "LOCALHOST", "127.0.0.1"])
def test_the_key_and_a_local_name_open(host: str) -> None:
    assert answer(LocalOnly(page, KEY), f"/{KEY}/", host=host)[0] == 200


@pytest.mark.parametrize(
    "path",
    ["/", "", f"/{KEY}", "/wrong/", f"/{KEY}x/", f"/{KEY[:-1]}/", f"//{KEY}/", "/ä/api/state", f"/static/{KEY}/"],
)
def test_nothing_opens_without_the_key(path: str) -> None:
    status, _, body = answer(LocalOnly(page, KEY), path, host="localhost")
    assert status == 403
    assert b"secret" not in body
    assert KEY.encode() not in body


@pytest.mark.parametrize("headers", [
    {"host": "evil.example"}, {"host": "127.0.0.1.evil.example"}, {"host": "localhost.evil.example:8642"}, {},
    {"host": ""}, {"host": "localhost@evil.example"}, {"host": "[::1"}, {"host": "localhost", "origin": "http://evil.example"},
    {"host": "localhost", "origin": "null"}, {"host": "localhost", "origin": "https://localhost.evil.example"},
])  # fmt: skip
def test_other_names_and_pages_of_other_sites_are_refused(headers: dict[str, str]) -> None:
    assert answer(LocalOnly(page, KEY), f"/{KEY}/", **headers)[0] == 403


def test_headers_are_added_but_do_not_replace() -> None:
    _, headers, _ = answer(SecurityHeaders(page, {"x-frame-options": "", "x-more": "1"}), "/")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "origin"
    assert headers["x-more"] == "1"
    assert "x-frame-options" not in headers


def test_refusals_carry_the_headers_too() -> None:
    status, headers, _ = answer(SecurityHeaders(LocalOnly(page, KEY)), "/", host="localhost")
    assert status == 403
    assert headers["referrer-policy"] == "no-referrer"


def test_sockets_are_refused() -> None:
    assert LocalOnly(page, KEY).key == KEY
    assert host_name("http://[") == ""
