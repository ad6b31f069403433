"""GET /v2/ai/knowledge/collections/{slug}/documents: a collection's chunks, searched or listed."""

import re
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from tunewise.collection import Collection
from tunewise.collection import about as kept
from tunewise.collection.filters import DOCUMENT, OPERATORS, Field, Filter
from tunewise.collection.retrieval import By
from tunewise.documents import Chunk
from tunewise.jobs.embedding import UPLOADED
from tunewise.serving.access import need
from tunewise.serving.collections import NO_COLLECTION, Asked, Found
from tunewise.serving.keys import Key
from tunewise.serving.refused import Reason, Refused, bad_request
from tunewise.serving.service import Service
from tunewise.serving.shelves import Retrieval, Shelf
from tunewise.serving.telnyx.errors import RESPONSES
from tunewise.serving.telnyx.paging import PageNumber, PageSize, meta_of
from tunewise.serving.telnyx.search import MOST_LETTERS, NotBlank, searched
from tunewise.serving.telnyx.shelves import opened

router = APIRouter(prefix="/v2/ai/knowledge/collections", tags=["collections"], responses=RESPONSES)

_DEEPEST = 10_000  # documents that pages of a listing reach
_AT_ONCE = 1_000
_FILTER = re.compile(r"filter\[(.{1,200}?)\](?:\[(\w{1,20})\])?")
_BY: Mapping[Retrieval, By] = {"vector": "vectors", "hybrid": "hybrid", "keyword": "words"}
_OURS = {"record_id": DOCUMENT, "record_created_at": UPLOADED}
_OF_BUCKETS = ("record_type", "bucket_id")  # the same for all chunks of one
_search = need("search")

Filters = list[tuple[str, str, str]]
"""Field, operator, value: as text, since kinds are a matter of each bucket."""


class FoundDocument(BaseModel):
    """A chunk; `record_id` is the document it was cut from, `score` 0 in a plain listing."""

    id: str
    text: str
    score: float
    chunk_index: int
    chunk_total: int
    record_id: str
    record_type: str
    record_created_at: str | None
    metadata: dict[str, Any]


class DocumentsMeta(BaseModel):
    """Which page, as elsewhere, and what was searched."""

    page_number: int
    page_size: int
    total_pages: int
    total_results: int
    collection_slug: str
    retrieval_type: Retrieval | None
    searched_sources: list[str]
    top_k: int | None


class Documents(BaseModel):
    """Chunks, best first; without a query by their ids."""

    data: list[FoundDocument]
    meta: DocumentsMeta


@router.get("/{slug}/documents")
async def retrieve_documents(
    slug: str,
    request: Request,
    key: Annotated[Key | None, Depends(_search)],
    query: Annotated[str | None, Query(min_length=1, max_length=MOST_LETTERS), NotBlank] = None,
    retrieval_type: Retrieval | None = None,
    top_k: Annotated[int | None, Query(ge=1, le=50)] = None,
    sources: Annotated[str | None, Query(max_length=200)] = None,
    number: PageNumber = 1,
    size: PageSize = 20,
) -> Documents:
    """Chunks of a collection's buckets: what is nearest to the query, or without one all.

    Narrowed by `filter[field][operator]=value`.
    """
    service: Service = request.app.state.service
    shelf = await service.disk.run(lambda: opened(service.shelves.by_slug(slug), key))
    how = retrieval_type or shelf.retrieval
    wanted = sources is None or "bucket" in sources.split(",")
    filters = _filters(request)
    narrowed = await service.collections.threads.run(
        lambda: _narrowed(service, shelf, filters) if wanted else {}
    )
    if query is None:
        listed, total = await service.collections.threads.run(
            lambda: _listed(service, narrowed, number, size)
        )
    else:
        asked = Asked(query, top_k or shelf.top_k, by=_BY[how])
        found = await _best(service, key, narrowed, asked)
        total, listed = len(found), found[(number - 1) * size : number * size]
    meta = DocumentsMeta(
        **meta_of(total, number, size).model_dump(),
        collection_slug=shelf.slug,
        retrieval_type=how if query is not None else None,
        searched_sources=["bucket"] if narrowed else [],
        top_k=(top_k or shelf.top_k) if query is not None else None,
    )
    return Documents(data=listed, meta=meta)


async def _best(
    service: Service, key: Key | None, narrowed: Mapping[str, Filter], asked: Asked
) -> list[FoundDocument]:
    """The best chunks of all buckets, each searched by its own index.

    Cosines of one space are compared; scores of words are not comparable between buckets, so those
    are put in turn.
    """
    found: list[tuple[float, FoundDocument]] = []
    stamps = set()
    for bucket, where in narrowed.items():
        own = Asked(asked.query, asked.k, where=where, by=asked.by)
        if (answer := await _unless_removed(searched(service, key, bucket, own))) is None:
            continue
        stamps.add(answer.stamp)
        for place, hit in enumerate(answer.hits):
            order = -hit.score if asked.by == "vectors" else float(place)
            found.append((order, _told(bucket, hit.chunk, hit.score)))
    if len(stamps) > 1 and asked.by != "words":
        raise Refused(
            "The buckets of this collection were embedded by different models, whose vectors "
            "cannot be compared. Embed them by one, or search by retrieval_type=keyword.",
            Reason(422, "mixed_models"),
        )
    return [each for _, each in sorted(found, key=lambda one: one[0])][: asked.k]


