"""/v2/ai/collections: buckets that are searched together, as Telnyx's AI collections."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from tunewise.jobs.embedding import iso
from tunewise.serving.access import need, owner, owns
from tunewise.serving.collections import check_opens
from tunewise.serving.keys import Key
from tunewise.serving.refused import Reason, Refused
from tunewise.serving.service import Service
from tunewise.serving.shelves import Shelf, source_id
from tunewise.serving.telnyx.errors import RESPONSES
from tunewise.serving.telnyx.names import check_bucket
from tunewise.serving.telnyx.paging import PageNumber, PageSize, paged
from tunewise.serving.telnyx.shapes import (
    MOST,
    Changed,
    CollectionContent,
    CollectionList,
    CollectionObject,
    CreateRequest,
    ReplacedSources,
    ReplaceRequest,
    RetrievalRequest,
    RetrievalSettings,
    SettingsContent,
    SettingsObject,
    SettingsRequest,
    Source,
    SourceContent,
    SourceList,
    SourceRequest,
    UpdateRequest,
)

router = APIRouter(prefix="/v2/ai/collections", tags=["collections"], responses=RESPONSES)

_search, _write = need("search"), need("write")


@router.post("")
async def create_collection(
    body: CreateRequest, request: Request, key: Annotated[Key | None, Depends(_write)]
) -> CollectionContent:
    """A new collection of buckets, which need not be embedded yet."""
    buckets = [_bucket(source, key) for source in body.sources]
    retrieval = (body.settings and body.settings.retrieval) or RetrievalRequest()
    service: Service = request.app.state.service
    return await _answered(
        service,
        lambda: service.shelves.add(
            body.name,
            slug=body.slug,
            description=body.description,
            buckets=buckets,
            retrieval=retrieval.retrieval_type or "vector",
            top_k=retrieval.top_k or 10,
            owner=owner(key),
        ),
    )


@router.get("")
async def list_collections(
    request: Request,
    key: Annotated[Key | None, Depends(_search)],
    number: PageNumber = 1,
    size: PageSize = 20,
) -> CollectionList:
    """The caller's own collections, and those all of whose buckets the key is for."""
    service: Service = request.app.state.service

    def look() -> CollectionList:
        seen = [each for each in service.shelves.all() if _is_seen(key, each)]
        some, meta = paged(seen, number, size)
        return CollectionList(data=[_told(service, each) for each in some], meta=meta)

    return await service.disk.run(look)


@router.get("/slug/{slug}")
async def retrieve_by_slug(
    slug: str, request: Request, key: Annotated[Key | None, Depends(_search)]
) -> CollectionContent:
    """A collection by its slug."""
    service: Service = request.app.state.service
    return await _answered(service, lambda: opened(service.shelves.by_slug(slug), key))


@router.get("/{uuid}")
async def retrieve_collection(
    uuid: str, request: Request, key: Annotated[Key | None, Depends(_search)]
) -> CollectionContent:
    """A collection."""
    service: Service = request.app.state.service
    return await _answered(service, lambda: opened(service.shelves.get(uuid), key))


@router.patch("/{uuid}")
async def update_collection(
    uuid: str,
    body: UpdateRequest,
    request: Request,
    key: Annotated[Key | None, Depends(_write)],
) -> CollectionContent:
    """Another name or description."""
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    if changes.get("name", "") is None:
        raise Refused("A name cannot be null.", Reason(400, param="name"))
    return await _changed(request.app.state.service, uuid, key, changes)


@router.delete("/{uuid}", status_code=204)
async def delete_collection(
    uuid: str, request: Request, key: Annotated[Key | None, Depends(_write)]
) -> None:
    """Removes a collection; its buckets and their vectors stay, and its slug is free."""
    service: Service = request.app.state.service

    def delete() -> None:
        service.shelves.delete(_own(service, uuid, key).uuid)

    await service.disk.run(delete)


@router.get("/{uuid}/settings")
async def list_settings(
    uuid: str, request: Request, key: Annotated[Key | None, Depends(_search)]
) -> SettingsContent:
    """How a collection is searched."""
    found = await retrieve_collection(uuid, request, key)
    return SettingsContent(data=found.data.settings)


@router.put("/{uuid}/settings")
async def replace_settings(
    uuid: str,
    body: SettingsRequest,
    request: Request,
    key: Annotated[Key | None, Depends(_write)],
) -> SettingsContent:
    """Other settings: what is not said is as at first."""
    asked = body.retrieval or RetrievalRequest()
    changes = {"retrieval": asked.retrieval_type or "vector", "top_k": asked.top_k or 10}
    found = await _changed(request.app.state.service, uuid, key, changes)
    return SettingsContent(data=found.data.settings)


@router.patch("/{uuid}/settings")
async def update_settings(
    uuid: str,
    body: SettingsRequest,
    request: Request,
    key: Annotated[Key | None, Depends(_write)],
) -> SettingsContent:
    """Other settings: what is not said stays."""
    asked = body.retrieval or RetrievalRequest()
    changes: dict[str, Any] = {"retrieval": asked.retrieval_type, "top_k": asked.top_k}
    given = {name: value for name, value in changes.items() if value is not None}
    found = await _changed(request.app.state.service, uuid, key, given)
    return SettingsContent(data=found.data.settings)


@router.get("/{uuid}/sources")
async def list_sources(
    uuid: str, request: Request, key: Annotated[Key | None, Depends(_search)]
) -> SourceList:
    """A collection's buckets."""
    found = await retrieve_collection(uuid, request, key)
    return SourceList(data=found.data.sources)


