"""App: the routes, what stands before them, and the one shape of their errors."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tunewise.errors import TunewiseError
from tunewise.jobs.home import Home
from tunewise.serving import feedback, health
from tunewise.serving.access import Access
from tunewise.serving.batching import Limits
from tunewise.serving.door import Door, Doorway
from tunewise.serving.keys import KeyFile
from tunewise.serving.mistakes import mistake
from tunewise.serving.models import Offer
from tunewise.serving.openai import embeddings, files, fine_tuning, models
from tunewise.serving.openai.errors import to_openai
from tunewise.serving.openai.straight import straight
from tunewise.serving.refused import Reason, Refused, bad_request, refused_for
from tunewise.serving.service import Service, Settings
from tunewise.serving.signed import is_signed
from tunewise.serving.spans import NoSpans, Spans
from tunewise.serving.telnyx import clusters, documents, search, shelves, storage, tasks
from tunewise.serving.telnyx import embeddings as telnyx_embeddings
from tunewise.serving.telnyx import fine_tuning as tuning_jobs
from tunewise.serving.telnyx.errors import to_telnyx
from tunewise.serving.telnyx.names import check_line

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LIMITS, _DOORWAY, _SETTINGS = Limits(), Doorway(), Settings()
_NO_SPANS = NoSpans()
_FAILED = 500  # from here on it is the server's doing
_NO_ROUTE = {
    404: "There is nothing at this address. GET /openapi.json tells what there is.",
    405: "This address takes another method. GET /openapi.json tells which.",
}

_GROUPS = (embeddings, models, telnyx_embeddings, health)
_AT_HOME = (
    *(feedback, files, fine_tuning, tuning_jobs),
    *(search, tasks, storage, clusters, shelves, documents),
)

logger = logging.getLogger(__name__)


def make_app(
    offer: Offer,
    *,
    home: Home | None = None,
    workers: int = 0,
    settings: Settings = _SETTINGS,
    keys: KeyFile | None = None,
    limits: Limits = _LIMITS,
    doorway: Doorway = _DOORWAY,
    spans: Spans = _NO_SPANS,
) -> Door:
    """An ASGI app that serves these models.

    Without a `home` it has embeddings, models and health alone; `settings` are for what is in it,
    and `workers` how many processes do its jobs, which no other server may have (`Home.held`).
    Without `keys` everybody may ask for everything: then give a `doorway` whose hosts are
    `LOOPBACK`, and let no other machine reach it. `cli/serve.py` sees to both.
    """
    service = Service(offer, Access(keys), limits, home=home, settings=settings, spans=spans)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        await service.begin(workers)
        yield
        await service.close()

    # their pages of documentation load scripts from another server
    app = FastAPI(title="Tunewise", docs_url=None, redoc_url=None, lifespan=running)
    app.state.service = service
    groups = (*_GROUPS, *(() if home is None else _AT_HOME))
    app.router.routes.append(straight())
    for group in groups:
        app.include_router(group.router)
    app.add_exception_handler(TunewiseError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(UnicodeEncodeError, _no_text)
    app.add_exception_handler(Exception, _failed)
    return Door(
        app,
        routes=[route for group in groups for route in group.router.routes],
        doorway=doorway,
        access=service.access,
        meters=service.meters,
        shown=shown,
        signed=partial(is_signed, service),
        spans=spans,
    )


def shown(path: str, refused: Refused) -> Response:
    """A refusal in the shape that clients of this path read, whatever it quotes."""
    param = None if refused.reason.param is None else _encodable(refused.reason.param)
    told = Refused(_encodable(str(refused)), replace(refused.reason, param=param))
    return (to_telnyx if path.startswith("/v2/") else to_openai)(told)


def _encodable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


async def _refused(request: Request, error: Any) -> Response:
    refused = refused_for(error)
    if refused is not error and refused.reason.status >= _FAILED:
        facts = request.state.facts
        logger.error("%s: %s", type(error).__name__, error, extra={"facts": facts})
    return shown(request.url.path, refused)


async def _invalid(request: Request, error: Any) -> Response:
    told, place = mistake(error.errors(), error.body)
    if request.url.path.startswith("/v2/"):  # a JSON pointer, which names what is deeper too
        place = ("/".join(each.replace("~", "~0").replace("/", "~1") for each in place),)
    return shown(request.url.path, bad_request(told, param=next(iter(place), None) or None))


async def _no_text(request: Request, error: Any) -> Response:
    """JSON can hold half a pair of UTF-16, which no store, encoder or answer can write."""
    half = error.object[error.start : error.end].encode(errors="backslashreplace").decode()
    told = f"'{half[:20]}' is half a character (a lone surrogate), and no text. Leave it out."
    return shown(request.url.path, bad_request(told, code="invalid_text"))


async def _http(request: Request, error: Any) -> Response:
    try:
        await check_line(request)  # no route takes such a path, and "not found" would not say why
    except Refused as refused:
        return shown(request.url.path, refused)
    codes = {
        404: "not_found",
        405: "method_not_allowed",
        408: "request_too_slow",
        413: "request_too_large",
    }
    reason = Reason(error.status_code, codes.get(error.status_code), headers=error.headers or {})
    told = _NO_ROUTE.get(error.status_code) or f"{str(error.detail).rstrip('.')}."
    return shown(request.url.path, Refused(told, reason))


async def _failed(request: Request, error: Exception) -> Response:
    del error  # the door writes it to the log
    reason = Reason(500, "internal_error", kind="server_error")
    told = Refused("The server failed at this; its log says where.", reason)
    return shown(request.url.path, told)
