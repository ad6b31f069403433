"""/v2/ai/fine_tuning/jobs: the jobs of /v1, as Telnyx's clients ask for them.

`training_file` is what their documents call a storage bucket or object: BUCKET, of which each file
is learned from, BUCKET/OBJECT, or the id of an uploaded file.
"""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from tunewise.errors import AbsentError
from tunewise.jobs.job import Job
from tunewise.jobs.tuning import Wanted
from tunewise.objects import FILES
from tunewise.serving.access import need
from tunewise.serving.collections import check_opens
from tunewise.serving.keys import Key
from tunewise.serving.openai import fine_tuning as jobs
from tunewise.serving.openai import tuning_shapes as shapes
from tunewise.serving.openai.files import stored_file
from tunewise.serving.refused import bad_request
from tunewise.serving.service import Service
from tunewise.serving.telnyx.errors import RESPONSES

router = APIRouter(prefix="/v2/ai/fine_tuning/jobs", tags=["fine-tuning"], responses=RESPONSES)

_MOST = 1_000  # jobs of a list, which has no pages

Caller = Annotated[Key | None, Depends(need("tune"))]


class Epochs(BaseModel):
    """Their one hyperparameter. Their documents say 1 to 50 or auto, their schema up to 10."""

    model_config = ConfigDict(extra="forbid", strict=True)

    n_epochs: Literal["auto"] | Annotated[int, Field(ge=1, le=50)] = "auto"


class JobRequest(BaseModel):
    """What is to be tuned on what: Telnyx's fields, and beside them `metadata` as OpenAI has it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: Annotated[str, Field(min_length=1, max_length=500)]
    training_file: Annotated[str, Field(min_length=1, max_length=2_000)]
    suffix: shapes.Suffix | None = None
    hyperparameters: Epochs = Epochs()
    metadata: shapes.Metadata | None = None


class JobObject(BaseModel):
    """A job: Telnyx's fields, and beside them the tuned model's name and why a job failed."""

    id: str
    created_at: int
    finished_at: int | None
    hyperparameters: Epochs
    model: str
    organization_id: str
    status: Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
    trained_tokens: int | None
    training_file: str
    fine_tuned_model: str | None
    error: str | None


class JobList(BaseModel):
    """Jobs, newest first."""

    data: list[JobObject]


@router.post("")
async def create_job(
    body: JobRequest,
    request: Request,
    key: Caller,
    idempotency_key: jobs.IdempotencyKey = None,
) -> JobObject:
    """Queues a job."""
    service: Service = request.app.state.service
    files, filename = await _files(service, body.training_file, key)
    asked = shapes.JobRequest(
        model=body.model,
        training_file="below",
        suffix=body.suffix,
        hyperparameters=shapes.Hyperparameters(n_epochs=body.hyperparameters.n_epochs),
        metadata=body.metadata,
    )
    wanted = replace(
        jobs.wanted_of(service, asked),
        training=body.training_file,
        files=files,
        filename=filename,
    )
    return _told(await jobs.queued(service, wanted, key, idempotency_key))


@router.get("")
async def list_jobs(request: Request, key: Caller) -> JobList:
    """The caller's jobs, newest first."""
    service: Service = request.app.state.service
    found = await jobs.own_jobs(service, key, after=None, limit=_MOST)
    return JobList(data=[_told(job) for job in found])


@router.get("/{job}")
async def retrieve_job(request: Request, job: str, key: Caller) -> JobObject:
    """One job."""
    return _told(await jobs.own_job(request.app.state.service, job, key))


@router.post("/{job}/cancel")
async def cancel_job(request: Request, job: str, key: Caller) -> JobObject:
    """Ends a job for good, within seconds."""
    service: Service = request.app.state.service
    return _told(await jobs.moved(service, job, key, service.queue.cancel))


async def _files(
    service: Service, named: str, key: Key | None
) -> tuple[list[tuple[str, str]], str]:
    """Bucket and name of each file to learn from, and what an uploaded one is called.

    Raises Refused where there is none.
    """
    if named.startswith("file-"):
        try:
            stored = await stored_file(service, named, key)
        except AbsentError as absent:
            raise bad_request(f"There is no file '{named}'.", param="training_file") from absent
        return [(FILES, stored.name)], stored.about["filename"]
    bucket, slash, name = named.partition("/")
    if bucket.startswith("."):
        raise bad_request("Buckets do not begin with a dot.", param="training_file")
    check_opens(key, bucket)
    every = await service.disk.run(lambda: service.objects.list(bucket))
    found = [(bucket, each.name) for each in every if not slash or each.name == name]
    if not found:
        raise bad_request(f"There is nothing at '{named[:100]}'.", param="training_file")
    return found, ""


def _told(job: Job) -> JobObject:
    wanted, made = Wanted(**job.asked), job.result or {}
    return JobObject(
        id=job.id,
        created_at=int(job.created),
        finished_at=None if job.finished is None else int(job.finished),
        hyperparameters=Epochs(n_epochs=wanted.epochs or made.get("epochs") or "auto"),
        model=wanted.model,
        organization_id=job.owner or "local",
        status=job.state,
        trained_tokens=made.get("trained_tokens"),
        training_file=wanted.training,
        fine_tuned_model=made.get("name"),
        error=job.error,
    )
