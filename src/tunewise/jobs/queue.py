"""Queue: jobs on disk, each taken by one worker at a time and ended once.

No clock decides anything: times are for people. A worker holds a lock file as long as it lives,
and the system lets go of a dead one's, so who lives is known at once, whatever the clock says.
Each taking of a job has a number, and only who holds the last one may end it.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from filelock import FileLock, Timeout

from tunewise.database import Database
from tunewise.errors import AbsentError, BusyError, OptionError
from tunewise.jobs.job import ENDED, GOING, STATES, Event, Job, Level, State, event_of, job_of

_MOVED_ON = "Its worker ended; it goes on with another."
_LETTERS = 256  # of an idempotency key
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, work TEXT NOT NULL,
    asked TEXT NOT NULL, owner TEXT NOT NULL, key TEXT, state TEXT NOT NULL, result TEXT,
    error TEXT, created REAL NOT NULL, started REAL, finished REAL, attempts INTEGER NOT NULL,
    worker TEXT, crashes INTEGER NOT NULL, orphaned INTEGER NOT NULL, UNIQUE (work, owner, key)
);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, place);
CREATE TABLE IF NOT EXISTS events (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, job TEXT NOT NULL,
    created REAL NOT NULL, level TEXT NOT NULL, message TEXT NOT NULL, data TEXT
);
CREATE INDEX IF NOT EXISTS events_by_job ON events (job, place);
"""


