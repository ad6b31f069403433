"""/v2/ai/clusters: what a bucket's chunks are about, found by jobs."""

from html import escape
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from tunewise.jobs.clustered import forget, found
from tunewise.jobs.clustering import NODES
from tunewise.jobs.embedding import iso
from tunewise.jobs.job import Job
from tunewise.serving.access import need
from tunewise.serving.collections import check_opens, no_collection
from tunewise.serving.keys import Key
from tunewise.serving.refused import Reason, Refused
from tunewise.serving.service import Service
from tunewise.serving.telnyx.errors import RESPONSES
from tunewise.serving.telnyx.names import BucketField, check_bucket, check_own, own_jobs, owner_of
from tunewise.serving.telnyx.paging import PageMeta, PageNumber, PageSize, paged

router = APIRouter(prefix="/v2/ai/clusters", tags=["clusters"], responses=RESPONSES)

Status = Literal["pending", "starting", "running", "completed", "failed"]

_WORK = "cluster"
_LISTED = 10_000
_STATUS: dict[str, Status] = {
    "queued": "pending",
    "paused": "pending",
    "running": "running",
    "succeeded": "completed",
}
_SIDE, _EDGE = 800, 60  # pixels of the picture
_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")
_search = need("search")
_Name = Annotated[str, Field(min_length=1, max_length=1_024)]


class ClusterRequest(BaseModel):
    """Which chunks of an embedded bucket, and how many make a cluster."""

    model_config = ConfigDict(extra="forbid", strict=True)

    bucket: BucketField
    files: Annotated[list[_Name], Field(max_length=1_000)] | None = None
    prefix: _Name | None = None
    min_cluster_size: Annotated[int, Field(ge=1, le=1_000_000)] = 25
    min_subcluster_size: Annotated[int, Field(ge=1, le=1_000_000)] = 5


class Begun(BaseModel):
    """The task that finds clusters."""

    task_id: str


class BegunContent(BaseModel):
    """As Telnyx wraps it."""

    data: Begun


class ClusterTask(BaseModel):
    """A task, and how it stands."""

    bucket: str
    task_id: str
    status: Status
    min_cluster_size: int
    min_subcluster_size: int
    created_at: str
    finished_at: str | None


class ClusterTasks(BaseModel):
    """Tasks, newest first."""

    data: list[ClusterTask]
    meta: PageMeta


class Node(BaseModel):
    """A chunk in a cluster."""

    text: str
    filename: str


class Cluster(BaseModel):
    """A cluster: named by the words that tell it from the others, and its most central chunk."""

    cluster_id: str
    cluster_summary: str
    cluster_header: str
    total_number_of_nodes: int
    nodes: list[Node]
    subclusters: list["Cluster"]


class Clusters(BaseModel):
    """What a task found, largest first; nothing before it is completed. `error` says why not."""

    bucket: str
    status: Status
    clusters: list[Cluster]
    error: str | None = None


class ClustersContent(BaseModel):
    """As Telnyx wraps it."""

    data: Clusters


@router.post("")
async def compute_clusters(
    body: ClusterRequest, request: Request, key: Annotated[Key | None, Depends(_search)]
) -> BegunContent:
    """Begins to find clusters among the chunks of an embedded bucket."""
    service: Service = request.app.state.service
    check_bucket(body.bucket, param="bucket")
    check_opens(key, body.bucket)
    asked = {
        "bucket": body.bucket,
        "files": body.files,
        "prefix": body.prefix,
        "least": body.min_cluster_size,
        "least_within": body.min_subcluster_size,
    }

    def begin() -> Job:
        if service.collections.there(body.bucket) is None:
            raise no_collection(body.bucket)
        return service.queue.add(_WORK, asked, owner=owner_of(key))

    job = await service.disk.run(begin)
    return BegunContent(data=Begun(task_id=job.id))


@router.get("")
async def list_clusters(
    request: Request,
    key: Annotated[Key | None, Depends(_search)],
    number: PageNumber = 1,
    size: PageSize = 20,
) -> ClusterTasks:
    """The key's tasks."""
    service: Service = request.app.state.service
    jobs = await service.disk.run(lambda: own_jobs(service.queue, _WORK, key, _LISTED))
    some, meta = paged(jobs, number, size)
    return ClusterTasks(data=[_told(job) for job in some], meta=meta)


@router.get("/{task_id}")
async def retrieve_clusters(
    task_id: str,
    request: Request,
    key: Annotated[Key | None, Depends(_search)],
    top_n_nodes: Annotated[int, Query(ge=0, le=NODES)] = 10,
    show_subclusters: bool = False,
) -> ClustersContent:
    """What a task found, with the most central chunks of each cluster."""
    job, clusters = await _found(request, task_id, key)
    told = [_cluster(each, top_n_nodes, within=show_subclusters) for each in clusters]
    return ClustersContent(
        data=Clusters(
            bucket=job.asked["bucket"], status=_status(job), clusters=told, error=job.error
        )
    )