@router.post("/{uuid}/sources")
async def add_source(
    uuid: str,
    body: SourceRequest,
    request: Request,
    key: Annotated[Key | None, Depends(_write)],
) -> SourceContent:
    """A further bucket; the one there is, if it is there already."""
    bucket = _bucket(body, key)
    found, _ = await _sources(request.app.state.service, uuid, key, [bucket], keep=True)
    return SourceContent(data=next(each for each in found if each.bucket_id == bucket))


@router.put("/{uuid}/sources")
async def replace_sources(
    uuid: str,
    body: ReplaceRequest,
    request: Request,
    key: Annotated[Key | None, Depends(_write)],
) -> ReplacedSources:
    """Other buckets, in the place of those there are."""
    buckets = [_bucket(source, key) for source in body.sources]
    found, before = await _sources(request.app.state.service, uuid, key, buckets, keep=False)
    now = [each.id for each in found]
    return ReplacedSources(
        data=found,
        meta=Changed(
            added=[name for name in now if name not in before],
            retained=[name for name in now if name in before],
            removed=[name for name in before if name not in now],
        ),
    )


@router.delete("/{uuid}/sources/{source_id}", status_code=204)
async def remove_source(
    uuid: str, source_id: str, request: Request, key: Annotated[Key | None, Depends(_write)]
) -> None:
    """Takes a bucket out of a collection; it stays where it is."""
    service: Service = request.app.state.service

    def remove() -> None:
        shelf = _own(service, uuid, key)
        if source_id not in shelf.sources:
            raise Refused(f"There is no source '{source_id[:100]}'.", Reason(404, "not_found"))
        left = {name: bucket for name, bucket in shelf.sources.items() if name != source_id}
        service.shelves.change(uuid, sources=left)

    await service.disk.run(remove)


def opened(shelf: Shelf, key: Key | None) -> Shelf:
    """The shelf, if the key is for all its buckets; without any, if it is the key's own.

    Raises Refused if not.
    """
    for bucket in shelf.buckets:
        check_opens(key, bucket)
    if not _is_seen(key, shelf):
        raise Refused("There is no such collection.", Reason(404, "not_found"))
    return shelf


def _own(service: Service, uuid: str, key: Key | None) -> Shelf:
    """The shelf, if the caller may change it too. Raises Refused if not."""
    shelf = opened(service.shelves.get(uuid), key)
    if not owns(key, shelf.owner):
        told = "The collection was made with another key. Change it with that one, or an admin's."
        raise Refused(told, Reason(403, "not_owner"))
    return shelf


def _is_seen(key: Key | None, shelf: Shelf) -> bool:
    """Whether the key is for all that is on the shelf; one with nothing on it is its owner's."""
    if key is None or not shelf.buckets:
        return owns(key, shelf.owner)
    return all(key.opens(bucket) for bucket in shelf.buckets)


async def _answered(service: Service, shelf: Any) -> CollectionContent:
    return await service.disk.run(lambda: CollectionContent(data=_told(service, shelf())))


async def _changed(
    service: Service, uuid: str, key: Key | None, changes: dict[str, Any]
) -> CollectionContent:
    def change() -> Shelf:
        _own(service, uuid, key)
        return service.shelves.change(uuid, **changes)

    return await _answered(service, change)


async def _sources(
    service: Service, uuid: str, key: Key | None, buckets: Sequence[str], *, keep: bool
) -> tuple[list[Source], list[str]]:
    """The sources after a change, and the ids before it; with `keep`, those there were stay."""

    def change() -> tuple[list[Source], list[str]]:
        shelf = _own(service, uuid, key)
        ids = {bucket: name for name, bucket in shelf.sources.items()}
        wanted = list(dict.fromkeys([*(ids if keep else ()), *buckets]))
        if len(wanted) > MOST:
            raise Refused(f"A collection has {MOST} sources at most.", Reason(400))
        sources = {ids.get(bucket) or source_id(): bucket for bucket in wanted}
        changed = service.shelves.change(uuid, sources=sources)
        return _told(service, changed).sources, list(shelf.sources)

    return await service.disk.run(change)


def _bucket(source: SourceRequest, key: Key | None) -> str:
    """The bucket of a source. Raises Refused for what is none, or not the key's."""
    if source.source_type != "bucket":
        raise Refused(
            f"There is no '{source.source_type}' here: give buckets, "
            '{"source_type": "bucket", "bucket_id": …}.',
            Reason(422, "unsupported_source_type", "source_type"),
        )
    if source.bucket_id is None:
        raise Refused(
            "A source of type 'bucket' has a 'bucket_id'.", Reason(400, param="bucket_id")
        )
    check_bucket(source.bucket_id, param="bucket_id")
    check_opens(key, source.bucket_id)
    return source.bucket_id


def _told(service: Service, shelf: Shelf) -> CollectionObject:
    embedded = set(service.collections.names()) if shelf.sources else set()
    sources = [
        Source(
            id=name,
            bucket_id=bucket,
            collection_id=shelf.uuid,
            status="embedded" if bucket in embedded else "pending",
        )
        for name, bucket in shelf.sources.items()
    ]
    retrieval = RetrievalSettings(retrieval_type=shelf.retrieval, top_k=shelf.top_k)
    return CollectionObject(
        uuid=shelf.uuid,
        name=shelf.name,
        slug=shelf.slug,
        description=shelf.description,
        settings=SettingsObject(retrieval=retrieval),
        sources=sources,
        created_at=iso(shelf.created),
        updated_at=iso(shelf.updated),
    )
