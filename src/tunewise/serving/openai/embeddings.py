"""POST /v1/embeddings."""

import asyncio
import base64
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from starlette.responses import Response

from tunewise.encoders.vectors import Side
from tunewise.serving.access import need
from tunewise.serving.keys import Key
from tunewise.serving.leaving import unless_gone
from tunewise.serving.models import Model
from tunewise.serving.openai.errors import RESPONSES
from tunewise.serving.openai.input import MOST_ITEMS, checked, texts_of
from tunewise.serving.openai.models import asked_model
from tunewise.serving.recent import Vectors
from tunewise.serving.refused import bad_request
from tunewise.serving.service import Service

router = APIRouter(prefix="/v1", tags=["embeddings"], responses=RESPONSES)

_AT_ONCE = 16  # texts whose answer takes no time worth a thread
_LETTERS_AT_ONCE = 8_000  # a millisecond of counting tokens

_TOKENS = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}}
_INPUT = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_ITEMS,
            "items": {"type": "string", "minLength": 1},
        },
        _TOKENS,
        {"type": "array", "minItems": 1, "maxItems": MOST_ITEMS, "items": _TOKENS},
    ]
}


class EmbeddingRequest(BaseModel):
    """What is asked for: OpenAI's fields, and `input_type`, for models with two sides."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"model": "all-MiniLM-L6-v2", "input": "open a file"}]},
    )

    input: Annotated[Any, WithJsonSchema(_INPUT)]
    model: Annotated[str, Field(min_length=1, max_length=500)]
    dimensions: Annotated[int, Field(ge=1)] | None = None
    encoding_format: Literal["float", "base64"] | None = None
    input_type: Literal["query", "document"] | None = None
    user: str | None = None


class Embedding(BaseModel):
    """One vector: numbers, or the base64 of float32 in little-endian order."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """Tokens of the input."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingResponse(BaseModel):
    """Vectors in the order of the input."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Usage


@router.post("/embeddings", response_model=EmbeddingResponse)
async def create_embeddings(
    body: EmbeddingRequest, request: Request, key: Annotated[Key | None, Depends(need("embed"))]
) -> Response:
    """Vectors of unit length. Of a text longer than the model reads, the beginning counts.

    How many texts were cut so is in the header `tunewise-cut`.
    """
    service: Service = request.app.state.service
    model, side = await chosen(service, body, key)
    check_dimensions(model, body.dimensions)
    texts, counts = (
        read(body.input, model, side)
        if is_small(body.input)
        else await asyncio.to_thread(read, body.input, model, side)
    )
    service.access.charge(key, sum(counts))
    cut = sum(count > (model.encoder.max_tokens or count) for count in counts)
    service.meters.charged.labels(model.name).inc(sum(counts))
    service.meters.cut.labels(model.name).inc(cut)
    request.state.facts |= {"model": model.name, "texts": len(texts), "tokens": sum(counts)}
    vectors = await unless_gone(request, service.vectors(model, side, texts, counts))

    def written() -> bytes:
        finished = model.finish(vectors, side, body.dimensions)
        return answer(finished, model.name, sum(counts), plain=body.encoding_format != "base64")

    content = written() if len(texts) <= _AT_ONCE else await asyncio.to_thread(written)
    headers = {"tunewise-cut": str(cut)} if cut else {}
    return Response(content, media_type="application/json", headers=headers)


def is_small(given: Any) -> bool:
    """Whether an input, which may be anything yet, is read in no time worth a thread."""
    texts = given if isinstance(given, list) else [given]
    if len(texts) > _AT_ONCE or not all(isinstance(text, str) for text in texts):
        return False
    return sum(map(len, texts)) <= _LETTERS_AT_ONCE


async def chosen(service: Service, body: EmbeddingRequest, key: Key | None) -> tuple[Model, Side]:
    """The model, and the side: as `input_type` or the model's suffix says, else documents."""
    model, side = await asked_model(service, body.model, key)
    asked: Side | None = None
    if body.input_type is not None:
        asked = "queries" if body.input_type == "query" else "documents"
    if side is not None and asked not in (None, side):
        raise bad_request(
            f"The model's name asks for {side}, and 'input_type' for {asked}. Say it once.",
            param="input_type",
        )
    return model, side or asked or "documents"


def check_dimensions(model: Model, dimensions: int | None) -> None:
    """Raises Refused for dimensions that the model's vectors cannot be cut to."""
    full = model.encoder.dimension
    if dimensions in (None, full, *model.prefixes):
        return
    allowed = ", ".join(str(each) for each in dict.fromkeys([full, *model.prefixes]))
    why = f"was not trained to be cut to {dimensions} dimensions"
    if dimensions is not None and dimensions > full:
        why = f"has {full} dimensions, not {dimensions}"
    raise bad_request(
        f"The model '{model.name}' {why}. It gives: {allowed}.",
        param="dimensions",
        code="unsupported_dimensions",
    )


def read(given: Any, model: Model, side: Side) -> tuple[list[str], list[int]]:
    """The texts of an input, and the tokens of each. Raises Refused past any limit."""
    texts = texts_of(given, model)
    return texts, checked(model.count_tokens(texts, side))


def answer(vectors: Vectors, model: str, tokens: int, *, plain: bool) -> bytes:
    """The body of the answer: numbers as they are, or as base64."""
    rows: Sequence[str] = [
        json.dumps(row.tolist())  # one at a time: others have their turn between
        if plain
        else f'"{base64.b64encode(row.astype("<f4").tobytes()).decode()}"'
        for row in vectors
    ]
    data = ", ".join(
        f'{{"object": "embedding", "index": {index}, "embedding": {row}}}'
        for index, row in enumerate(rows)
    )
    usage = json.dumps({"prompt_tokens": tokens, "total_tokens": tokens})
    told = f'{{"object": "list", "data": [{data}], "model": {json.dumps(model)}, "usage": {usage}}}'
    return told.encode()
