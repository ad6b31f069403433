"""/v2/storage/buckets: files in buckets, with a key, or by an address signed for a while."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, BinaryIO
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from tunewise.errors import AbsentError
from tunewise.jobs.clustered import leave_out
from tunewise.jobs.embedding import FILENAME, iso
from tunewise.objects import Stored
from tunewise.serving.access import need
from tunewise.serving.collections import check_opens
from tunewise.serving.keys import Key
from tunewise.serving.refused import Reason, Refused
from tunewise.serving.service import Service
from tunewise.serving.telnyx.errors import RESPONSES
from tunewise.serving.telnyx.names import Bucket, Name, check_bucket, check_line
from tunewise.serving.uploads import keep_upload

router = APIRouter(
    prefix="/v2/storage/buckets",
    tags=["storage"],
    responses=RESPONSES,
    dependencies=[Depends(check_line)],
)

_TTL, _LONGEST = 600, 86_400  # seconds
_BLOCK = 2**18
_write = need("write")


class PresignRequest(BaseModel):
    """For how many seconds the address is good."""

    model_config = ConfigDict(extra="forbid")

    ttl: Annotated[int, Field(ge=1, le=_LONGEST)] = _TTL


class Presigned(BaseModel):
    """An address that a file can be put to and had from, until it expires."""

    token: str
    expires_at: str
    presigned_url: str


class PresignedContent(BaseModel):
    """As Telnyx wraps it."""

    content: Presigned


class StoredFile(BaseModel):
    """A file in a bucket. `checksum` is its SHA-256."""

    name: str
    size: int
    checksum: str
    created_at: str


class StoredFileContent(BaseModel):
    """One file."""

    data: StoredFile


class StoredFiles(BaseModel):
    """The files of a bucket, in the order in which they were put."""

    data: list[StoredFile]


class BucketName(BaseModel):
    """A bucket that holds files."""

    name: str


class Buckets(BaseModel):
    """The buckets that the key is for."""

    data: list[BucketName]


async def admitted(
    request: Request, bucket: Bucket, token: Annotated[str | None, Query()] = None
) -> None:
    """Lets in who has a signed address of this very file, or a key to write. Raises Refused."""
    check_bucket(bucket)
    if token is None:
        check_opens(await _write(request), bucket)
    elif not request.state.signed:  # the door has looked at it
        told = "The address is not signed here for this file, or is past its time."
        raise Refused(told, Reason(401, "invalid_token"))


admitted.scope = "write"  # type: ignore[attr-defined]  # as `need` marks its own


@router.get("")
async def list_buckets(request: Request, key: Annotated[Key | None, Depends(_write)]) -> Buckets:
    """The buckets that hold files."""
    service: Service = request.app.state.service
    names = await service.disk.run(service.objects.buckets)
    return Buckets(data=[BucketName(name=n) for n in names if key is None or key.opens(n)])


@router.get("/{bucket}")
async def list_objects(
    bucket: Bucket, request: Request, key: Annotated[Key | None, Depends(_write)]
) -> StoredFiles:
    """The files of a bucket."""
    check_bucket(bucket)
    check_opens(key, bucket)
    service: Service = request.app.state.service
    found = await service.disk.run(lambda: service.objects.list(bucket))
    return StoredFiles(data=[_told(each) for each in found])


@router.post("/{bucket}/{name:path}/presigned_url")
async def create_presigned_url(
    bucket: Bucket,
    name: Name,
    request: Request,
    key: Annotated[Key | None, Depends(_write)],
    body: PresignRequest | None = None,
) -> PresignedContent:
    """An address that the file can be put to (PUT) and had from (GET) without a key."""
    check_bucket(bucket)
    check_opens(key, bucket)
    service: Service = request.app.state.service
    seconds = (body or PresignRequest()).ttl
    facts = {"bucket": bucket, "name": name, "key": key.id if key is not None else ""}
    token = await service.disk.run(lambda: service.tokens.sign(facts, seconds=seconds))
    until = datetime.now(UTC).timestamp() + seconds
    place = f"{request.base_url}v2/storage/buckets/{bucket}/{quote(name, safe='')}"
    url = f"{place}?token={token}"
    return PresignedContent(
        content=Presigned(token=token, expires_at=iso(until), presigned_url=url)
    )


@router.put("/{bucket}/{name:path}", dependencies=[Depends(admitted)])
async def put_object(bucket: Bucket, name: Name, request: Request) -> StoredFileContent:
    """Keeps the body as a file of this name, in place of one there was."""
    service: Service = request.app.state.service
    stored = await keep_upload(service, request, bucket, name)
    return StoredFileContent(data=_told(stored))


@router.get(
    "/{bucket}/{name:path}",
    dependencies=[Depends(admitted)],
    response_class=StreamingResponse,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def get_object(bucket: Bucket, name: Name, request: Request) -> Response:
    """A file, as it was put."""
    service: Service = request.app.state.service

    def opened() -> tuple[Stored, BinaryIO]:
        stored = service.objects.get(bucket, name)
        try:
            return stored, stored.path.open("rb")
        except FileNotFoundError:  # deleted or replaced this moment
            raise AbsentError(f"There is no such file in '{bucket}' any more.") from None

    stored, file = await service.disk.run(opened)
    headers = {
        "Content-Length": str(stored.size),
        "Content-Disposition": "attachment",  # a browser shall not take it for a page of ours
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(_blocks(file), headers=headers, media_type="application/octet-stream")


@router.delete("/{bucket}/{name:path}", status_code=204)
async def delete_object(
    bucket: Bucket, name: Name, request: Request, key: Annotated[Key | None, Depends(_write)]
) -> None:
    """Deletes a file and what was made of it; what is left of a deletion that was cut off."""
    check_bucket(bucket)
    check_opens(key, bucket)
    service: Service = request.app.state.service
    await service.changes.run(lambda: _delete(service, bucket, name), of=bucket)


def _delete(service: Service, bucket: str, name: str) -> None:
    """The file goes last: whatever cuts this off, it is in the list, to be deleted again."""
    home = service.home
    assert home is not None  # noqa: S101 - without one there is no such route

    def clear() -> int:
        chunks = service.collections.drop_chunks(bucket, {FILENAME: {"eq": name}})
        service.fates.forget(bucket, [name])
        return chunks + leave_out(home, service.queue, bucket, name)

    made = service.objects.with_room(clear)
    try:
        service.objects.delete(bucket, name)
    except AbsentError:
        if not made:
            raise
    # an embedding under way looks whether the file is there before it writes, and may have done so
    service.objects.with_room(clear)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block


def _told(stored: Stored) -> StoredFile:
    return StoredFile(
        name=stored.name,
        size=stored.size,
        checksum=stored.sha256,
        created_at=iso(stored.created),
    )
