"""/v1/fine_tuning/jobs: embedding models tuned as jobs, in OpenAI's shape, and their verdicts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import FileResponse, Response

from tunewise.encoders import engine_of, is_hosted
from tunewise.errors import AbsentError, OptionError
from tunewise.jobs.job import Event, Job
from tunewise.jobs.tuning import BUDGET, Wanted, check_wanted
from tunewise.objects import FILES
from tunewise.serving.access import owner, owns, sees_all
from tunewise.serving.keys import Key
from tunewise.serving.models import Model
from tunewise.serving.openai.errors import RESPONSES
from tunewise.serving.openai.files import Caller, stored_file
from tunewise.serving.openai.models import named
from tunewise.serving.openai.tuning_shapes import (
    Checkpoint,
    CheckpointList,
    EventList,
    EventObject,
    Hyperparameters,
    JobError,
    JobList,
    JobObject,
    JobRequest,
    Method,
    Supervised,
)
from tunewise.serving.refused import bad_request
from tunewise.serving.service import Service
from tunewise.serving.tuned import TUNED

router = APIRouter(prefix="/v1/fine_tuning/jobs", tags=["fine-tuning"], responses=RESPONSES)

WORK = "tune"

_ANEW = "Give all examples together, the old and the new, and tune what it was made of anew."

_SHUT = {
    "content-security-policy": "sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:"
}
Limit = Annotated[int, Query(ge=1, le=100)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=256)]


@router.post("")
async def create_job(
    body: JobRequest, request: Request, key: Caller, idempotency_key: IdempotencyKey = None
) -> JobObject:
    """Queues a job. With an Idempotency-Key, the same request sent again gives the same job."""
    service: Service = request.app.state.service
    wanted = replace(wanted_of(service, body), filename=await _checked_files(service, body, key))
    return _told(await queued(service, wanted, key, idempotency_key))


@router.get("")
async def list_jobs(
    request: Request, key: Caller, after: str | None = None, limit: Limit = 20
) -> JobList:
    """The caller's jobs, newest first; `metadata[NAME]=VALUE` gives those that say so."""
    service: Service = request.app.state.service
    said = {
        name[9:-1]: value
        for name, value in request.query_params.items()
        if name.startswith("metadata[") and name.endswith("]")
    }
    found = await own_jobs(service, key, after=after, limit=limit + 1, metadata=said)
    return JobList(data=[_told(job) for job in found[:limit]], has_more=len(found) > limit)


@router.get("/{job}")
async def retrieve_job(request: Request, job: str, key: Caller) -> JobObject:
    """One job."""
    return _told(await own_job(request.app.state.service, job, key))


@router.post("/{job}/cancel")
async def cancel_job(request: Request, job: str, key: Caller) -> JobObject:
    """Ends a job for good, within seconds."""
    service: Service = request.app.state.service
    return _told(await moved(service, job, key, service.queue.cancel))


@router.post("/{job}/pause")
async def pause_job(request: Request, job: str, key: Caller) -> JobObject:
    """Stops a job, which keeps what it has come to."""
    service: Service = request.app.state.service
    return _told(await moved(service, job, key, service.queue.pause))


@router.post("/{job}/resume")
async def resume_job(request: Request, job: str, key: Caller) -> JobObject:
    """Queues a paused job again."""
    service: Service = request.app.state.service
    return _told(await moved(service, job, key, service.queue.resume))


@router.get("/{job}/events")
async def list_events(
    request: Request, job: str, key: Caller, after: str | None = None, limit: Limit = 20
) -> EventList:
    """What was told of a job, newest first."""
    service: Service = request.app.state.service
    await own_job(service, job, key)
    found = await service.disk.run(lambda: service.queue.events(job, after, limit + 1))
    return EventList(data=[_event(each) for each in found[:limit]], has_more=len(found) > limit)


