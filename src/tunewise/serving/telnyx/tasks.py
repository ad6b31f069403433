"""/v2/ai/embeddings: buckets embedded as jobs, their tasks, and what became of their files."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Depends, Header, Query, Request
from filelock import Timeout
from pydantic import BaseModel, ConfigDict, Field

from tunewise.collection.indexing import Chunker, fitting
from tunewise.documents.address import Hosts
from tunewise.encoders import engine_of
from tunewise.jobs import clustered
from tunewise.jobs.embedding import embedding, iso
from tunewise.jobs.job import Job
from tunewise.serving.access import need
from tunewise.serving.collections import check_opens, encoder_of, no_collection
from tunewise.serving.keys import Key
from tunewise.serving.models import Model
from tunewise.serving.openai.models import asked_model
from tunewise.serving.refused import Refused, bad_request, busy
from tunewise.serving.service import Service
from tunewise.serving.telnyx.errors import RESPONSES
from tunewise.serving.telnyx.names import (
    Bucket,
    BucketField,
    check_bucket,
    check_own,
    own_jobs,
    owner_of,
)

router = APIRouter(prefix="/v2/ai/embeddings", tags=["embedding buckets"], responses=RESPONSES)

Status = Literal["queued", "processing", "success", "failure", "partial_success"]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=256)]

_WORK = "embed"
_LISTED = 1_000  # tasks looked at, newest first
_DROPPING = 20.0  # seconds that an embedding under way has to end
_write = need("write")


class EmbedRequest(BaseModel):
    """Which bucket, and how: sizes are in tokens, the model any that is served.

    Without sizes chunks have up to 256 tokens and share 32; of what the model reads, its special
    tokens and its prompt take a part. `loader` "intercom" is not here.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    bucket_name: BucketField
    document_chunk_size: Annotated[int, Field(ge=8, le=8_192)] | None = None
    document_chunk_overlap_size: Annotated[int, Field(ge=0, le=8_192)] | None = None
    embedding_model: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    loader: Literal["default", "intercom"] = "default"


class EmbedUrlRequest(BaseModel):
    """An address on one of the hosts that the operator named, and the bucket it is put into.

    `depth` is how many links are followed from its page to others of its host; 0 is it alone.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    bucket_name: BucketField
    url: Annotated[str, Field(min_length=1, max_length=1_000)]
    depth: Annotated[int, Field(ge=0, le=5)] = 5


class Task(BaseModel):
    """An embedding of a bucket, how it stands, and once it is over what failed and why.

    `chunks` says how large they are: as asked for, as far as the model reads so much.
    """

    task_id: str
    task_name: str
    user_id: str
    status: Status
    bucket: str
    model: str
    chunks: str
    created_at: str
    finished_at: str | None
    error: str | None = None
    failures: list[dict[str, str]] = []


class TaskContent(BaseModel):
    """One task."""

    data: Task


class Tasks(BaseModel):
    """Tasks, newest first."""

    data: list[Task]


class BucketList(BaseModel):
    """Names of buckets that were embedded."""

    buckets: list[str]


class BucketListContent(BaseModel):
    """As Telnyx wraps it."""

    data: BucketList


class File(BaseModel):
    """A file of a bucket: "pending" until it is embedded as it is now."""

    filename: str
    status: Literal["pending", "processing", "success", "failure", "partial_success"]
    error_reason: str | None
    created_at: str
    updated_at: str | None
    last_embedded_at: str | None


class Files(BaseModel):
    """The files of a bucket, in the order in which they were put."""

    data: list[File]


@router.post("")
async def embed_bucket(
    body: EmbedRequest,
    request: Request,
    key: Annotated[Key | None, Depends(_write)],
    idempotency_key: IdempotencyKey = None,
) -> TaskContent:
    """Begins to embed all files of a bucket; those that have not changed are passed over."""
    return await _begin(request.app.state.service, key, body, idempotency_key, {})


@router.post("/url")
async def embed_url(
    body: EmbedUrlRequest,
    request: Request,
    key: Annotated[Key | None, Depends(_write)],
    idempotency_key: IdempotencyKey = None,
) -> TaskContent:
    """Begins to put the pages of a site into a bucket, and to embed it."""
    service: Service = request.app.state.service
    hosts = service.settings.hosts
    if not Hosts(hosts).named(body.url):
        raise bad_request(
            "This server fetches only from hosts that its operator named, and that is none "
            "(tunewise serve --fetch-host HOST). Upload the file instead.",
            param="url",
            code="host_not_allowed",
        )
    asked = EmbedRequest(bucket_name=body.bucket_name)
    extra = {"url": body.url, "hosts": list(hosts), "depth": body.depth}
    return await _begin(service, key, asked, idempotency_key, extra)


@router.get("")
async def list_tasks(
    request: Request,
    key: Annotated[Key | None, Depends(_write)],
    status: Annotated[list[str], Query(max_length=10)] = [],  # noqa: B006 - never changed
) -> Tasks:
    """The key's tasks in these states: by default those that are not over."""
    wanted = [word for each in status for word in each.split(",")] or ["queued", "processing"]
    if wrong := [word for word in wanted if word not in get_args(Status)]:
        raise bad_request(
            f"There is no status '{wrong[0][:40]}'. Choose from {', '.join(get_args(Status))}.",
            param="status",
        )
    service: Service = request.app.state.service
    found = await service.disk.run(lambda: own_jobs(service.queue, _WORK, key, _LISTED))
    told = [_told(job) for job in found]
    return Tasks(data=[task for task in told if task.status in wanted])


