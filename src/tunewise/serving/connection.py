"""Connection: one client's line, with bounds on what comes before there is anything to answer.

The door sees a request once its headers are whole. What never gets that far is bounded here.
"""

import asyncio
import logging
import ssl
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tunewise.serving.joined import Joined

_PIECE = 16 * 2**10  # bytes given to the parser at once
_MOST = 2_000  # connections, where the system has files for more

logger = logging.getLogger(__name__)


def _half_of_open_files() -> int:
    """Connections that leave as many open files for all else."""
    if sys.platform == "win32":
        return _MOST
    import resource

    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if allowed == resource.RLIM_INFINITY else min(_MOST, allowed // 2)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes of a request's line and headers, seconds until they are whole, connections at once.

    `waiting` is how many requests of one connection may wait until those before are answered.
    """

    head: int = 64 * 2**10
    seconds: float = 20.0
    waiting: int = 32
    connections: int = field(default_factory=_half_of_open_files)


def bounded(
    bounds: Bounds | None = None, tls: ssl.SSLContext | None = None
) -> Callable[..., asyncio.Protocol]:
    """What uvicorn makes of each connection: its `http`, in TLS where there is a certificate."""
    made = partial(Connection, bounds=bounds or Bounds())
    return made if tls is None else lambda **given: Handshake(made(**given), tls)


def loop_for(tls: ssl.SSLContext | None) -> Literal["auto", "asyncio"]:
    """The event loop that uvicorn is to run, by name.

    uvloop goes on reading between a connection's beginning and its `start_tls`, and loses what
    comes then: some handshakes never end.
    """
    return "auto" if tls is None else "asyncio"


class Connection(HttpToolsProtocol):
    """uvicorn's connection, which is closed where a client goes past the bounds.

    The parser joins a header's pieces anew with each, so an endless one would take ever longer:
    what counts is the bytes since it last gave out something whole. That bounds what follows a
    body in chunks too.

    uvicorn reads on after every answer, however many requests wait, and one read brings thousands
    more: the first that is one too many is the last thing read.
    """

    def __init__(self, *, bounds: Bounds, **given: Any) -> None:
        super().__init__(**given)
        self.bounds, self._unread, self._full = bounds, 0, False
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins, or turns away who is one too many."""
        room = has_room(self.connections, self.bounds.connections)
        super().connection_made(Joined(transport, self.loop))  # type: ignore[arg-type]
        if room:
            self._hurry()
        else:
            told = f"{self.bounds.connections} connections are open already."
            self._turn_away("503 Service Unavailable", told, "retry-after: 1\r\n")

    def data_received(self, data: bytes) -> None:
        """Reads on, piece by piece."""
        for begin in range(0, len(data), _PIECE):
            if self._full:
                return
            piece = data[begin : begin + _PIECE]
            self._unread += len(piece)
            super().data_received(piece)
            if self.transport.is_closing():
                return
            if self._unread > self.bounds.head:
                told = f"A request's line and headers may have {self.bounds.head:,} bytes."
                self._turn_away("431 Request Header Fields Too Large", told)
                return
        if self._end is None and self._idle:
            self._hurry()

    def on_headers_complete(self) -> None:
        """A request is there: from here on the door has the time."""
        self._unread = 0
        self._rest()
        if not self._full and len(self.pipeline) >= self.bounds.waiting:
            self._full = True
            self.cycle.keep_alive = False  # its answer is the last, and says so
            logger.warning("a connection ends: %d requests wait in it.", self.bounds.waiting)
        if not self._full:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body, which the door bounds."""
        self._unread = 0
        if not self._full:  # it would else be put into the last request's
            super().on_body(body)

    def on_message_complete(self) -> None:
        """All of a request is there."""
        if not self._full:
            super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends."""
        self._rest()
        super().connection_lost(exc)

    @property
    def idle_until(self) -> float | None:
        """When it ends if it stays idle between two requests; None while it is not."""
        ends = self.timeout_keep_alive_task
        return None if ends is None or self.transport.is_closing() else ends.when()

    @property
    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _should_upgrade(self) -> bool:
        return not self._full and super()._should_upgrade()  # what is not read is no WebSocket

    def _hurry(self) -> None:
        self._end = self.loop.call_later(self.bounds.seconds, self.transport.close)

    def _rest(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _turn_away(self, status: str, told: str, more: str = "") -> None:
        logger.warning("a connection was closed: %s", told)
        if self._idle:  # else it would stand in the midst of another answer
            head = f"content-type: text/plain\r\ncontent-length: {len(told)}\r\nconnection: close"
            answer = f"HTTP/1.1 {status}\r\n{more}{head}\r\n\r\n{told}"
            self.transport.write(answer.encode("ascii"))
        self.transport.close()


class Handshake(asyncio.Protocol):
    """A connection until its TLS is agreed on, with a place and as much time as a head has.

    uvicorn would count it only after that, and allow a minute: whoever sends nothing could open as
    many as the system has files.
    """

    idle_until = None

    def __init__(self, connection: Connection, tls: ssl.SSLContext) -> None:
        self._connection, self._tls = connection, tls
        self._early, self._lost = b"", False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins, or turns away who is one too many."""
        self._transport, others = transport, self._connection.connections
        if not has_room(others, self._connection.bounds.connections):
            logger.warning("a connection was closed: %d are open already.", len(others))
            transport.abort()
            return
        others.add(self)  # type: ignore[arg-type]
        transport.pause_reading()  # the next bytes are for TLS
        self._task = self._connection.loop.create_task(self._agree())

    def data_received(self, data: bytes) -> None:
        """Keeps what came right after the handshake."""
        self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends before it began."""
        del exc
        self._lost = True

    def shutdown(self) -> None:
        """Called by the server when it ends."""
        self._transport.abort()

    async def _agree(self) -> None:
        connection = self._connection
        try:
            inside = await connection.loop.start_tls(
                self._transport,
                self,
                self._tls,
                server_side=True,
                ssl_handshake_timeout=connection.bounds.seconds,
            )
        except OSError as refusal:  # too late, no TLS, or gone
            logger.debug("a connection was closed in its handshake: %s", refusal)
            return
        finally:
            connection.connections.discard(self)
        if self._lost or inside is None or inside.is_closing():
            return
        inside.set_protocol(connection)
        connection.connection_made(inside)
        if self._early:
            connection.data_received(self._early)


def has_room(connections: Collection[Any], most: int) -> bool:
    """Whether there is room for one more; the one that was idle longest makes some."""
    if len(connections) < most:
        return True
    idle = [each for each in connections if each.idle_until is not None]
    if not idle:
        return False
    # at once: in TLS, one that is closed waits for the client to say that it heard of it
    min(idle, key=lambda each: each.idle_until).transport.abort()
    return True
