"""Works: what can be asked of a worker, by name, and what each is given to work with."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from tunewise.errors import OptionError
from tunewise.jobs.home import Home
from tunewise.jobs.job import Level
from tunewise.jobs.queue import Queue
from tunewise.progress import Progress

WORKS: dict[str, str] = {
    "cluster": "tunewise.jobs.clustering:run",
    "embed": "tunewise.jobs.embedding:run",
    "tune": "tunewise.jobs.tuning:run",
}
"""Where the function of each work is, as MODULE:FUNCTION. Imported by who runs it, and only then.

Called with what was asked and a `Place`, it gives the result. It may be killed at any moment, and
is called again then, with the same: it must go on, and do nothing twice. For what is the user's
fault it raises a TunewiseError, whose message is the job's error.
"""

_EVERY = 5.0  # seconds between two events of progress


class Told(Protocol):
    """Tells an event of the job; `data` holds figures."""

    def __call__(
        self, message: str, level: Level = "info", data: Mapping[str, Any] | None = None
    ) -> None:
        """Keeps it, durably."""


Run = Callable[[Mapping[str, Any], "Place"], Mapping[str, Any]]


@dataclass(frozen=True)
class Place:
    """Where a work works. `folder` is the job's own: kept between attempts, removed at its end."""

    home: Home
    job: str
    folder: Path
    told: "Told"
    progress: Progress


def place_of(home: Home, job: str, queue: Queue) -> Place:
    """The place of a job; what is told there becomes its events."""
    folder = home.at_work(job)
    folder.mkdir(parents=True, exist_ok=True)
    last = -_EVERY

    def told(message: str, level: Level = "info", data: Mapping[str, Any] | None = None) -> None:
        queue.add_event(job, message, level, data)

    def progress(what: str, done: int, total: int) -> None:
        nonlocal last
        if what and (now := time.monotonic()) - last >= _EVERY:
            last = now
            told(what, data={"done": done, "total": total})

    return Place(home, job, folder, told, progress)


def found(path: str) -> Run:
    """The function at MODULE:FUNCTION. Raises OptionError where there is none."""
    module, _, name = path.partition(":")
    try:
        run: Run = getattr(import_module(module), name)
    except (ImportError, AttributeError) as missing:
        raise OptionError(f"There is no work at '{path}': {missing}.") from missing
    return run
