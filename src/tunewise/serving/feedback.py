"""POST /v1/queries/{id}/feedback: how useful what a search found was, for the query log."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from tunewise.errors import DataError
from tunewise.querylog import QueryLog
from tunewise.serving.access import need
from tunewise.serving.keys import Key
from tunewise.serving.openai.errors import RESPONSES
from tunewise.serving.refused import Reason, Refused
from tunewise.serving.service import Service

router = APIRouter(prefix="/v1/queries", tags=["search"], responses=RESPONSES)

_MOST = 1_000  # grades at once
_Grade = Annotated[float, Field(ge=0, lt=1e9)]


class Feedback(BaseModel):
    """Grades by the ids of chunks that were found: 0 for no use, more for more."""

    model_config = ConfigDict(extra="forbid")

    grades: Annotated[dict[str, _Grade], Field(min_length=1, max_length=_MOST)]


@router.post("/{query}/feedback", status_code=204)
async def add_feedback(
    query: str,
    body: Feedback,
    request: Request,
    key: Annotated[Key | None, Depends(need("search"))],
) -> None:
    """Adds grades for what was found, in place of earlier ones for the same chunks."""
    service: Service = request.app.state.service
    collections = service.collections
    log = collections.log
    if log is None:
        raise _unknown(query)
    await collections.threads.run(lambda: _add(log, query, body.grades, key))


def _add(log: QueryLog, query: str, grades: dict[str, float], key: Key | None) -> None:
    try:
        served = log.get(query)
    except DataError:
        raise _unknown(query) from None
    if key is not None and not key.opens(served.collection):
        raise _unknown(query)  # whose query it was is nobody else's matter
    log.add_feedback(query, grades)


def _unknown(query: str) -> Refused:
    return Refused(
        f"There is no query '{query[:64]}' in the log. It may be past its days, or of a "
        "collection that this key is not for.",
        Reason(404, "query_not_found"),
    )
