"""Straight: a good request for embeddings without the way every other takes through FastAPI.

That way takes a third of what a request takes of the one thread that all share, which is a
millisecond. What is wrong with a body, and what the documentation says of it, stays with the route:
a body that is not plainly good goes there.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, cast

from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.routing import BaseRoute, Match, NoMatchFound

from tunewise.serving.access import need
from tunewise.serving.leaving import gone
from tunewise.serving.openai.embeddings import EmbeddingRequest, create_embeddings, router

_admitted = need("embed")


class Straight:
    """What stands among the routes before the one that it answers for."""

    def __init__(self, route: APIRoute) -> None:
        self._route = route
        self.path, self.methods, self.dependant = route.path, route.methods, route.dependant

    def matches(self, scope: Any) -> tuple[Match, Any]:
        """As the route, but of another method the route itself says what it takes."""
        match, found = self._route.matches(scope)
        return (match, found) if match is Match.FULL else (Match.NONE, {})

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Answers a request for embeddings."""
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

    def url_path_for(self, name: str, /, **path_params: Any) -> NoReturn:
        """Raises NoMatchFound: the route has a name, and this has none."""
        raise NoMatchFound(name, path_params)


def straight() -> BaseRoute:
    """What to put before all routes."""
    [route] = (each for each in router.routes if isinstance(each, APIRoute))
    return cast(BaseRoute, Straight(route))  # it has what a router asks of one


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