@router.get("/{job}/checkpoints")
async def list_checkpoints(
    request: Request, job: str, key: Caller, after: str | None = None, limit: Limit = 10
) -> CheckpointList:
    """The model of a job that succeeded: of all points on its way, the best is kept."""
    del limit
    found = await own_job(request.app.state.service, job, key)
    made = found.result
    if made is None or after is not None:
        return CheckpointList(data=[], first_id=None, last_id=None)
    looks = made.get("looks") or [{"step": 0}]
    best = max(looks, key=lambda look: look.get("score", 0.0))
    one = Checkpoint(
        id=f"ftckpt-{found.id.removeprefix('job-')}",
        created_at=int(found.finished or found.created),
        fine_tuned_model_checkpoint=made["name"],
        fine_tuning_job_id=found.id,
        metrics={"step": best["step"], "train_loss": best.get("loss"), **_measured(made)},
        step_number=best["step"],
    )
    return CheckpointList(data=[one], first_id=one.id, last_id=one.id)


@router.get(
    "/{job}/verdict",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}}},
)
async def retrieve_verdict(request: Request, job: str, key: Caller) -> Response:
    """All that was measured: what measure writes as verdict.json, or tune as tuned.json."""
    service: Service = request.app.state.service
    folder = service.tuned_models.folder(await own_job(service, job, key))
    for name in ("verdict.json", "tuned.json"):
        if (folder / name).is_file():
            return FileResponse(folder / name, media_type="application/json")
    raise AbsentError(f"The job '{job}' has no verdict: it has not succeeded, or it was deleted.")


@router.get(
    "/{job}/report", response_class=Response, responses={200: {"content": {"text/html": {}}}}
)
async def retrieve_report(request: Request, job: str, key: Caller) -> Response:
    """The report as a page."""
    service: Service = request.app.state.service
    folder = service.tuned_models.folder(await own_job(service, job, key))
    if not (folder / "report.html").is_file():
        raise AbsentError(f"The job '{job}' has no report: it has not succeeded.")
    # it shows texts of users: nothing in it may run or load anything
    return FileResponse(folder / "report.html", media_type="text/html", headers=_SHUT)


def wanted_of(service: Service, body: JobRequest) -> Wanted:
    """What a request asks for. Raises Refused for what cannot be tuned or asked together."""
    model = _tunable(service, body.model)
    encoder = _loaded_by(model)
    given = body.method.supervised.hyperparameters if body.method else body.hyperparameters
    chosen = given or Hyperparameters()
    metadata = body.metadata or {}
    wanted = Wanted(
        model=model.name,
        encoder=encoder,
        engine=engine_of(model.encoder) or "auto",
        base_url=getattr(model.encoder, "base_url", None) if is_hosted(encoder) else None,
        training=body.training_file,
        files=[(FILES, body.training_file)],
        validation=body.validation_file,
        checked=[] if body.validation_file is None else [(FILES, body.validation_file)],
        rung=metadata.get("rung", "auto"),
        epochs=_number(chosen.n_epochs),
        batch=_number(chosen.batch_size),
        rate=_number(chosen.learning_rate_multiplier),
        budget=_budget(metadata.get("budget")),
        keep=_keep(metadata.get("keep")),
        seed=body.seed or 0,
        suffix=body.suffix or "",
        metadata=metadata,
    )
    try:
        check_wanted(wanted)
    except OptionError as wrong:
        raise bad_request(str(wrong), param="metadata") from wrong
    return wanted


def _tunable(service: Service, word: str) -> Model:
    """The model of this name. Raises Refused for one that is not served or cannot be tuned."""
    offer = service.offer
    others = ", ".join(name for name, each in offer.models.items() if each.maps is None)
    instead = f"Name one of these instead: {others}." if others else "Serve an encoder beside it."
    if word.startswith(TUNED):
        raise bad_request(
            f"What a job tuned is not tuned further. {_ANEW} {instead}", param="model"
        )
    model, side = named(offer, word)
    if side is not None:
        raise bad_request(
            f"Both sides of a model are tuned together: ask for '{model.name}'.", param="model"
        )
    if model.maps is not None:
        raise bad_request(
            f"'{word}' is an adapter, a map over another encoder's vectors, and adapters are not "
            f"tuned further. {_ANEW} {instead}",
            param="model",
        )
    return model


def _loaded_by(model: Model) -> str:
    """What the encoder of a model is loaded by: its folder within a winner's, or its own name."""
    folder = getattr(model.encoder, "folder", None)
    if folder is not None and folder.resolve().is_relative_to(Path(model.source).resolve()):
        return str(folder.resolve())
    return model.encoder.name