@router.get("/buckets")
async def list_embedded_buckets(
    request: Request, key: Annotated[Key | None, Depends(_write)]
) -> BucketListContent:
    """The buckets that were embedded."""
    service: Service = request.app.state.service
    names = await service.disk.run(service.collections.names)
    own = [name for name in names if key is None or key.opens(name)]
    return BucketListContent(data=BucketList(buckets=own))


@router.get("/buckets/{bucket}")
async def list_embedded_files(
    bucket: Bucket, request: Request, key: Annotated[Key | None, Depends(_write)]
) -> Files:
    """What became of each file of a bucket."""
    service: Service = request.app.state.service
    check_bucket(bucket)
    check_opens(key, bucket)
    return Files(data=await service.disk.run(lambda: _files(service, bucket)))


@router.delete("/buckets/{bucket}", status_code=204)
async def drop_embeddings(
    bucket: Bucket, request: Request, key: Annotated[Key | None, Depends(_write)]
) -> None:
    """Removes a bucket's vectors and clusters, keeps its files; an embedding is cancelled."""
    service: Service = request.app.state.service
    check_bucket(bucket)
    check_opens(key, bucket)
    await service.changes.run(lambda: _drop(service, bucket), of=bucket)


@router.get("/{task_id}")
async def retrieve_task(
    task_id: str, request: Request, key: Annotated[Key | None, Depends(_write)]
) -> TaskContent:
    """A task."""
    service: Service = request.app.state.service
    job = await service.disk.run(lambda: service.queue.job(task_id))
    return TaskContent(data=_told(check_own(job, _WORK, key)))


async def _begin(
    service: Service,
    key: Key | None,
    body: EmbedRequest,
    idempotency_key: str | None,
    extra: dict[str, Any],
) -> TaskContent:
    check_bucket(body.bucket_name)
    check_opens(key, body.bucket_name)
    if body.loader != "default":
        raise bad_request(
            "This server does not load from Intercom. Leave 'loader' out, and put files into the "
            "bucket.",
            param="loader",
        )
    model = await _model(service, key, body)

    def begin() -> Job:
        asked = _asked(service, body, model) | extra
        if not extra:
            _require_files(service, body.bucket_name)
        return service.queue.add(_WORK, asked, owner=owner_of(key), key=idempotency_key)

    return TaskContent(data=_told(await service.disk.run(begin)))


