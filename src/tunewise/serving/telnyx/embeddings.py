"""POST /v2/ai/openai/embeddings and its models: what /v1 has, where Telnyx's clients look."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from tunewise.serving.access import need
from tunewise.serving.keys import Key
from tunewise.serving.openai import embeddings, models
from tunewise.serving.telnyx.errors import RESPONSES

router = APIRouter(prefix="/v2/ai/openai/embeddings", tags=["embeddings"], responses=RESPONSES)


@router.post("", response_model=embeddings.EmbeddingResponse)
async def create_embeddings(
    body: embeddings.EmbeddingRequest,
    request: Request,
    key: Annotated[Key | None, Depends(need("embed"))],
) -> Response:
    """Vectors of unit length, as from /v1/embeddings."""
    return await embeddings.create_embeddings(body, request, key)


@router.get("/models")
async def list_embedding_models(
    request: Request, key: Annotated[Key | None, Depends(need("embed"))]
) -> models.ModelList:
    """The models that are served, in the order in which they were named."""
    return await models.list_models(request, key)
