"""POST /v2/ai/embeddings/similarity-search."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticKnownError

from tunewise.collection import Hit
from tunewise.retrieval import Reranker
from tunewise.serving.access import need
from tunewise.serving.collections import Asked, Found, check_opens
from tunewise.serving.keys import Key
from tunewise.serving.leaving import unless_gone
from tunewise.serving.models import Model
from tunewise.serving.recent import Vectors
from tunewise.serving.refused import bad_request
from tunewise.serving.service import Service
from tunewise.serving.telnyx.errors import RESPONSES

router = APIRouter(prefix="/v2/ai/embeddings", tags=["search"], responses=RESPONSES)

MOST = 200  # documents of an answer
MOST_LETTERS = 100_000  # of a query; how many tokens it may have is looked at after


def _not_blank(query: str | None) -> str | None:
    """The query. One of blanks only is as wrong as an empty one."""
    if query is not None and not query.strip():
        raise PydanticKnownError("string_too_short", {"min_length": 1})
    return query


NotBlank = AfterValidator(_not_blank)


class SearchRequest(BaseModel):
    """What is searched for: Telnyx's fields, and what theirs has not.

    `filter` is by metadata, `by` the way to search (else the collection's own), `threshold` the
    least score ("calibrated": the one chosen with the verdict), `grouped` gives each document's
    best chunk only, and `rerank` has the server's cross-encoder order the best anew.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    bucket_name: Annotated[str, Field(min_length=1, max_length=100)]
    query: Annotated[str, Field(min_length=1, max_length=MOST_LETTERS), NotBlank]
    num_of_docs: Annotated[int, Field(ge=1, le=MOST)] = 3
    filter: dict[str, Any] | None = None
    by: Literal["vectors", "words", "hybrid"] | None = None
    threshold: float | Literal["calibrated"] | None = None
    grouped: bool = False
    rerank: bool = False


class Metadata(BaseModel):
    """Where a chunk is from. `embedding` is the model, `certainty` is 1 − distance/2."""

    source: str
    checksum: str
    embedding: str
    filename: str
    certainty: float | None
    loader_metadata: dict[str, Any]


class FoundChunk(BaseModel):
    """A chunk. `distance` is 1 − cosine, whatever the chunks were found by.

    Null where they were found by words and the model that made their vectors is not served.
    """

    document_chunk: str
    distance: float | None
    metadata: Metadata


class SearchResponse(BaseModel):
    """Chunks, best first."""

    data: list[FoundChunk]


@router.post("/similarity-search")
async def similarity_search(
    body: SearchRequest,
    request: Request,
    response: Response,
    key: Annotated[Key | None, Depends(need("search"))],
) -> SearchResponse:
    """The chunks of a bucket that are most similar to the query.

    The header `tunewise-query` is the id by which feedback can be posted.
    """
    service: Service = request.app.state.service
    check_opens(key, body.bucket_name)
    asked = Asked(
        body.query,
        body.num_of_docs,
        where=body.filter,
        by=body.by,
        threshold=body.threshold,
        grouped=body.grouped,
        rerank=await _reranker(service) if body.rerank else None,
    )
    found = await unless_gone(request, searched(service, key, body.bucket_name, asked))
    if found.query is not None:
        response.headers["tunewise-query"] = found.query
    request.state.facts |= {"model": found.model, "found": len(found.hits)}
    place = f"{request.base_url}v2/storage/buckets/{quote(body.bucket_name, safe='')}"
    pairs = zip(found.hits, found.cosines, strict=True)
    return SearchResponse(data=[_told(hit, cosine, found.model, place) for hit, cosine in pairs])


async def searched(service: Service, key: Key | None, name: str, asked: Asked) -> Found:
    """What a collection holds for a query of this caller's."""

    async def encoded(model: Model, query: str) -> Vectors:
        return await service.encoded(model, query, key)

    return await service.collections.search(name, asked, encoded)


async def _reranker(service: Service) -> Reranker:
    if service.settings.rerank is None:
        raise bad_request(
            "This server has no cross-encoder to rerank by (tunewise serve --rerank NAME). Leave "
            "'rerank' out.",
            param="rerank",
            code="no_reranker",
        )
    return await service.disk.run(lambda: service.reranker)


def _told(hit: Hit, cosine: float | None, model: str, place: str) -> FoundChunk:
    chunk, fields = hit.chunk, dict(hit.chunk.metadata)
    uploaded = "filename" in fields and "checksum" in fields
    filename = str(fields.pop("filename")) if uploaded else chunk.document
    source = str(fields.get("source", filename))
    distance = None if cosine is None else round(min(max(1 - cosine, 0.0), 2.0), 6)
    about = Metadata(
        source=f"{place}/{quote(filename)}" if uploaded else source,
        checksum=str(fields.pop("checksum")) if uploaded else "",
        embedding=model,
        filename=filename,
        certainty=None if distance is None else round(1 - distance / 2, 6),
        loader_metadata={
            "id": chunk.id,
            "score": hit.score,
            "document": chunk.document,
            "start": chunk.start,
            "end": chunk.end,
            "index": chunk.index,
            "total": chunk.total,
            "heading": chunk.heading,
            "fields": fields,
        },
    )
    return FoundChunk(document_chunk=chunk.text, distance=distance, metadata=about)
