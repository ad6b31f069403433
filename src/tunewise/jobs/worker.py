"""`python -m tunewise.jobs.worker HOME`: takes jobs and runs each in a process of its own."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from tunewise.jobs.home import Home
from tunewise.jobs.job import GOING, Job
from tunewise.jobs.lifeline import end_with_parent
from tunewise.jobs.queue import Queue
from tunewise.jobs.works import WORKS

_LOOKS = 0.25  # seconds between two looks at whether the job is still wanted
_HOUR = 3600.0
_ALL = 2**31


def work(
    home: Home,
    stopping: Callable[[], bool],
    *,
    works: Mapping[str, str] = WORKS,
    hours: float = 24.0,
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Takes jobs until `stopping` says so; the one under way is queued again then.

    `hours` is how long one may take. `beat` is called a few times a second.
    """
    queue = Queue(home.jobs)
    tidy(home, queue)
    with queue.present() as worker:
        while not stopping():
            beat()
            job = queue.take(worker)
            if job is None:
                time.sleep(_LOOKS)
            elif job.work in works:
                _attempt(home, queue, job, works[job.work], stopping, hours, beat)
            else:
                queue.finish(job, error=f"There is no work '{job.work}' in this version.")
    queue.close()


def tidy(home: Home, queue: Queue) -> None:
    """Removes the folders of jobs that are over or forgotten."""
    folders = list(home.at_work("").glob("job-*"))  # first: a job added meanwhile has none here
    going = {job.id for job in queue.jobs(states=GOING, limit=_ALL)} if folders else set()
    for folder in folders:
        if folder.stem not in going:
            shutil.rmtree(folder, ignore_errors=True)
            folder.with_suffix(".lock").unlink(missing_ok=True)


def _attempt(
    home: Home,
    queue: Queue,
    job: Job,
    path: str,
    stopping: Callable[[], bool],
    hours: float,
    beat: Callable[[], None],
) -> None:
    until = time.monotonic() + hours * _HOUR
    command = [sys.executable, "-m", "tunewise.jobs.child"]
    with subprocess.Popen(  # noqa: S603 - our own module
        [*command, str(home.folder), job.id, str(job.attempts), path],
        stdin=subprocess.PIPE,  # held open as long as this process lives
        stdout=2,
        start_new_session=True,
    ) as child:
        try:
            while not _over(child) and queue.has(job) and not stopping():
                beat()
                if time.monotonic() > until:
                    queue.finish(job, error=f"It took longer than {hours:g} hours.")
        finally:
            _kill(child)
    if stopping():
        queue.give_back(job)
    elif queue.has(job):  # it ended without a word
        queue.give_back(job, crashed=_how(child.returncode))
    tidy(home, queue)


def _over(child: "subprocess.Popen[bytes]") -> bool:
    try:
        child.wait(_LOOKS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(child: "subprocess.Popen[bytes]") -> None:
    """Ends a child and all that it started, and waits for its end."""
    with suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    child.wait()


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def main(arguments: list[str]) -> int:
    """Works until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m tunewise.jobs.worker")
    parser.add_argument("home", type=Path)
    parser.add_argument("--hours", type=float, default=24.0, help="how long a job may take")
    parser.add_argument(
        "--work", action="append", default=[], metavar="NAME=MODULE:FUNCTION", help="a further work"
    )
    parser.add_argument(
        "--watched", action="store_true", help="ends with its parent, and says that it lives"
    )
    parsed = parser.parse_args(arguments)
    told: list[str] = []  # no event: set by a signal amid its own waiting, it would wait forever
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: told.append("by a signal"))
    if parsed.watched:
        end_with_parent(lambda: told.append("by the parent's end"))
    works = {**WORKS, **dict(each.split("=", 1) for each in parsed.work)}
    beat = _beat if parsed.watched else lambda: None
    work(Home(parsed.home), lambda: bool(told), works=works, hours=parsed.hours, beat=beat)
    return 0


def _beat() -> None:
    with suppress(BrokenPipeError):  # the reader is gone; the end of the lifeline will say so
        os.write(1, b".")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
