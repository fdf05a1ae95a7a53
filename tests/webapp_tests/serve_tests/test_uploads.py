"""Bodies of requests: the budget of memory, and what a form holds."""

import asyncio

import pytest
from starlette.requests import Request

from webapp.problems import Problem
from webapp.serve.uploads import MemoryBudget, Upload, UploadLimits

LIMITS = UploadLimits(max_bytes=100_000, seconds=0.2)


def request(chunks: list[bytes], content_type: str = "", length: int | None = None, pause: float = 0.0) -> Request:
    headers = [(b"content-type", content_type.encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    left = list(chunks)

    async def receive():
        await asyncio.sleep(pause)
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    return Request({"type": "http", "headers": headers, "method": "POST", "path": "/"}, receive)


def pictures(asked: Request, budget: MemoryBudget, **options):
    async def work():
        with Upload(asked, LIMITS, budget) as upload:
            return await upload.pictures(**options)

    return asyncio.run(work())


def form(*parts: tuple[str, bytes, bool]) -> bytes:
    body = b""
    for name, content, is_file in parts:
        file = b'; filename="../../etc/passwd"' if is_file else b""
        body += b'--x\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + file + b"\r\n\r\n"
        body += content + b"\r\n"
    return body + b"--x--\r\n"


def test_memory_is_counted_and_given_back():
    budget = MemoryBudget(150_000)
    assert pictures(request([b"a" * 40_000, b"b" * 40_000]), budget) == ([b"a" * 40_000 + b"b" * 40_000], {})
    assert budget.used == 0
    budget.take(100_000)
    with pytest.raises(Problem) as refused:
        pictures(request([b"a" * 40_000, b"b" * 40_000]), budget)
    assert refused.value.kind == "busy"
    assert budget.used == 100_000, "what was taken is given back after a refusal too"


def test_forms():
    body = form(("filename", b"17", False), ("image", b"one", True), ("other", b"no", True), ("image", b"two", True))
    kind = "multipart/form-data; boundary=x"
    assert pictures(request([body[:50], body[50:]], kind), MemoryBudget(10**6)) == (
        [b"one", b"two"],
        {"filename": "17"},
    )
    for bad, content_type in ((body, "multipart/form-data"), (body[:60], kind), (form(("a", b"", False)), kind)):
        with pytest.raises(Problem) as refused:
            pictures(request([bad], content_type), MemoryBudget(10**6))
        assert refused.value.kind == "bad-request"
    with pytest.raises(Problem) as refused:
        pictures(request([b"raw"], "image/png"), MemoryBudget(10**6), form_only=True)
    assert refused.value.kind == "media-type"


def test_a_large_picture_stays_in_memory(monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", lambda self: pytest.fail("a file was written"))
    large = b"z" * 90_000
    body = form(("image", large * 20, True))

    async def work():
        limits = UploadLimits(max_bytes=10**7)
        with Upload(request([body], "multipart/form-data; boundary=x"), limits, MemoryBudget(10**8)) as upload:
            return await upload.pictures()

    assert asyncio.run(work())[0] == [large * 20]


@pytest.mark.parametrize("length", [None, 300_000, 10**9])
def test_too_many_bytes(length):
    budget = MemoryBudget(10**6)
    with pytest.raises(Problem) as refused:
        pictures(request([b"a" * 150_000] * 2, length=length), budget)
    assert refused.value.kind == "too-large"
    assert budget.used == 0


def test_a_body_without_end_is_not_read_to_its_end():
    read = 0

    async def receive():
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"a" * 50_000, "more_body": True}

    endless = Request({"type": "http", "headers": [], "method": "POST", "path": "/"}, receive)
    with pytest.raises(Problem) as refused:
        pictures(endless, MemoryBudget(10**6))
    assert refused.value.kind == "too-large"
    assert read < 20, "four times the limit is read, so that an honest client hears the answer"


def test_too_slow():
    with pytest.raises(Problem) as refused:
        pictures(request([b"a"] * 100, pause=0.05), MemoryBudget(10**6))
    assert refused.value.kind == "too-slow"
