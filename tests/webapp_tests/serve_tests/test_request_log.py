"""The lines of the log."""

import json
import logging

from webapp.serve.request_log import LineFormatter


def record(message: str, line: dict | None = None) -> logging.LogRecord:
    made = logging.LogRecord("webapp.serve", logging.INFO, "", 0, message, (), None)
    made.created, made.msecs = 0.25, 250.0
    if line is not None:
        made.line = line
    return made


def test_json_lines():
    line = {"id": "a1", "path": "/detect", "status": 200}
    assert json.loads(LineFormatter(True).format(record("request", line))) == {
        "time": "1970-01-01T00:00:00.250Z",
        "level": "info",
        **line,
    }
    assert json.loads(LineFormatter(True).format(record("two\nlines")))["message"] == "two\nlines"


def test_text_lines_cannot_be_forged():
    assert LineFormatter(False).format(record("request", {"id": "a1", "status": 200})) == (
        "1970-01-01T00:00:00.250Z info id=a1 status=200"
    )
    assert "\n" not in LineFormatter(False).format(record("two\r\n1970-01-01T00:00:00.250Z info forged"))


def test_requests_are_logged_without_what_clients_sent(client, picture, caplog):
    with caplog.at_level(logging.INFO, "webapp.serve.requests"):
        client.post("/detect?classes=disc&threshold=0.5", files={"image": ("secret-name.png", picture)})
        client.get("/secret/path")
    lines = [each.line for each in caplog.records if hasattr(each, "line")]
    assert [line["path"] for line in lines] == ["/detect", "other"]
    assert lines[0]["status"] == 200
    assert lines[0]["found"] >= 1
    assert lines[0]["network"] > 0
    assert "secret" not in json.dumps(lines)