@router.get(
    "/{task_id}/graph",
    response_class=Response,
    responses={200: {"content": {"image/svg+xml": {}}}},
)
async def fetch_graph(
    task_id: str,
    request: Request,
    key: Annotated[Key | None, Depends(_search)],
    cluster_id: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """A picture (SVG) of the clusters: chunks as dots, where their vectors lie farthest apart."""
    job, clusters = await _found(request, task_id, key)
    if job.state != "succeeded":
        told = f"The task is {_status(job)}, so there is no picture."
        raise Refused(told, Reason(404, "not_completed"))
    shown = [each for each in clusters if cluster_id in (None, int(each["cluster_id"]))]
    if cluster_id is not None and not shown:
        raise Refused(f"There is no cluster {cluster_id}.", Reason(404, "not_found", "cluster_id"))
    headers = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"}
    return Response(picture(shown), media_type="image/svg+xml", headers=headers)


@router.delete("/{task_id}", status_code=204)
async def delete_clusters(
    task_id: str, request: Request, key: Annotated[Key | None, Depends(_search)]
) -> None:
    """Deletes a task and what it found; one that runs is ended."""
    service: Service = request.app.state.service
    home = service.home
    assert home is not None  # noqa: S101 - without one there is no such route

    def delete() -> None:
        job = check_own(service.queue.job(task_id), _WORK, key)
        service.queue.delete(task_id)
        forget(home, job.asked["bucket"], task_id)

    await service.disk.run(delete)


def picture(clusters: list[dict[str, Any]]) -> str:
    """Clusters as an SVG image: a dot a chunk, a colour and a name a cluster."""
    dots = [dot for each in clusters for dot in each["dots"]] or [[0.0, 0.0]]
    low = [min(dot[axis] for dot in dots) for axis in (0, 1)]
    span = max(max(dot[axis] for dot in dots) - low[axis] for axis in (0, 1)) or 1.0

    def at(dot: list[float]) -> tuple[float, float]:
        x, y = (_EDGE + (_SIDE - 2 * _EDGE) * (dot[axis] - low[axis]) / span for axis in (0, 1))
        return round(x, 1), round(_SIDE - y, 1)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIDE} {_SIDE}">',
        f'<rect width="{_SIDE}" height="{_SIDE}" fill="#ffffff"/>',
    ]
    for place, each in enumerate(clusters):
        colour, places = _COLOURS[place % len(_COLOURS)], [at(dot) for dot in each["dots"]]
        lines += [
            f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}" fill-opacity="0.6"/>'
            for x, y in places
        ]
        middle = [round(sum(dot[axis] for dot in places) / len(places), 1) for axis in (0, 1)]
        lines.append(
            f'<text x="{middle[0]}" y="{middle[1]}" text-anchor="middle" '
            'font-family="sans-serif" font-size="14">'
            f"{escape(each['cluster_header'])}</text>"
        )
    return "\n".join([*lines, "</svg>"])


async def _found(
    request: Request, task_id: str, key: Key | None
) -> tuple[Job, list[dict[str, Any]]]:
    service: Service = request.app.state.service
    home = service.home
    assert home is not None  # noqa: S101 - without one there is no such route

    def look() -> tuple[Job, list[dict[str, Any]]]:
        job = check_own(service.queue.job(task_id), _WORK, key)
        return job, found(home, task_id) if job.state == "succeeded" else []

    return await service.disk.run(look)


def _cluster(told: dict[str, Any], nodes: int, *, within: bool) -> Cluster:
    inner = told.get("subclusters", []) if within else []
    return Cluster(
        cluster_id=told["cluster_id"],
        cluster_summary=told["cluster_summary"],
        cluster_header=told["cluster_header"],
        total_number_of_nodes=told["total_number_of_nodes"],
        nodes=[Node(**node) for node in told["nodes"][:nodes]],
        subclusters=[_cluster(each, nodes, within=within) for each in inner],
    )


def _told(job: Job) -> ClusterTask:
    return ClusterTask(
        bucket=job.asked["bucket"],
        task_id=job.id,
        status=_status(job),
        min_cluster_size=job.asked["least"],
        min_subcluster_size=job.asked["least_within"],
        created_at=iso(job.created),
        finished_at=None if job.finished is None else iso(job.finished),
    )


def _status(job: Job) -> Status:
    return _STATUS.get(job.state, "failed")