async def queued(
    service: Service, wanted: Wanted, key: Key | None, idempotency_key: str | None
) -> Job:
    """A new job of the caller's, or the one that was asked for with this idempotency key."""
    return await service.disk.run(
        lambda: service.queue.add(WORK, asdict(wanted), owner=owner(key), key=idempotency_key)
    )


async def own_job(service: Service, name: str, key: Key | None) -> Job:
    """A tuning job of the caller's. Raises AbsentError where there is none."""
    job = await service.disk.run(lambda: service.queue.job(name))
    if job.work != WORK or not owns(key, job.owner):
        raise AbsentError(f"There is no job '{name[:100]}'.")
    return job


async def own_jobs(
    service: Service,
    key: Key | None,
    *,
    after: str | None,
    limit: int,
    metadata: Mapping[str, str] | None = None,
) -> Sequence[Job]:
    """The caller's tuning jobs, newest first, past `after`."""
    whose = None if sees_all(key) else owner(key)
    if after is not None:
        await own_job(service, after, key)
    most = 10_000 if metadata else limit
    found = await service.disk.run(
        lambda: service.queue.jobs(WORK, owner=whose, after=after, limit=most)
    )
    asked = (metadata or {}).items()
    return [job for job in found if asked <= job.asked["metadata"].items()][:limit]


async def moved(service: Service, name: str, key: Key | None, change: Callable[[str], Job]) -> Job:
    """A job of the caller's after a change of its state."""
    await own_job(service, name, key)
    return await service.disk.run(lambda: change(name))


async def _checked_files(service: Service, body: JobRequest, key: Key | None) -> str:
    """What the training file is called. Refused for files of others, or not for tuning."""
    called = {}
    for param in ("training_file", "validation_file"):
        name = getattr(body, param)
        if name is None:
            continue
        try:
            stored = await stored_file(service, name, key)
        except AbsentError as absent:
            raise bad_request(f"There is no file '{name}'.", param=param) from absent
        if stored.about["purpose"] != "fine-tune":
            raise bad_request("The file is not for purpose 'fine-tune'.", param=param)
        called[param] = stored.about["filename"]
    return called["training_file"]


def _told(job: Job) -> JobObject:
    wanted, made = Wanted(**job.asked), job.result
    epochs, batch = (made or {}).get("epochs"), (made or {}).get("batch")
    chosen = Hyperparameters(
        n_epochs=wanted.epochs or epochs or "auto",
        batch_size=wanted.batch or batch or "auto",
        learning_rate_multiplier=wanted.rate or "auto",
    )
    error = None if job.error is None else JobError(code="job_failed", message=job.error)
    return JobObject(
        id=job.id,
        created_at=int(job.created),
        error=error,
        fine_tuned_model=made["name"] if made else None,
        finished_at=None if job.finished is None else int(job.finished),
        hyperparameters=chosen,
        method=Method(type="supervised", supervised=Supervised(hyperparameters=chosen)),
        model=wanted.model,
        organization_id=job.owner or "local",
        seed=wanted.seed,
        status=job.state,
        trained_tokens=made["trained_tokens"] if made else None,
        training_file=wanted.training,
        validation_file=wanted.validation,
        metadata=dict(wanted.metadata) or None,
        result=None if made is None else _measured(made),
    )


def _measured(made: Mapping[str, Any]) -> dict[str, Any]:
    told = (
        *("answer", "sentence", "delivered", "rung", "metric", "base", "tuned", "gain", "seconds"),
        *("skipped", "best"),  # the last only where there was a contest
    )
    return {name: made[name] for name in told if name in made}


def _event(event: Event) -> EventObject:
    measures = event.data is not None and bool({"tuned", "valid_score"} & event.data.keys())
    return EventObject(
        id=event.id,
        created_at=int(event.created),
        level=event.level,
        message=event.message,
        type="metrics" if measures else "message",
        data=None if event.data is None else dict(event.data),
    )


def _number(given: Any) -> Any:
    return None if given == "auto" else given


def _budget(given: str | None) -> float:
    try:
        return BUDGET if given is None else float(given)
    except ValueError as wrong:
        raise bad_request("metadata 'budget' is a number of seconds.", param="metadata") from wrong


def _keep(given: str | None) -> bool:
    if given not in (None, "docstrings", "none"):
        raise bad_request("metadata 'keep' is docstrings or none.", param="metadata")
    return given != "none"
