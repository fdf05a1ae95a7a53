"""uvicorn, with what it lacks: a time limit for the head of a request, a limit of connections, and signals.

SIGTERM and SIGINT: no new requests, those that were begun are answered, exit 0. SIGHUP: the model is loaded anew.
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from helpers.errors import UserError
from webapp.problems import MEDIA_TYPE, Problem
from webapp.serve.app import create_app
from webapp.serve.service import Service
from webapp.serve.settings import ServiceSettings
from webapp.serve.worker_process import ModelFault

log = logging.getLogger("webapp.serve")

SECONDS_FOR_HEAD = 10.0  # from the connection, or from the answer before, to the whole head of a request
MOST_CONNECTIONS = 1000
SECONDS_TO_STOP = 30


class PatientProtocol(H11Protocol):
    """Closes connections that do not say what they want in time (slowloris), and refuses too many of them."""

    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            busy = Problem("busy", "There are too many connections.", {"retry-after": "2"})
            transport.write(_answer("503 Service Unavailable", busy))
            transport.close()
            return
        self._clock = self.loop.call_later(SECONDS_FOR_HEAD, self._out_of_time)

    def data_received(self, data: bytes) -> None:
        """Take `data`; a head that begins after an answer has its own time."""
        super().data_received(data)
        if self._answering():
            self._stop_clock()
        elif self._clock is None:
            self._clock = self.loop.call_later(SECONDS_FOR_HEAD, self._out_of_time)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP as everything else that is wrong: with a problem document."""
        self.transport.write(_answer("400 Bad Request", Problem("bad-request", msg)))
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_clock()
        super().connection_lost(exc)

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _out_of_time(self) -> None:
        self._clock = None
        if not self._answering():
            self.transport.close()

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None


def _answer(status: str, problem: Problem) -> bytes:
    """Return a whole answer, for those who get no further than this."""
    body = problem.body()
    head = f"HTTP/1.1 {status}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
    more = "".join(f"{name}: {value}\r\n" for name, value in problem.headers.items())
    return f"{head}{more}connection: close\r\n\r\n".encode() + body


class _Server(uvicorn.Server):
    """Ends by its own handlers with exit 0 instead of by the signal, and says when it listens."""

    def __init__(self, config: uvicorn.Config, service: Service, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self.service, self.announce = service, announce
        self._reloads: set[asyncio.Task[None]] = set()
        self.fault = ""
        service.pool.on_first_fault = self._give_up

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGTERM, SIGINT and, where it exists, SIGHUP."""
        loop = asyncio.get_running_loop()
        handlers = {"SIGTERM": self._stop, "SIGINT": self._stop, "SIGHUP": self._reload}
        for name, handler in handlers.items():
            number = getattr(signal, name, None)
            if number is None:
                continue
            try:
                loop.add_signal_handler(number, handler)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_, handler=handler: loop.call_soon_threadsafe(handler))
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce."""
        await super().startup(sockets)
        if self.started:
            self.announce()

    def _stop(self) -> None:
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True

    def _give_up(self, fault: str) -> None:
        self.fault = fault
        self.should_exit = True

    def _reload(self) -> None:
        task = asyncio.get_running_loop().create_task(self._reloaded())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def _reloaded(self) -> None:
        try:
            await self.service.pool.reload()
        except ModelFault as fault:
            log.error("the new model cannot be used, the one before goes on: %s", fault)


def serve(settings: ServiceSettings, listening: socket.socket, announce: Callable[[], None]) -> None:
    """Answer what comes in on the bound socket `listening` until a signal ends it.

    Raises `UserError` when the model cannot be loaded at the start.
    """
    app, service = create_app(settings)
    config = uvicorn.Config(
        app, http=PatientProtocol, ws="none", lifespan="on", log_config=None, access_log=False, server_header=False,
        date_header=True, timeout_keep_alive=15, timeout_graceful_shutdown=SECONDS_TO_STOP, proxy_headers=False,
        h11_max_incomplete_event_size=32 << 10,
    )  # fmt: skip
    server = _Server(config, service, announce)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    if server.fault:
        raise UserError(server.fault)
