"""Leaving: work that is given up when whoever asked for it has gone."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from tunewise.serving.refused import Reason, Refused

Result = TypeVar("Result")


async def unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of the work, which is cancelled when the client closes its connection.

    Raises Refused then, which nobody reads but the log: status 499, as nginx has it.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise gone()
    finally:
        leaving.cancel()
        working.cancel()


def gone() -> Refused:
    """What a request is answered whose client has gone."""
    return Refused("The client went away.", Reason(499, "client_closed_request"))


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