def _asked(service: Service, body: EmbedRequest, model: Model) -> dict[str, Any]:
    """What the job is told. Raises Refused where the bucket's vectors are of another kind."""
    size, overlap = body.document_chunk_size, body.document_chunk_overlap_size
    there = service.collections.there(body.bucket_name)
    known = None if there is None else Chunker.read(there.stamp.chunker)
    usual = known or Chunker()
    wanted = size or usual.size
    share = usual.overlap if overlap is None else overlap
    chunker = fitting(Chunker(wanted, min(share, wanted // 2)), encoder_of(model))
    if there is not None and (there.stamp.model != model.stamp or known != chunker):
        raise bad_request(
            f"'{body.bucket_name}' is embedded by '{service.collections.called(there)}' in chunks "
            f"of {there.stamp.chunker}, and this asks for '{model.name}' and {chunker}. Delete its "
            "embeddings first (DELETE /v2/ai/embeddings/buckets/…); the files stay.",
            param="embedding_model" if there.stamp.model != model.stamp else "document_chunk_size",
            code="embedded_otherwise",
        )
    encoder = model.encoder
    return {
        "bucket": body.bucket_name,
        "chunker": str(chunker),
        "model": {
            "name": model.name,
            "source": model.source or encoder.name,
            "engine": engine_of(encoder) or "auto",
            "base_url": getattr(encoder, "base_url", None),
            "stamp": model.stamp,
        },
    }


async def _model(service: Service, key: Key | None, body: EmbedRequest) -> Model:
    """The model that is named, else the one that made what is there, else the server's first."""
    if body.embedding_model is not None:
        try:
            return (await asked_model(service, body.embedding_model, key))[0]
        except Refused as why:  # told by the field's name here
            raise Refused(str(why), replace(why.reason, param="embedding_model")) from None
    collections, name = service.collections, body.bucket_name
    there = await service.disk.run(lambda: collections.there(name))
    found = there and await collections.model(there)
    return found or next(iter(service.offer.models.values()))


def _require_files(service: Service, bucket: str) -> None:
    """Raises Refused for a bucket in which nothing is, nor was when it was embedded."""
    if service.objects.list(bucket) or service.collections.there(bucket) is not None:
        return
    raise bad_request(
        f"The bucket '{bucket}' is empty. Put files into it first.",
        param="bucket_name",
        code="empty_bucket",
    )


def _files(service: Service, bucket: str) -> list[File]:
    stored = service.objects.list(bucket)
    fates = {each.name: each for each in service.fates.files(bucket)}
    if not stored and not fates and service.collections.there(bucket) is None:
        raise no_collection(bucket)
    found = []
    for each in stored:
        fate = fates.get(each.name)
        same = fate is not None and fate.sha256 == each.sha256
        found.append(
            File(
                filename=each.name,
                status=fate.status if fate is not None and same else "pending",
                error_reason=fate.reason if fate is not None and same else None,
                created_at=iso(each.created),
                updated_at=None if fate is None else iso(max(fate.updated, each.created)),
                last_embedded_at=iso(fate.embedded) if fate and fate.embedded else None,
            )
        )
    return found


def _drop(service: Service, bucket: str) -> None:
    """Cancels what embeds the bucket, waits for its end, and removes what it made."""
    assert service.home is not None  # noqa: S101 - without one there is no such route
    there = service.collections.there(bucket) is not None
    going = service.queue.jobs(_WORK, ("queued", "running", "paused"), limit=10**6)
    own = [job for job in going if job.asked["bucket"] == bucket]
    # first, so that what is cut off can be asked for again; and last, for what is found meanwhile
    clusters = clustered.drop(service.home, service.queue, bucket)
    if not there and not own and not clusters:
        service.collections.drop(bucket)  # what a kill left of one
        raise no_collection(bucket)
    for job in own:
        service.queue.cancel(job.id)
    try:
        with embedding(service.home, bucket, seconds=_DROPPING):
            service.collections.drop(bucket)
            service.fates.forget(bucket)
        clustered.drop(service.home, service.queue, bucket)
    except Timeout:
        raise busy(
            f"'{bucket}' is being embedded still. Its task is cancelled: ask again in a moment.",
            seconds=5,
        ) from None


def _told(job: Job) -> Task:
    result = job.result or {}
    failures: Sequence[dict[str, str]] = result.get("failures", [])
    return Task(
        task_id=job.id,
        task_name=f"embed {job.asked['bucket']}",
        user_id=job.owner or "local",
        status=status_of(job),
        bucket=job.asked["bucket"],
        model=job.asked["model"]["name"],
        chunks=job.asked["chunker"],
        created_at=iso(job.created),
        finished_at=None if job.finished is None else iso(job.finished),
        error=job.error,
        failures=list(failures),
    )


def status_of(job: Job) -> Status:
    """How an embedding stands, in Telnyx's words."""
    if job.state == "queued":
        return "queued"
    if job.state in ("running", "paused"):
        return "processing"
    if job.state != "succeeded" or job.result is None:
        return "failure"
    status: Status = job.result["status"]
    return status
