"""Job: what was asked, how it stands and what came of it; and what is told meanwhile."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any, Literal, get_args

State = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
Level = Literal["info", "warn", "error"]
STATES: tuple[State, ...] = get_args(State)
GOING: tuple[State, ...] = ("queued", "running", "paused")
ENDED: tuple[State, ...] = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Job:
    """A job: what is asked of which work, how it stands, and what came of it.

    Times are in seconds since 1970. `result` is there once it succeeded, `error` once it failed.
    `attempts` is how often it was begun; the worker that has it ends it by this number.
    """

    id: str
    work: str
    asked: Mapping[str, Any]
    owner: str
    state: State
    result: Mapping[str, Any] | None
    error: str | None
    created: float
    started: float | None
    finished: float | None
    attempts: int


@dataclass(frozen=True)
class Event:
    """Something told while a job went on; `data` holds figures, `created` seconds since 1970."""

    id: str
    created: float
    level: Level
    message: str
    data: Mapping[str, Any] | None


def job_of(row: Row) -> Job:
    """The job in a row of the database."""
    result = row["result"] and json.loads(row["result"])
    return Job(
        row["id"],
        row["work"],
        json.loads(row["asked"]),
        row["owner"],
        row["state"],
        result,
        row["error"],
        row["created"],
        row["started"],
        row["finished"],
        row["attempts"],
    )


def event_of(row: Row) -> Event:
    """The event in a row of the database."""
    data = row["data"] and json.loads(row["data"])
    return Event(row["id"], row["created"], row["level"], row["message"], data)
