"""Messages between the service and its workers: a JSON header and bytes, each with its length before it."""

import asyncio
import json
import struct
from typing import Any, BinaryIO

_LENGTHS = struct.Struct("<IQ")
_LONGEST_HEADER = 1 << 26


def frame(header: dict[str, Any], body: bytes = b"") -> bytes:
    """Return the bytes of one message."""
    text = json.dumps(header).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Return the next message of a blocking stream; None when the other side is gone."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    header_length, body_length = _LENGTHS.unpack(lengths)
    header, body = stream.read(header_length), stream.read(body_length)
    if len(header) < header_length or len(body) < body_length:
        return None
    return json.loads(header), body


async def receive_frame(stream: asyncio.StreamReader) -> tuple[dict[str, Any], bytes] | None:
    """Return the next message of an asyncio stream; None when the other side is gone.

    Raises ValueError for what no worker of ours sends.
    """
    try:
        header_length, body_length = _LENGTHS.unpack(await stream.readexactly(_LENGTHS.size))
        if header_length > _LONGEST_HEADER:
            raise ValueError(f"a header of {header_length} bytes: not one of our messages")
        header = await stream.readexactly(header_length)
        return json.loads(header), await stream.readexactly(body_length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
