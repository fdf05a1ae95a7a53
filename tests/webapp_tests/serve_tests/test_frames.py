"""Messages between service and workers."""

import asyncio
import io

import pytest

from webapp.serve.frames import frame, read_frame, receive_frame

MESSAGES = [({"id": 1, "name": "Käse"}, b""), ({}, b"\x00\xff" * 5000), ({"id": 2**40}, b"x")]


def test_what_is_sent_is_read():
    stream = io.BytesIO(b"".join(frame(*message) for message in MESSAGES))
    assert [read_frame(stream) for _ in MESSAGES] == MESSAGES
    assert read_frame(stream) is None


@pytest.mark.parametrize("left", [0, 1, 11, 12, 15, -1])
def test_half_a_message_is_none(left):
    assert read_frame(io.BytesIO(frame({"id": 1}, b"body")[:left])) is None


def test_asyncio_reads_the_same():
    async def work(data: bytes):
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return [await receive_frame(reader) for _ in range(3)]

    assert asyncio.run(work(b"".join(frame(*message) for message in MESSAGES))) == MESSAGES
    assert asyncio.run(work(frame({}, b"abc")[:-1]))[0] is None
    with pytest.raises(ValueError, match="not one of our messages"):
        asyncio.run(work(b"\xff" * 100))
