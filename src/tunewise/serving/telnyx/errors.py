"""Errors as Telnyx's clients read them."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from tunewise.serving.refused import Refused


class ErrorSource(BaseModel):
    """Where in the request the fault lies: a JSON pointer."""

    pointer: str


class Error(BaseModel):
    """What was wrong: `code` for programs, `title` for the status, `detail` in words."""

    code: str
    title: str
    detail: str
    source: ErrorSource | None = None


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    errors: list[Error]


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The request makes no sense"},
    401: {"model": ErrorBody, "description": "No good key"},
    403: {"model": ErrorBody, "description": "A key for something else"},
    404: {"model": ErrorBody, "description": "There is none"},
    413: {"model": ErrorBody, "description": "Too large"},
    422: {"model": ErrorBody, "description": "Not with what is served here"},
    429: {"model": ErrorBody, "description": "The key's limit is used up; Retry-After says when"},
    503: {"model": ErrorBody, "description": "Too busy; Retry-After says when"},
    507: {"model": ErrorBody, "description": "The server's disk is full"},
}
"""For the description of a route."""


def to_telnyx(refused: Refused) -> Response:
    """The answer to a request that is refused."""
    reason = refused.reason
    try:
        title = HTTPStatus(reason.status).phrase
    except ValueError:  # 499 is nobody's but nginx's
        title = "Refused"
    error = Error(
        code=reason.code or title.lower().replace(" ", "_"),
        title=title,
        detail=str(refused),
        source=ErrorSource(pointer=f"/{reason.param}") if reason.param else None,
    )
    body = ErrorBody(errors=[error]).model_dump(exclude_none=True)
    return JSONResponse(body, status_code=reason.status, headers=dict(reason.headers))
