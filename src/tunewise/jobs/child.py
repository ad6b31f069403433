"""`python -m tunewise.jobs.child HOME JOB ATTEMPT WORK`: one attempt at one job, in a process."""

import os
import sys
import traceback
from pathlib import Path

from filelock import FileLock

from tunewise.errors import TunewiseError
from tunewise.jobs.home import Home
from tunewise.jobs.job import Job
from tunewise.jobs.lifeline import end_group, end_with_parent
from tunewise.jobs.queue import Queue
from tunewise.jobs.works import found, place_of

_NICE = 5  # who asks the server waits; a job has time
_FIRST_TO_GO = "500"  # of -1000 to 1000, when the machine is out of memory
_WAIT = 60.0  # seconds until a former attempt, killed by now, has let go


def main(arguments: list[str]) -> int:
    """Runs the work and ends the job with what came of it, if it is still this attempt's."""
    end_with_parent(end_group)
    _step_back()
    home, name, attempt, work = Home(Path(arguments[0])), *arguments[1:]
    lock = home.at_work(name).with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    queue = Queue(home.jobs)
    # No two attempts at once: who killed the last one need not have waited for its end.
    with FileLock(lock, timeout=_WAIT):
        job = queue.job(name)
        if job.state == "running" and job.attempts == int(attempt):
            _end(home, queue, job, work)
    queue.close()
    return 0


def _end(home: Home, queue: Queue, job: Job, work: str) -> None:
    try:
        result = found(work)(job.asked, place_of(home, job.id, queue))
    except TunewiseError as refusal:
        queue.finish(job, error=home.unplaced(str(refusal)))
    except Exception as error:
        traceback.print_exc()  # on standard error, which is the server's log
        queue.finish(
            job,
            error=f"The work failed inside ({type(error).__name__}). The server's log says where.",
        )
    else:
        queue.finish(job, result=result)


def _step_back() -> None:
    """Leaves processor and memory to the server first."""
    if hasattr(os, "nice"):
        os.nice(_NICE)
    asked = Path("/proc/self/oom_score_adj")
    if asked.exists() and os.access(asked, os.W_OK):
        asked.write_text(_FIRST_TO_GO, encoding="ascii")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