async def _unless_removed(search: Awaitable[Found]) -> Found | None:
    """What was found; None where the bucket's embeddings were removed since they were looked up."""
    try:
        return await search
    except Refused as refused:
        if refused.reason.code != NO_COLLECTION:
            raise
        return None


def _listed(
    service: Service, narrowed: Mapping[str, Filter], number: int, size: int
) -> tuple[list[FoundDocument], int]:
    """A page of all chunks, bucket by bucket, and how many there are."""
    first, last = (number - 1) * size, number * size
    if last > _DEEPEST:
        raise bad_request(
            f"Pages reach the first {_DEEPEST:,} documents. Narrow by filter[…], or search.",
            param="page[number]",
        )
    total, found = 0, list[FoundDocument]()
    for bucket, where in narrowed.items():
        part = partial(_part, where=where, first=first - total, last=last - total)
        count, chunks = service.collections.steady(bucket, part) or (0, [])
        found += [_told(bucket, chunk, 0.0) for chunk in chunks]
        total += count
    return found, total


def _part(
    collection: Collection, *, where: Filter, first: int, last: int
) -> tuple[int, list[Chunk]]:
    """How many chunks of a collection pass, and the page of them; its ends may lie outside."""
    page = islice(_chunks(collection, where), max(first, 0), max(last, 0))
    return collection.count(where), list(page)


def _chunks(collection: Collection, where: Filter) -> Iterator[Chunk]:
    after = ""
    while page := collection.page(where=where, after=after, limit=_AT_ONCE):
        yield from page
        after = page[-1].id


def _filters(request: Request) -> Filters:
    """What is filtered by. Raises Refused for a filter of another form."""
    found = []
    for name, value in request.query_params.multi_items():
        if not name.startswith("filter"):
            continue
        read = _FILTER.fullmatch(name)
        if read is None or (read[2] or "eq") not in OPERATORS["text"]:
            raise bad_request(
                "A filter is filter[field][operator]=value, with one of the operators "
                f"{', '.join(OPERATORS['text'])}.",
                param="filter",
            )
        field = read[1].removeprefix("metadata.")
        if field in ("user_id", "ingested_at"):
            raise bad_request(f"Nothing here has the field '{field}'.", param="filter")
        found.append((_OURS.get(field, field), read[2] or "eq", value))
        _check_last(found, name, read[1])
    return found


def _check_last(filters: Filters, called: str, asked: str) -> None:
    """Raises Refused where the last filter was given before, or asks what its field cannot be."""
    field, word, _ = filters[-1]
    if (field, word) in [each[:2] for each in filters[:-1]]:
        raise bad_request(
            f"The filter '{called}' is given twice. Give it once; several values go into "
            f"filter[{asked}][in]=a,b.",
            param="filter",
        )
    if field in _OF_BUCKETS and word not in OPERATORS["flag"]:
        raise bad_request(
            f"'{field}' cannot be asked {word}. Choose one of {', '.join(OPERATORS['flag'])}.",
            param="filter",
        )


def _narrowed(service: Service, shelf: Shelf, filters: Filters) -> dict[str, Filter]:
    """The embedded buckets in which something can pass, each with its filter.

    Raises Refused for a field that none of them has.
    """
    there = set(service.collections.names())
    buckets = [bucket for bucket in shelf.buckets if bucket in there]
    abouts = {bucket: kept.find(service.collections.store, bucket) for bucket in buckets}
    found: dict[str, Filter] = {}
    known = set(_OF_BUCKETS)
    for bucket, about in abouts.items():
        if about is None:  # removed this moment
            continue
        fields = {DOCUMENT: Field("document", "text"), **about.fields}
        known |= set(fields)
        if where := _where(filters, fields, {"record_type": "bucket", "bucket_id": bucket}):
            found[bucket] = where[0]
    missing = [name for name, _, _ in filters if name not in known]
    if missing and any(abouts.values()):
        raise bad_request(f"There is no field '{missing[0]}' to filter by.", param="filter")
    return found


def _where(
    filters: Filters, fields: Mapping[str, Field], own: Mapping[str, str]
) -> Sequence[Filter]:
    """The filter for one bucket, in a list; an empty one where nothing there can pass.

    `own` is what all of its chunks have.
    """
    where: dict[str, dict[str, Any]] = {}
    for name, word, value in filters:
        if name in own:
            if own[name] not in (value.split(",") if word == "in" else [value]):
                return []
        elif name not in fields:
            return []
        else:
            where.setdefault(name, {})[word] = _value(name, fields[name], word, value)
    return [where]


def _value(name: str, field: Field, word: str, value: str) -> Any:
    """A value as its field has it: a text, a number, true or false; a list of such for `in`."""
    parts = value.split(",") if word == "in" else [value]
    try:
        read = [_READ[field.kind](part) for part in parts]
    except (ValueError, KeyError):
        raise bad_request(
            f"The field '{name}' holds a {field.kind}, and its filter's value is none.",
            param="filter",
        ) from None
    return read if word == "in" else read[0]


_READ: Mapping[str, Any] = {
    "text": str,
    "number": float,
    "flag": {"true": True, "false": False}.__getitem__,
}


def _told(bucket: str, chunk: Chunk, score: float) -> FoundDocument:
    uploaded = chunk.metadata.get(UPLOADED)
    return FoundDocument(
        id=chunk.id,
        text=chunk.text,
        score=score,
        chunk_index=chunk.index,
        chunk_total=chunk.total,
        record_id=chunk.document,
        record_type="bucket",
        record_created_at=None if uploaded is None else str(uploaded),
        metadata={**chunk.metadata, "bucket_id": bucket},
    )
