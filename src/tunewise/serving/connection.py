"""Connection: one client's line, with bounds on what comes before there is anything to answer.

The door sees a request once its headers are whole. What never gets that far is bounded here.
"""

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

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
    """Bytes of a request's line and headers, seconds until they are whole, connections at once."""

    head: int = 64 * 2**10
    seconds: float = 20.0
    connections: int = field(default_factory=_half_of_open_files)


def bounded(bounds: Bounds | None = None) -> Callable[..., "Connection"]:
    """What uvicorn makes of each connection: its `http`."""
    return partial(Connection, bounds=bounds or Bounds())


class Connection(HttpToolsProtocol):
    """uvicorn's connection, which is closed where a client goes past the bounds.

    The parser joins a header's pieces anew with each, so an endless one would take ever longer:
    what counts is the bytes since it last gave out something whole. That bounds what follows a
    body in chunks too.
    """

    def __init__(self, *, bounds: Bounds, **given: Any) -> None:
        super().__init__(**given)
        self._bounds, self._unread = bounds, 0
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins, or turns away who is one too many."""
        super().connection_made(transport)
        if len(self.connections) > self._bounds.connections:
            told = f"{self._bounds.connections} connections are open already."
            self._turn_away("503 Service Unavailable", told)
        else:
            self._hurry()

    def data_received(self, data: bytes) -> None:
        """Reads on, piece by piece."""
        for begin in range(0, len(data), _PIECE):
            piece = data[begin : begin + _PIECE]
            self._unread += len(piece)
            super().data_received(piece)
            if self.transport.is_closing():
                return
            if self._unread > self._bounds.head:
                told = f"A request's line and headers may have {self._bounds.head:,} bytes."
                self._turn_away("431 Request Header Fields Too Large", told)
                return
        if self._end is None and self._idle:
            self._hurry()

    def on_headers_complete(self) -> None:
        """A request is there: from here on the door has the time."""
        self._unread = 0
        self._rest()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body, which the door bounds."""
        self._unread = 0
        super().on_body(body)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends."""
        self._rest()
        super().connection_lost(exc)

    @property
    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _hurry(self) -> None:
        self._end = self.loop.call_later(self._bounds.seconds, self.transport.close)

    def _rest(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _turn_away(self, status: str, told: str) -> None:
        logger.warning("a connection was closed: %s", told)
        if self._idle:  # else it would stand in the midst of another answer
            head = f"content-type: text/plain\r\ncontent-length: {len(told)}\r\nconnection: close"
            self.transport.write(f"HTTP/1.1 {status}\r\n{head}\r\n\r\n{told}".encode("ascii"))
        self.transport.close()
