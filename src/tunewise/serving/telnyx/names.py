"""Names of buckets and files, and who made a job: what routes check before anything is done."""

from typing import Annotated

from fastapi import Path, Request
from pydantic import Field

from tunewise.jobs.job import Job
from tunewise.jobs.queue import Queue
from tunewise.serving.access import owns, sees_all
from tunewise.serving.collections import check_opens
from tunewise.serving.keys import COLLECTION, Key
from tunewise.serving.refused import Reason, Refused, bad_request

Bucket = Annotated[str, Path(min_length=1, max_length=100)]
Name = Annotated[str, Path(min_length=1, max_length=1_024)]
BucketField = Annotated[str, Field(min_length=1, max_length=100)]


def check_bucket(name: str, *, param: str = "bucket_name") -> None:
    """Raises Refused for what no bucket can be called."""
    if not COLLECTION.fullmatch(name):
        raise bad_request(
            "A bucket is called by up to 40 letters (A to Z), digits, - and _, and begins with a "
            "letter or digit.",
            param=param,
            code="invalid_bucket_name",
        )


async def check_line(request: Request) -> None:
    """Raises Refused for an address with a line break in it, of which a route sees a part only."""
    if "\n" in request.scope["path"] or "\r" in request.scope["path"]:
        raise bad_request("A name has no line break. Choose another.", code="invalid_name")


def owner_of(key: Key | None) -> str:
    """Whose a job is that this caller adds: its key's, or nobody's where no keys are asked for."""
    return "" if key is None else key.id


def own_jobs(queue: Queue, work: str, key: Key | None, most: int) -> list[Job]:
    """The caller's jobs of this work on buckets that its key is for, newest first."""
    whose = None if sees_all(key) else owner_of(key)
    found = queue.jobs(work, owner=whose, limit=most)
    return [job for job in found if key is None or key.opens(job.asked["bucket"])]


def check_own(job: Job, work: str, key: Key | None) -> Job:
    """The job, if it is of this work and the caller's. Raises Refused as for one that is not.

    So it does where the key is not, or no longer, for the job's bucket.
    """
    if job.work != work or not owns(key, job.owner):
        raise Refused(f"There is no job '{job.id}'.", Reason(404, "not_found"))
    check_opens(key, job.asked["bucket"])
    return job
