"""Errors as OpenAI's clients read them."""

from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from tunewise.serving.refused import Refused


class Error(BaseModel):
    """What was wrong: in words, and as `code` and `param` for programs."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: Error


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The request makes no sense"},
    401: {"model": ErrorBody, "description": "No good key"},
    403: {"model": ErrorBody, "description": "A key for something else"},
    404: {"model": ErrorBody, "description": "No such model"},
    413: {"model": ErrorBody, "description": "Too large"},
    429: {"model": ErrorBody, "description": "The key's limit is used up; Retry-After says when"},
    502: {"model": ErrorBody, "description": "The encoder failed"},
    503: {"model": ErrorBody, "description": "Too busy; Retry-After says when"},
}
"""For the description of a route."""


def to_openai(refused: Refused) -> Response:
    """The answer to a request that is refused."""
    reason = refused.reason
    error = Error(message=str(refused), type=reason.kind, param=reason.param, code=reason.code)
    return JSONResponse(
        {"error": error.model_dump()}, status_code=reason.status, headers=dict(reason.headers)
    )
