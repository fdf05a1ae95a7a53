"""Pictures out of requests: within limits of bytes, time and memory, without a file and without a client's file names.

Nothing is handed to a worker before it is whole, so a client that sends slowly holds a connection and no worker.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from webapp.problems import Problem

PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/bmp", "image/x-ms-bmp", "application/octet-stream")
_DRAINED = 4  # times the limit: so much of what is too large is still read, so that the client hears the answer
_OVERHEAD = 64 << 10  # bytes that the parts of a form may need beside the pictures


@dataclass(frozen=True)
class UploadLimits:
    """Bytes of a request, seconds until it must be there, and bytes of all requests that are being read or wait."""

    max_bytes: int = 20 << 20
    seconds: float = 20.0
    memory: int = 256 << 20


class MemoryBudget:
    """Counts the bytes of requests that are held in memory; refuses what goes beyond `limit`."""

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0

    def take(self, number: int) -> None:
        """Count `number` bytes, or raise `Problem`."""
        if self.used + number > self.limit:
            raise Problem("busy", "Too many pictures are being received.", {"Retry-After": "2"})
        self.used += number

    def give_back(self, number: int) -> None:
        """Forget `number` bytes."""
        self.used -= number


class _MemoryParser(MultiPartParser):
    """Starlette's parser, without the temporary files that it would use for more than a megabyte."""

    spool_max_size = 1 << 62


class Upload:
    """The body of one request. Use it as a context manager: its memory is given back at the end."""

    def __init__(self, request: Request, limits: UploadLimits, budget: MemoryBudget, max_bytes: int = 0) -> None:
        self.request, self.limits, self.budget = request, limits, budget
        self.max_bytes = max_bytes or limits.max_bytes
        self._taken = 0

    def __enter__(self) -> "Upload":
        return self

    def __exit__(self, *_: object) -> None:
        self.budget.give_back(self._taken)
        self._taken = 0

    async def pictures(self, field: str = "image", *, form_only: bool = False) -> tuple[list[bytes], dict[str, str]]:
        """Return the pictures of the request, and the other fields of a form by name.

        A form (multipart/form-data) may hold several, each in a part named `field`; any other body is one picture,
        unless `form_only`.
        Raises `Problem` for a body that is too large, too slow, of another type, or without a picture.
        """
        media = self.request.headers.get("content-type", "").split(";")[0].strip().lower()
        if media == "multipart/form-data":
            return await self._in_time(self._of_form(field))
        if form_only or (media and media not in PICTURE_TYPES):
            expected = "multipart/form-data"
            if not form_only:
                expected += ", image/jpeg, image/png, image/webp, image/bmp, application/octet-stream"
            raise Problem("media-type", f"Content-Type: expected one of {expected}.", {"Accept-Post": expected})
        return [await self._in_time(self._whole())], {}

    async def _in_time(self, work):  # type: ignore[no-untyped-def]
        try:
            return await asyncio.wait_for(work, self.limits.seconds)
        except asyncio.TimeoutError:
            detail = f"The body was not there after {self.limits.seconds:g} seconds."
            raise Problem("too-slow", detail, {"Connection": "close"}) from None

    async def _whole(self) -> bytes:
        return b"".join([chunk async for chunk in self._chunks()])

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the body, counted; `Problem` when there is more than the limit."""
        allowed = self.max_bytes + _OVERHEAD
        try:
            announced = int(self.request.headers.get("content-length", "0"))
        except ValueError:
            announced = 0
        if announced > allowed * _DRAINED:
            raise self._too_large()
        came, self._taken = 0, 0
        async for chunk in self.request.stream():
            came += len(chunk)
            if came > allowed * _DRAINED:
                raise self._too_large()
            if max(came, announced) <= allowed:  # else it is read only to let the client finish
                self.budget.take(len(chunk))
                self._taken += len(chunk)
                yield chunk
        if max(came, announced) > allowed:
            raise self._too_large()

    def _too_large(self) -> Problem:
        return Problem("too-large", f"At most {self.max_bytes:,} bytes are allowed.", {"Connection": "close"})

    async def _of_form(self, field: str) -> tuple[list[bytes], dict[str, str]]:
        parser = _MemoryParser(self.request.headers, self._chunks(), max_files=64, max_fields=16, max_part_size=8 << 10)
        try:
            form = await parser.parse()
        except MultiPartException as fault:
            raise Problem("bad-request", f"The form cannot be read: {fault.message}") from None
        except (ClientDisconnect, Problem):
            raise
        except Exception as fault:  # malformed headers of parts, boundaries that are no text, ...
            raise Problem("bad-request", f"The form cannot be read ({type(fault).__name__}).") from None
        pictures, texts = [], {}
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if name == field:
                    pictures.append(value.file.read())
                value.file.close()
            else:
                texts[name] = value
        if not pictures:
            raise Problem("bad-request", f"The form has no file in a field named {field}.")
        return pictures, texts
