"""Problem documents, RFC 9457."""

import json

from webapp.problems import KINDS, Problem


def test_members_of_the_document():
    problem = Problem("too-large", "At most 5 bytes.", members={"limit": 5})
    assert problem.status == 413
    assert json.loads(problem.body("abc")) == {
        "type": "/docs#too-large",
        "title": "Too large",
        "status": 413,
        "detail": "At most 5 bytes.",
        "request_id": "abc",
        "limit": 5,
    }
    assert "request_id" not in problem.document()


def test_every_kind_is_an_error_with_advice():
    for name, kind in KINDS.items():
        assert 400 <= kind.status < 600
        assert kind.title and kind.advice.endswith("."), name
        assert name == name.lower() and " " not in name
