"""Door: what every request passes: an id, a clock, keys and limits before anything is read."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.responses import Response

from tunewise.serving.access import Access, check_scope, scope_of
from tunewise.serving.observed import Meters
from tunewise.serving.refused import Reason, Refused, busy
from tunewise.serving.spans import Spans

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
_ID = re.compile(rb"[\w.-]{1,64}")  # others could break a log line
OPEN = frozenset({"/healthz", "/readyz"})
"""Paths that no key is asked for."""

BUCKETS = "/v2/storage/buckets/"
"""Where files are put into buckets: the route says how large one may be, as it streams to disk."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Doorway:
    """What may come in: bytes of a body, seconds that it may take, requests at once, our names.

    `hosts` None takes any. Where no key is asked for, it must be this machine's own names: else a
    page in somebody's browser could, by a name that leads here, ask in that person's place. What
    a browser says comes from elsewhere is refused then too.
    Paths in `uploads` have bounds of their own. One that brings fewer than `upload_rate` bytes a
    second, over `upload_window` seconds in which it was waited for, is ended.
    """

    body: int = 8 * 2**20
    seconds: float = 60.0
    at_once: int = 1_000
    uploads: frozenset[str] = frozenset({"/v1/files"})
    upload: int = 513 * 2**20
    upload_seconds: float = 3_600.0
    upload_rate: float = 1_000.0
    upload_window: float = 60.0
    hosts: frozenset[str] | None = None


class Door:
    """An ASGI app around the app: refuses at the door, counts, and writes one line a request."""

    def __init__(
        self,
        app: Any,
        *,
        routes: Sequence[Any],
        doorway: Doorway,
        access: Access,
        meters: Meters,
        shown: Callable[[str, Refused], Response],
        signed: Callable[[Scope], bool] = lambda _: False,
        spans: Spans,
    ) -> None:
        self.app, self._doorway, self._access = app, doorway, access
        self._meters, self._shown, self._signed, self._spans = meters, shown, signed, spans
        self._routes = [(route, scope_of(route)) for route in routes]
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets one request through, or answers it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        name = given if _ID.fullmatch(given) else uuid4().hex.encode()
        facts: dict[str, Any] = {"request": name.decode()}
        scope.setdefault("state", {}).update(facts=facts, key=None, signer=None)
        status = 500

        async def answered(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", name)]
            await send(message)

        self._inside += 1
        with self._spans.request(headers, facts):
            try:
                await self._let_in(scope, headers, receive, answered)
            except Exception:  # answered by then; told here without its message, which may quote
                logger.exception("a request failed", extra={"facts": facts})
            finally:
                self._inside -= 1
                self._told(scope, facts, status, time.perf_counter() - began)

    async def _let_in(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        try:
            self._check(scope, headers)
            scope["state"]["signed"] = self._signed(scope)
            if scope["path"] not in OPEN and not scope["state"]["signed"]:
                self._admit(scope, headers)
        except Refused as refused:
            await self._shown(scope["path"], refused)(scope, receive, send)
        else:
            await self.app(scope, self._bounded(scope, receive), send)

    def _check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """Raises Refused for what need not be read to be refused."""
        doorway = self._doorway
        if self._inside > doorway.at_once:
            raise busy(f"{doorway.at_once} requests are being answered already.", seconds=1)
        if doorway.hosts is not None:
            _check_names(headers, doorway.hosts)
        length = headers.get(b"content-length", b"0")
        most, _ = self._room(scope)
        if length.isdigit() and int(length) > most:
            raise Refused(_too_large(most), Reason(413, "request_too_large"))

    def _admit(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """Raises Refused without a good key, or with one that is not for this route.

        The route asks once more by `need`, should the app ever find another one than is found here.
        """
        key = self._access.admit(headers.get(b"authorization", b"").decode("latin-1"))
        if key is None:
            return
        scope["state"]["key"] = key
        scope["state"]["facts"]["key"] = key.id
        for route, wanted in self._routes:
            if scope["method"] in route.methods and route.path_regex.match(scope["path"]):
                scope["route"] = route  # as the app sets it: what is refused here is counted too
                if wanted is not None:
                    check_scope(key, wanted)
                return

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """The body as it comes, broken off where it is larger or slower than it may be."""
        most, seconds = self._room(scope)
        left = most
        end: float | None = asyncio.get_running_loop().time() + seconds
        coming = self._steady(receive) if self._is_upload(scope) else receive

        async def received() -> Any:
            nonlocal left, end
            try:
                async with asyncio.timeout_at(end):
                    message = await (receive if end is None else coming)()
            except TimeoutError:
                told = f"The request was not whole after {seconds:g} seconds. Send it again"
                raise HTTPException(408, told) from None
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, _too_large(most))
            if not message.get("more_body"):
                end = None  # what comes now is the client's leaving, whenever that is
            return message

        return received

    def _steady(self, receive: Receive) -> Receive:
        """A body that is broken off where too little of it comes; our own time does not count."""
        clock, window = asyncio.get_running_loop().time, self._doorway.upload_window
        least = self._doorway.upload_rate * window
        waited, came = 0.0, 0

        async def received() -> Any:
            nonlocal waited, came
            while True:
                began, message = clock(), None
                with suppress(TimeoutError):
                    async with asyncio.timeout(window - waited):
                        message = await receive()
                waited += clock() - began
                came += 0 if message is None else len(message.get("body", b""))
                if waited >= window:
                    if came < least and (message is None or message.get("more_body")):
                        told = f"Of an upload {least:,.0f} bytes have to come in {window:g} seconds"
                        raise HTTPException(408, f"{told}. Send it again")
                    waited, came = 0.0, 0
                if message is not None:
                    return message

        return received

    def _is_upload(self, scope: Scope) -> bool:
        into_bucket = scope["method"] == "PUT" and scope["path"].startswith(BUCKETS)
        return into_bucket or scope["path"] in self._doorway.uploads

    def _room(self, scope: Scope) -> tuple[int, float]:
        """Bytes that a body may have, and seconds that it may take."""
        doorway = self._doorway
        if self._is_upload(scope):
            return doorway.upload, doorway.upload_seconds
        return doorway.body, doorway.seconds

    def _told(self, scope: Scope, facts: dict[str, Any], status: int, seconds: float) -> None:
        # the route, not the path: a path may hold anything, and there are ever more of them
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._meters.requests.labels(method, route, status).inc()
        self._meters.latency.labels(route).observe(seconds)
        facts |= {"method": method, "route": route, "status": status}
        logger.info("answered", extra={"facts": {**facts, "ms": round(1000 * seconds, 2)}})


def _check_names(headers: dict[bytes, bytes], hosts: frozenset[str]) -> None:
    """Raises Refused for another host than ours, and for a page of another one in a browser.

    A browser sends a form to any address, without asking it first; other clients send neither
    header.
    """
    if _name(headers.get(b"host", b"").decode("latin-1")) not in hosts:
        raise Refused(
            "Without keys only this machine's own names are answered. Ask localhost, or start "
            "the server with --keys.",
            Reason(403, "unknown_host"),
        )
    origin = headers.get(b"origin", b"").decode("latin-1")
    foreign = origin and _name(origin.partition("://")[2]) not in hosts
    if foreign or headers.get(b"sec-fetch-site", b"").strip().lower() == b"cross-site":
        raise Refused(
            "Without keys no page of another site is answered. Ask from a page of this machine, or "
            "start the server with --keys.",
            Reason(403, "unknown_origin"),
        )


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    return host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]


def _too_large(most: int) -> str:
    return f"A request may have {most:,} bytes, and this one has more. Send it in parts."