class Queue:
    """The jobs in a file. At most `most` wait at once, and an owner's share is a quarter of them.

    A job is given up when the process that ran it died `crashes` times of itself, or `orphaned`
    times with its worker.

    >>> import tempfile
    >>> queue = Queue(Path(tempfile.mkdtemp()) / "jobs.db")
    >>> job = queue.add("count", {"to": 3})
    >>> with queue.present() as worker:
    ...     taken = queue.take(worker)
    ...     queue.finish(taken, result={"counted": 3})
    True
    >>> queue.job(job.id).state, queue.job(job.id).result
    ('succeeded', {'counted': 3})
    >>> queue.close()
    """

    def __init__(
        self,
        path: Path,
        *,
        most: int = 1_000,
        crashes: int = 3,
        orphaned: int = 30,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._most, self._crashes, self._orphaned, self._clock = most, crashes, orphaned, clock
        self._workers = path.with_name(f"{path.stem}.workers")
        self._file = Database(path, _SCHEMA)

    def add(
        self, work: str, asked: Mapping[str, Any], *, owner: str = "", key: str | None = None
    ) -> Job:
        """A new job at the end of the queue; the one there is, if `key` was given before.

        Raises BusyError where too many wait, OptionError for a key that was given with another
        request.
        """
        if key is not None and not 0 < len(key) <= _LETTERS:
            raise OptionError(f"An idempotency key has 1 to {_LETTERS} letters.")
        told = json.dumps(asked, sort_keys=True)
        with self._file.whole():
            there = self._file.run(
                "SELECT * FROM jobs WHERE work = ? AND owner = ? AND key = ?", (work, owner, key)
            )
            if there and there[0]["asked"] != told:
                raise OptionError(
                    "This idempotency key was sent before with another request. Send a new one."
                )
            if there:
                return job_of(there[0])
            self._require_room(owner)
            name = f"job-{uuid4().hex}"
            self._file.run(
                "INSERT INTO jobs (id, work, asked, owner, key, state, created, attempts, "
                "crashes, orphaned) VALUES (?, ?, ?, ?, ?, 'queued', ?, 0, 0, 0)",
                (name, work, told, owner, key, self._clock()),
            )
            return self.job(name)

    def job(self, id: str) -> Job:  # noqa: A002 - the word that users see
        """A job. Raises AbsentError where there is none."""
        found = self._file.read(job_of, "SELECT * FROM jobs WHERE id = ?", (id,))
        if not found:
            raise AbsentError(f"There is no job '{id[:100]}'.")
        return found[0]

    def jobs(
        self,
        work: str | None = None,
        states: Sequence[State] = (),
        *,
        owner: str | None = None,
        after: str | None = None,
        limit: int = 20,
    ) -> list[Job]:
        """Jobs, newest first: of one work, in some states, of one owner; those past `after`.

        Raises AbsentError where `after` is no job.
        """
        marks = ", ".join("?" for _ in states)
        return self._file.read(
            job_of,
            "SELECT * FROM jobs WHERE (? IS NULL OR work = ?) AND (? IS NULL OR owner = ?) AND "  # noqa: S608
            f"place < ? {f'AND state IN ({marks}) ' if states else ''}ORDER BY place DESC LIMIT ?",
            (work, work, owner, owner, self._place("jobs", after), *states, limit),
        )

    def counts(self) -> dict[State, int]:
        """How many jobs there are in each state."""
        rows = self._file.run("SELECT state, count(*) AS jobs FROM jobs GROUP BY state")
        found = {row["state"]: row["jobs"] for row in rows}
        return {state: found.get(state, 0) for state in STATES}

    def cancel(self, id: str) -> Job:  # noqa: A002
        """Ends a job for good; its worker notices and stops. Raises OptionError if it had ended."""
        return self._move(id, (*GOING, "cancelled"), "cancelled")

    def pause(self, id: str) -> Job:  # noqa: A002
        """Keeps a job from going on until `resume`. Raises OptionError if it had ended."""
        return self._move(id, GOING, "paused")

    def resume(self, id: str) -> Job:  # noqa: A002
        """Queues a paused job again; its folder is as it was. Raises OptionError if it is ended."""
        return self._move(id, GOING, "queued")

    def delete(self, id: str) -> None:  # noqa: A002
        """Forgets a job and its events, cancelling it first. Raises AbsentError if it is not."""
        with self._file.whole():
            self.job(id)
            self._file.run("DELETE FROM jobs WHERE id = ?", (id,))
            self._file.run("DELETE FROM events WHERE job = ?", (id,))

    def events(self, id: str, after: str | None = None, limit: int = 20) -> list[Event]:  # noqa: A002
        """What was told of a job, newest first; what was told before the event `after`."""
        self.job(id)
        return self._file.read(
            event_of,
            "SELECT * FROM events WHERE job = ? AND place < ? ORDER BY place DESC LIMIT ?",
            (id, self._place("events", after), limit),
        )

    def add_event(
        self,
        id: str,  # noqa: A002
        message: str,
        level: Level = "info",
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Tells something of a job."""
        self._file.run(
            "INSERT INTO events (id, job, created, level, message, data) VALUES (?, ?, ?, ?, ?, ?)",
            (
                f"event-{uuid4().hex}",
                id,
                self._clock(),
                level,
                message,
                None if data is None else json.dumps(data),
            ),
        )

    @contextmanager
    def present(self) -> Iterator[str]:
        """A name for a worker, which is known to live until the block ends or the process dies."""
        self._workers.mkdir(parents=True, exist_ok=True)
        name = uuid4().hex
        with FileLock(self._workers / name, timeout=0):
            yield name
        (self._workers / name).unlink(missing_ok=True)

    def take(self, worker: str) -> Job | None:
        """The job that has waited longest, which is this worker's from now on; None if none waits.

        What dead workers had is queued again first, in its old place.
        """
        self.revive()
        rows = self._file.run(
            "UPDATE jobs SET state = 'running', worker = ?, attempts = attempts + 1, "
            "started = coalesce(started, max(created, ?)) "
            "WHERE place = (SELECT min(place) FROM jobs WHERE state = 'queued') RETURNING *",
            (worker, self._clock()),
        )
        return job_of(rows[0]) if rows else None

    def has(self, job: Job) -> bool:
        """Whether the job is still whose it was when it was taken: neither ended nor paused."""
        rows = self._file.run(
            "SELECT 1 FROM jobs WHERE id = ? AND attempts = ? AND state = 'running'",
            (job.id, job.attempts),
        )
        return bool(rows)

    def finish(
        self, job: Job, *, result: Mapping[str, Any] | None = None, error: str | None = None
    ) -> bool:
        """Ends a job that was taken, with a result or an error; False if it is not the taker's.

        Then it was cancelled, paused or given to another meanwhile, and nothing is changed.
        """
        state: State = "succeeded" if error is None else "failed"
        told = json.dumps(result or {}) if error is None else None
        with self._file.whole():
            return self._end(job, state, told, error)

    def give_back(self, job: Job, *, crashed: str | None = None) -> bool:
        """Queues a job that was taken again; False if it is not the taker's.

        `crashed` says how the process that ran it died: that is counted, and too often fails it.
        """
        with self._file.whole():
            if not self._file.change(
                "UPDATE jobs SET state = 'queued', worker = NULL, crashes = crashes + ? "
                "WHERE id = ? AND attempts = ? AND state = 'running'",
                (int(crashed is not None), job.id, job.attempts),
            ):
                return False
            if crashed is None:
                self.add_event(job.id, _MOVED_ON)
            else:
                self._count_crash(job.id, crashed)
            return True

    def revive(self) -> list[str]:
        """Queues again what dead workers had, and gives the ids."""
        rows = self._file.run("SELECT DISTINCT worker FROM jobs WHERE state = 'running'")
        found: list[str] = []
        for dead in (row["worker"] for row in rows if not self._lives(row["worker"])):
            with self._file.whole():
                orphans = self._file.run(
                    "UPDATE jobs SET state = 'queued', worker = NULL, orphaned = orphaned + 1 "
                    "WHERE state = 'running' AND worker = ? RETURNING id, orphaned",
                    (dead,),
                )
                for row in orphans:
                    self.add_event(row["id"], _MOVED_ON, "warn")
                    if row["orphaned"] >= self._orphaned:
                        self._give_up(row["id"], f"Its worker died {row['orphaned']} times.")
            (self._workers / dead).unlink(missing_ok=True)
            found += [row["id"] for row in orphans]
        return found

    def check(self) -> None:
        """Raises StoreError where the file is damaged."""
        self._file.check()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _lives(self, worker: str) -> bool:
        self._workers.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self._workers / worker, timeout=0):
                return False
        except Timeout:
            return True

    def _move(self, name: str, may: Sequence[State], to: State) -> Job:
        """Changes a state at a user's word. What runs or is queued needs no resuming."""
        with self._file.whole():
            job = self.job(name)
            if job.state not in may:
                raise OptionError(
                    f"The job '{name}' is over ({job.state}): nothing more can be done to it."
                )
            if job.state == to or (job.state == "running" and to == "queued"):
                return job
            ended = max(self._clock(), job.started or job.created) if to in ENDED else None
            self._file.run(
                "UPDATE jobs SET state = ?, worker = NULL, finished = ?, crashes = 0, "
                "orphaned = 0 WHERE id = ?",
                (to, ended, name),
            )
            self.add_event(name, _SAID[to])
            return self.job(name)

    def _end(self, job: Job, state: State, result: str | None, error: str | None) -> bool:
        changed = self._file.change(
            "UPDATE jobs SET state = ?, worker = NULL, result = ?, error = ?, "
            "finished = max(started, ?) "
            "WHERE id = ? AND attempts = ? AND state = 'running'",
            (state, result, error, self._clock(), job.id, job.attempts),
        )
        if changed:
            level: Level = "info" if error is None else "error"
            self.add_event(job.id, error or "The job succeeded.", level)
        return changed > 0

    def _count_crash(self, name: str, how: str) -> None:
        self.add_event(name, f"The process that ran it ended: {how}. It is begun again.", "warn")
        [row] = self._file.run("SELECT crashes FROM jobs WHERE id = ?", (name,))
        if row["crashes"] >= self._crashes:
            self._give_up(
                name,
                f"The process that ran it died {row['crashes']} times, at last so: {how}. If "
                "nobody killed it, it may want more memory than there is: ask for less at once.",
            )

    def _give_up(self, name: str, why: str) -> None:
        self._file.run(
            "UPDATE jobs SET state = 'failed', error = ?, finished = max(created, ?) WHERE id = ?",
            (why, self._clock(), name),
        )
        self.add_event(name, why, "error")

    def _require_room(self, owner: str) -> None:
        [row] = self._file.run(
            "SELECT count(*) AS waiting, coalesce(sum(owner = ?), 0) AS own FROM jobs "
            "WHERE state IN ('queued', 'paused')",
            (owner,),
        )
        share = max(1, self._most // 4) if owner else self._most
        if row["waiting"] >= self._most or row["own"] >= share:
            raise BusyError(
                f"{row['waiting']} jobs wait already, {row['own']} of them yours, and no more than "
                f"{self._most} ({share} of one owner) may. Ask again later, or cancel some."
            )

    def _place(self, table: Literal["jobs", "events"], after: str | None) -> int:
        if after is None:
            return 2**62
        rows = self._file.run(f"SELECT place FROM {table} WHERE id = ?", (after,))  # noqa: S608
        if not rows:
            raise AbsentError(f"There is no '{after[:100]}' to go on after.")
        return int(rows[0]["place"])


_SAID: Mapping[State, str] = {
    "cancelled": "The job was cancelled.",
    "paused": "The job was paused.",
    "queued": "The job was resumed.",
}
