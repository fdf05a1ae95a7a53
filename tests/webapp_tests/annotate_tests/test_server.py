import asyncio
import json
from pathlib import Path

import pytest

from helpers.annotations import labels_path
from helpers.artifacts import Artifacts
from webapp.annotate.assistance import Assistance, HelpSettings
from webapp.annotate.server import MAX_BODY, make_app
from webapp.annotate.session import Session, Settings

KEY = "key-for-tests"


class Client:
    """Speaks ASGI with an application, without a network."""

    def __init__(self, app) -> None:
        self.app = app

    def __call__(
        self, method: str, path: str, body: bytes = b"", query: str = "", **headers: str
    ) -> tuple[int, dict, bytes]:
        sent: list[dict] = []
        parts = [body[at : at + 100_000] for at in range(0, len(body), 100_000)] or [b""]

        async def receive():
            if not parts:
                await asyncio.Event().wait()  # the client stays and says no more
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message):
            sent.append(message)

        pairs = [
            (name.replace("_", "-").encode(), value.encode())
            for name, value in {"host": "localhost", **headers}.items()
        ]
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": pairs, "root_path": "", "scheme": "http", "server": ("127.0.0.1", 1), "http_version": "1.1",
        }  # fmt: skip
        asyncio.run(self.app(scope, receive, send))
        headers_given = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], headers_given, b"".join(message.get("body", b"") for message in sent[1:])

    def ask(self, name: str, **question) -> tuple[int, dict]:
        status, _, body = self(
            "POST", f"/{KEY}/api/{name}", json.dumps(question).encode(), content_type="application/json"
        )
        return status, json.loads(body)


@pytest.fixture
def ended() -> list[bool]:
    return []


@pytest.fixture
def client(tiny_root: Path, ended: list[bool]) -> Client:
    session = Session(Settings(Artifacts(tiny_root, "tiny")))
    return Client(make_app(session, Assistance(session, HelpSettings()), KEY, lambda: ended.append(True)))


def test_the_page_and_its_files(client) -> None:
    for path, kind in (("", "text/html"), ("static/main.js", "javascript"), ("static/style.css", "text/css")):
        status, headers, body = client("GET", f"/{KEY}/{path}")
        assert (status, kind in headers["content-type"]) == (200, True)
        assert (
            b"http://" not in body.replace(b"http://www.w3.org/2000/svg", b"") and b"https://" not in body
        )  # nothing from outside
        assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("path", ["../session.py", "%2e%2e/session.py", "..%2fsession.py", "nothing.js", "/etc/passwd"])
def test_only_the_pages_files(client, path) -> None:
    assert client("GET", f"/{KEY}/static/{path}")[0] == 404


def test_pictures(client) -> None:
    status, headers, body = client("GET", f"/{KEY}/api/image", query="id=positive%2F0.png&longest=96")
    assert (status, headers["content-type"], body[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")
    assert client("GET", f"/{KEY}/api/image", query="id=..%2F..%2Fx.png")[0] == 422
    assert client("GET", f"/{KEY}/api/image", query="id=positive%2F0.png&longest=-1")[0] == 400


def test_state_save_and_conflict(client, tiny_root) -> None:
    status, state = client.ask("state")
    assert (status, state["dataset"], len(state["pictures"])) == (200, "tiny", 7)
    _, picture = client.ask("picture", id="positive/0.png")
    question = {"id": "positive/0.png", "version": picture["version"], "boxes": [[1, 2, 30, 40]], "labels": ["disc"]}
    status, saved = client.ask("save", **question)
    assert (status, saved["boxes"], saved["labels"]) == (200, [[1, 2, 30, 40]], ["disc"])
    labels_path(tiny_root / "data" / "tiny" / "positive" / "0.png").write_text("square\n")
    status, answer = client.ask("save", **{**question, "version": saved["version"], "boxes": [], "labels": []})
    assert status == 409
    assert answer["current"]["labels"] == ["square"]
    status, _ = client.ask("save", **{**question, "version": answer["current"]["version"], "boxes": [], "labels": []})
    assert status == 200


@pytest.mark.parametrize("change", [
    {"boxes": "1 2 3 4"}, {"boxes": [[1, 2, 3]]}, {"boxes": [[1, 2, 3, 4.5]]}, {"boxes": [[1, 2, True, 4]]},
    {"boxes": [[1, 2, 3, 1e99]]},
    {"boxes": None}, {"labels": [1]}, {"labels": None}, {"version": 1}, {"id": None},
])  # fmt: skip
def test_questions_in_another_form_are_400(client, change) -> None:
    question = {"id": "positive/0.png", "version": "x", "boxes": [[1, 2, 3, 4]], "labels": ["a"], **change}
    assert client.ask("save", **question)[0] == 400


def test_what_is_no_question_is_refused(client) -> None:
    path = f"/{KEY}/api/state"
    assert client("POST", path, b"{}", content_type="text/plain")[0] == 400  # what a form of another site could send
    assert client("POST", path, b"{", content_type="application/json")[0] == 400
    assert client("POST", path, b"[]", content_type="application/json")[0] == 400
    assert client("POST", path, b" " * (MAX_BODY + 1), content_type="application/json")[0] == 400
    assert client("GET", path)[0] == 405


def test_nothing_without_the_key(client) -> None:
    for path in ("/", "/api/state", f"/{KEY}", "/static/main.js", f"/{KEY[:-1]}/api/state"):
        for method in ("GET", "POST"):
            assert client(method, path, b"{}", content_type="application/json")[0] == 403
    assert client("GET", f"/{KEY}/", host="evil.example")[0] == 403


def test_a_disk_that_refuses_is_507_with_a_sentence(client, monkeypatch) -> None:
    def full(*_):
        raise OSError(28, "No space left on device")

    _, picture = client.ask("picture", id="positive/0.png")
    monkeypatch.setattr("helpers.artifacts.os.fsync", full)
    status, answer = client.ask("save", id="positive/0.png", version=picture["version"], boxes=[], labels=[])
    assert status == 507
    assert "No space left" in answer["error"]


def test_quit(client, ended) -> None:
    assert client.ask("quit") == (200, {})
    assert ended == [True]
