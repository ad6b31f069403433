"""Straight: a good request for embeddings without the way every other takes through FastAPI.

That way takes a third of what a request takes of the one thread that all share, which is a
millisecond. What is wrong with a body, and what the documentation says of it, stays with the route:
a body that is not plainly good goes there.
"""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.routing import Match, Route

from tunewise.serving.access import need
from tunewise.serving.leaving import gone
from tunewise.serving.openai.embeddings import EmbeddingRequest, create_embeddings, router

_admitted = need("embed")


class Straight:
    """An ASGI app in front of the route that it answers for."""

    def __init__(self, route: APIRoute) -> None:
        self._route = route

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers a request for embeddings."""
        scope["route"] = self._route
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            raise gone() from None
        asked = _read(body) if _is_json(request) else None
        if asked is None:
            await self._route.handle(scope, _again(body, receive), send)
            return
        answer = await create_embeddings(asked, request, await _admitted(request))
        await answer(scope, receive, send)


def straight() -> Route:
    """The route to put before all others."""
    [route] = (each for each in router.routes if isinstance(each, APIRoute))
    front = Route(route.path, Straight(route), methods=["POST"], include_in_schema=False)
    front.dependant = route.dependant  # type: ignore[attr-defined]  # for `access.scope_of`
    front.matches = partial(_whole, front.matches)  # type: ignore[method-assign]
    return front


def _whole(matches: Callable[[Any], tuple[Match, Any]], scope: Any) -> tuple[Match, Any]:
    """A match in all; of another method, the route itself says what it takes, and is counted."""
    match, found = matches(scope)
    return (match, found) if match is Match.FULL else (Match.NONE, {})


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0] == "application/json"


def _read(body: bytes) -> EmbeddingRequest | None:
    try:
        return EmbeddingRequest.model_validate(json.loads(body))
    except (ValueError, RecursionError):
        return None


def _again(body: bytes, receive: Any) -> Callable[[], Awaitable[Any]]:
    """What gives a body that was read once more, and then what comes after it."""
    whole = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def received() -> Any:
        return next(whole, None) or await receive()

    return received
