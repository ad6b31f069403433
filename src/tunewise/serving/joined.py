"""Joined: what is written to a connection in one turn of the event loop goes out in one piece.

uvicorn writes an answer's head and its body apart, and each wakes whoever reads.
"""

import asyncio
from typing import Any

_MOST = 64 * 2**10  # bytes that wait


class Joined:
    """A transport that keeps what is written until the loop's next turn, or until it is much."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Sends the data, in order."""
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)
        self._size += len(data)
        if self._size > _MOST:
            self._send()

    def close(self) -> None:
        """Closes once all is sent."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._pieces:
            self._transport.write(b"".join(self._pieces))
            self._pieces.clear()
            self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)  # all else is as it was
